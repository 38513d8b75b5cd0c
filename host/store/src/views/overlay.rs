//! Changes that wait on top of a sled tree: reads see them, sled does not until they are committed as one batch.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;

use jackfield_core::tables::{self, Read, Row, Write};

use super::{get, is_empty, scan};

/// Changes on top of a tree. None stands for a row that is taken away.
pub(crate) struct Overlay<'a> {
    tree: &'a sled::Tree,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(tree: &'a sled::Tree) -> Self {
        Self {
            tree,
            changes: BTreeMap::new(),
        }
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
        match self.changes.get(key) {
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
        let changes: Changes<'b> = match reverse {
            false => Changes::Forward(self.changes.range(range.clone())),
            true => Changes::Backward(self.changes.range(range.clone()).rev()),
        };
        Box::new(Merged {
            rows: scan(self.tree, range, reverse).peekable(),
            changes: changes.peekable(),
            reverse,
        })
    }
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
enum Changes<'a> {
    Forward(btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>),
    Backward(std::iter::Rev<btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>>),
}

impl<'a> Iterator for Changes<'a> {
    type Item = (&'a Vec<u8>, &'a Option<Vec<u8>>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Changes::Forward(range) => range.next(),
            Changes::Backward(range) => range.next(),
        }
    }
}

/// Rows of the tree and changes in one order; where both have a key, the change counts.
struct Merged<'a> {
    rows: Peekable<Box<dyn Iterator<Item = tables::Result<Row>>>>,
    changes: Peekable<Changes<'a>>,
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
        prop_oneof![
            key().prop_map(Bound::Included),
            key().prop_map(Bound::Excluded),
            Just(Bound::Unbounded)
        ]
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
                let mut overlay = Overlay::new(&db);
                change(&mut overlay, step);
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
                db.apply_batch(overlay.into_batch()).unwrap();
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
