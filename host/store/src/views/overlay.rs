//! Changes that wait on top of a sled tree: reads see them, sled does not until they are committed as one batch.
//!
//! The changes of one fact can be taken back ([`Overlay::roll_back`]), and what one fact reads and writes is counted and bounded.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

use jackfield_core::tables::{self, Read, ReadError, Row, Write};

use super::tree::{Range, Rows, get, is_empty, scan};

/// Bytes of changes that are enough to be stored, though facts of the group are left. On the way into sled they are there three times.
const FULL: usize = 16 << 20;

/// Rows that are set; none stands for a row that is taken away.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The change that was there before; none where there was none.
type Replaced = Option<Option<Vec<u8>>>;

/// Changes on top of a tree.
pub(crate) struct Overlay<'a> {
    tree: &'a sled::Tree,
    /// Changes that are on their way into the tree. Any of them may have arrived; what they say counts either way.
    arriving: Option<&'a Changes>,
    changes: Changes,
    /// Bytes of their keys and rows.
    held: usize,
    /// What the changes of the current fact replaced: for each key what was there before the fact.
    undo: BTreeMap<Vec<u8>, Replaced>,
    work: Work,
    /// The first failure of the tree since the current fact was begun.
    failure: RefCell<Option<String>>,
}

/// What the current fact has read and written, in rows or KiB.
#[derive(Default)]
struct Work {
    limit: u64,
    done: Cell<u64>,
}

impl Work {
    fn spend(&self, bytes: usize) -> tables::Result<()> {
        self.done.set(self.done.get().saturating_add(1 + bytes as u64 / 1024));
        match self.is_exceeded() {
            false => Ok(()),
            true => Err(ReadError::Broken(self.excess())),
        }
    }

    fn is_exceeded(&self) -> bool {
        self.done.get() > self.limit
    }

    fn excess(&self) -> String {
        format!("the fact reads and writes more than {} rows", self.limit)
    }
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(tree: &'a sled::Tree) -> Self {
        Self::above(tree, None)
    }

    pub(crate) fn above(tree: &'a sled::Tree, arriving: Option<&'a Changes>) -> Self {
        let work = Work { limit: u64::MAX, done: Cell::new(0) };
        Self {
            tree,
            arriving,
            changes: Changes::new(),
            held: 0,
            undo: BTreeMap::new(),
            work,
            failure: RefCell::default(),
        }
    }

    /// Begins a fact, which may read and write `limit` rows or KiB of rows. What was changed before can no longer be taken back.
    pub(crate) fn begin(&mut self, limit: u64) {
        self.undo.clear();
        self.work = Work { limit, done: Cell::new(0) };
        self.failure.take();
    }

    /// Takes back what the current fact has changed.
    pub(crate) fn roll_back(&mut self) {
        for (key, before) in std::mem::take(&mut self.undo) {
            self.set(&key, before);
        }
    }

    /// Whether the changes are to be stored before more facts are applied.
    pub(crate) fn is_full(&self) -> bool {
        self.held >= FULL
    }

    /// Why the tree could not be read for the current fact, if so, whatever became of that error.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// That the current fact does too much, if so.
    pub(crate) fn excess(&self) -> Option<String> {
        self.work.is_exceeded().then(|| self.work.excess())
    }

