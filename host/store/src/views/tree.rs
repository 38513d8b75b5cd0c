//! Reading and writing a sled tree. A panic of sled is an error of the storage, so that it is never taken for a defect of a fact.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::panics::panic_message;
use jackfield_core::tables::{self, Read, ReadError, Row};

/// From where to where.
pub(crate) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Rows in one direction.
pub(crate) type Rows<'a> = Box<dyn Iterator<Item = tables::Result<Row>> + 'a>;

/// A tree as `tables` reads it. Two calls may see two states.
pub(crate) struct TreeRead<'a>(pub(crate) &'a sled::Tree);

impl Read for TreeRead<'_> {
    fn get(&self, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
        get(self.0, key)
    }

    fn scan<'a>(&'a self, range: Range, reverse: bool) -> Rows<'a> {
        scan(self.0, range, reverse)
    }
}

pub(crate) fn get(tree: &sled::Tree, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
    guarded(|| Ok(tree.get(key)?.map(|value| value.to_vec())))
}

pub(crate) fn scan(tree: &sled::Tree, range: Range, reverse: bool) -> Rows<'static> {
    if is_empty(&range) {
        return Box::new(std::iter::empty());
    }
    let mut rows = match guarded(|| Ok(tree.range::<Vec<u8>, _>(range))) {
        Ok(rows) => rows,
        Err(e) => return Box::new(std::iter::once(Err(e))),
    };
    let mut failed = false;
    Box::new(std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let row = guarded(|| {
            let row = if reverse { rows.next_back() } else { rows.next() };
            row.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec()))).transpose()
        });
        failed = row.is_err();
        row.transpose()
    }))
}

pub(crate) fn apply_batch(tree: &sled::Tree, batch: sled::Batch) -> tables::Result<()> {
    guarded(|| tree.apply_batch(batch))
}

/// Whether nothing can lie in a range. `BTreeMap` panics on such a range and sled searches in vain.
pub(crate) fn is_empty(range: &Range) -> bool {
    match range {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
        _ => false,
    }
}

fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> tables::Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(ReadError::Io(e.to_string())),
        Err(panic) => Err(ReadError::Io(format!("sled panicked: {}", panic_message(&*panic)))),
    }
}
