//! Changes that wait on top of a sled tree: reads see them, sled does not until they are committed as one batch.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;

use jackfield_core::tables::{self, Read, Row, Write};

use super::{get, is_empty, scan};

/// Rows that are set; none stands for a row that is taken away.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Changes on top of a tree.
pub(crate) struct Overlay<'a> {
    tree: &'a sled::Tree,
    /// Changes that are on their way into the tree. Any of them may have arrived; what they say counts either way.
    arriving: Option<&'a Changes>,
    changes: Changes,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(tree: &'a sled::Tree) -> Self {
        Self::above(tree, None)
    }

    pub(crate) fn above(tree: &'a sled::Tree, arriving: Option<&'a Changes>) -> Self {
        Self { tree, arriving, changes: Changes::new() }
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    pub(crate) fn into_batch(self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for (key, change) in self.changes {
            match change {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}

impl Read for Overlay<'_> {
    fn get(&self, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
        let arriving = || self.arriving.and_then(|arriving| arriving.get(key));
        match self.changes.get(key).or_else(arriving) {
            Some(change) => Ok(change.clone()),
            None => get(self.tree, key),
        }
    }

    fn scan<'b>(
        &'b self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = tables::Result<Row>> + 'b> {
        if is_empty(&range) {
            return Box::new(std::iter::empty());
        }
        let mut rows: Rows<'b> = scan(self.tree, range.clone(), reverse);
        for changes in self.arriving.into_iter().chain([&self.changes]) {
            rows = merge(rows, changes, range.clone(), reverse);
        }
        rows
    }
}

type Rows<'a> = Box<dyn Iterator<Item = tables::Result<Row>> + 'a>;

fn merge<'a>(rows: Rows<'a>, changes: &'a Changes, range: (Bound<Vec<u8>>, Bound<Vec<u8>>), reverse: bool) -> Rows<'a> {
    let changes = changes.range(range);
    let changes = match reverse {
        false => InOrder::Forward(changes),
        true => InOrder::Backward(changes.rev()),
    };
    Box::new(Merged { rows: rows.peekable(), changes: changes.peekable(), reverse })
}

impl Write for Overlay<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }
}

/// The changes of a range in one direction or the other.
enum InOrder<'a> {
    Forward(btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>),
    Backward(std::iter::Rev<btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>>),
}

impl<'a> Iterator for InOrder<'a> {
    type Item = (&'a Vec<u8>, &'a Option<Vec<u8>>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            InOrder::Forward(range) => range.next(),
            InOrder::Backward(range) => range.next(),
        }
    }
}

/// Rows of the tree and changes in one order; where both have a key, the change counts.
struct Merged<'a> {
    rows: Peekable<Rows<'a>>,
    changes: Peekable<InOrder<'a>>,
    reverse: bool,
}

impl Iterator for Merged<'_> {
    type Item = tables::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let change_is_next = match (self.rows.peek(), self.changes.peek()) {
                (Some(Err(_)), _) | (_, None) => return self.rows.next(),
                (None, Some(_)) => true,
                (Some(Ok((row, _))), Some((changed, _))) => {
                    if row == *changed {
                        self.rows.next();
                        continue;
                    }
                    (row > *changed) != self.reverse
                }
            };
            if !change_is_next {
                return self.rows.next();
            }
            if let Some((key, Some(value))) = self.changes.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tables::Memory;

    use super::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0_u8..4, 0..3)
    }

    fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
        prop_oneof![key().prop_map(Bound::Included), key().prop_map(Bound::Excluded), Just(Bound::Unbounded)]
    }

    fn changes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<u8>)>> {
        prop::collection::vec((key(), prop::option::of(any::<u8>())), 0..20)
    }

    fn change(tables: &mut dyn Write, changes: &[(Vec<u8>, Option<u8>)]) {
        for (key, value) in changes {
            match value {
                Some(value) => tables.put(key.clone(), vec![*value]),
                None => tables.delete(key.clone()),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn an_overlay_and_then_sled_read_like_a_map(
            before in changes(),
            after in changes(),
            ranges in prop::collection::vec((bound(), bound(), any::<bool>()), 8),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let db = sled::Config::new().path(dir.path()).cache_capacity(1 << 20).open().unwrap();
            let mut memory = Memory::default();
            for step in [&before, &after] {
                // Half of the changes are on their way into sled, and some of those have arrived.
                let (arriving, later) = step.split_at(step.len() / 2);
                let mut first = Overlay::new(&db);
                change(&mut first, arriving);
                let first = first.into_changes();
                for (key, value) in first.iter().step_by(2) {
                    match value {
                        Some(value) => drop(db.insert(key, value.clone()).unwrap()),
                        None => drop(db.remove(key).unwrap()),
                    }
                }
                let mut overlay = Overlay::above(&db, Some(&first));
                change(&mut overlay, later);
                change(&mut memory, step);
                for (from, to, reverse) in &ranges {
                    let range = (from.clone(), to.clone());
                    let expected: Vec<Row> = memory.scan(range.clone(), *reverse).map(Result::unwrap).collect();
                    let seen: Vec<Row> = overlay.scan(range, *reverse).map(Result::unwrap).collect();
                    prop_assert_eq!(seen, expected);
                }
                for (key, _) in step {
                    prop_assert_eq!(overlay.get(key).unwrap(), memory.get(key).unwrap());
                }
                let second = overlay.into_batch();
                for (key, value) in first {
                    match value {
                        Some(value) => drop(db.insert(key, value).unwrap()),
                        None => drop(db.remove(key).unwrap()),
                    }
                }
                db.apply_batch(second).unwrap();
                for (from, to, reverse) in &ranges {
                    let range = (from.clone(), to.clone());
                    let expected: Vec<Row> = memory.scan(range.clone(), *reverse).map(Result::unwrap).collect();
                    let seen: Vec<Row> = scan(&db, range, *reverse).map(Result::unwrap).collect();
                    prop_assert_eq!(seen, expected);
                }
            }
        }
    }
}