    /// What the current fact has read and written, in bytes.
    pub(crate) fn work(&self) -> u64 {
        self.work.done.get().saturating_mul(1024)
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    fn note<T>(&self, result: tables::Result<T>) -> tables::Result<T> {
        if let Err(ReadError::Io(why)) = &result {
            self.failure.borrow_mut().get_or_insert_with(|| why.clone());
        }
        result
    }

    fn change(&mut self, key: Vec<u8>, change: Option<Vec<u8>>) {
        // Past the limit the fact is taken back in any case, and must not fill the memory before that.
        if self.work.spend(change.as_ref().map_or(0, Vec::len)).is_ok() {
            let before = self.set(&key, Some(change));
            self.undo.entry(key).or_insert(before);
        }
    }

    /// Sets or takes away a change, and gives the one that was there.
    fn set(&mut self, key: &[u8], change: Replaced) -> Replaced {
        let size = |change: &Replaced| change.as_ref().map_or(0, |row| key.len() + row.as_ref().map_or(0, Vec::len));
        let added = size(&change);
        let before = match change {
            Some(change) => self.changes.insert(key.to_vec(), change),
            None => self.changes.remove(key),
        };
        self.held = self.held + added - size(&before);
        before
    }
}

/// Changes as one batch.
pub(crate) fn batch(changes: &Changes) -> sled::Batch {
    let mut batch = sled::Batch::default();
    for (key, change) in changes {
        match change {
            Some(value) => batch.insert(key.as_slice(), value.as_slice()),
            None => batch.remove(key.as_slice()),
        }
    }
    batch
}

impl Read for Overlay<'_> {
    fn get(&self, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
        let arriving = || self.arriving.and_then(|arriving| arriving.get(key));
        let value = match self.changes.get(key).or_else(arriving) {
            Some(change) => change.clone(),
            None => self.note(get(self.tree, key))?,
        };
        self.work.spend(value.as_ref().map_or(0, Vec::len))?;
        Ok(value)
    }

    fn scan<'b>(&'b self, range: Range, reverse: bool) -> Rows<'b> {
        if is_empty(&range) {
            return Box::new(std::iter::empty());
        }
        let mut rows: Rows<'b> = scan(self.tree, range.clone(), reverse);
        for changes in self.arriving.into_iter().chain([&self.changes]) {
            rows = merge(rows, changes, range.clone(), reverse);
        }
        Box::new(rows.map(|row| {
            let row = self.note(row)?;
            self.work.spend(row.1.len())?;
            Ok(row)
        }))
    }
}

/// Rows with changes on top of them.
pub(crate) fn merge<'a>(rows: Rows<'a>, changes: &'a Changes, range: Range, reverse: bool) -> Rows<'a> {
    let changes = changes.range(range);
    let changes = match reverse {
        false => InOrder::Forward(changes),
        true => InOrder::Backward(changes.rev()),
    };
    Box::new(Merged { rows: rows.peekable(), changes: changes.peekable(), reverse })
}

impl Write for Overlay<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.change(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.change(key, None);
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
    use std::ops::Bound;

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

    #[test]
    fn a_fact_that_reads_or_writes_too_much_hears_so_and_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let db = sled::Config::new().path(dir.path()).cache_capacity(1 << 20).open().unwrap();
        let mut overlay = Overlay::new(&db);
        overlay.begin(3);
        overlay.put(vec![1], vec![1]);
        overlay.begin(3);
        overlay.put(vec![2], vec![2]);
        assert_eq!(overlay.get(&[1]).unwrap(), Some(vec![1]));
        assert_eq!(overlay.excess(), None);
        assert_eq!(overlay.scan((Bound::Unbounded, Bound::Unbounded), false).filter(Result::is_ok).count(), 1);
        assert!(matches!(overlay.get(&[1]), Err(ReadError::Broken(_))));
        assert!(overlay.excess().is_some());
        overlay.roll_back();
        assert_eq!(overlay.into_changes(), Changes::from([(vec![1], Some(vec![1]))]));
    }

    #[test]
    fn a_row_that_a_fact_changes_again_and_again_is_held_twice_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let db = sled::Config::new().path(dir.path()).cache_capacity(1 << 20).open().unwrap();
        let mut overlay = Overlay::new(&db);
        overlay.put(vec![1], vec![0; 1000]);
        overlay.begin(u64::MAX);
        for n in 1..=100 {
            overlay.put(vec![1], vec![n; 1000]);
        }
        assert_eq!(overlay.undo.len(), 1);
        overlay.roll_back();
        assert_eq!(overlay.into_changes(), Changes::from([(vec![1], Some(vec![0; 1000]))]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_a_fact_changed_is_taken_back_whole(before in changes(), fact in changes()) {
            let dir = tempfile::tempdir().unwrap();
            let db = sled::Config::new().path(dir.path()).cache_capacity(1 << 20).open().unwrap();
            let mut overlay = Overlay::new(&db);
            change(&mut overlay, &before);
            let kept = overlay.changes.clone();
            overlay.begin(u64::MAX);
            change(&mut overlay, &fact);
            overlay.roll_back();
            prop_assert_eq!(overlay.into_changes(), kept);
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
                let second = batch(&overlay.into_changes());
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
