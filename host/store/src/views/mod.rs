//! The views, in sled: one tree, in which a group of facts and the applied number change together.
//!
//! What sled 0.34.7 gives and does not give, read from its source and measured:
//!
//! * A [`sled::Batch`] on one tree is recovered as a whole or not at all after the death of the process: `apply_batch_inner` reserves a
//!   batch manifest, writes the changes, and `seal_batch` puts the position of the last of them into the manifest; recovery
//!   (`LogIter`) stops at a manifest whose last position is not there. The one tree is why there is no cross-tree transaction here.
//! * `flush` is not durable against power loss. Nothing here relies on it: the journal is, and [`recovery`](crate::recovery) builds the
//!   views again after another boot.
//! * Reads see a batch in whole or not at all, call by call, and wait while one is put into the tree, never for a disk. Two calls may
//!   see two states; there are no snapshots. Whoever needs one state compares [`View::applied`] before and after.

mod bulk;
mod open;
mod overlay;

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jackfield_core::apply::{Applied, apply};
use jackfield_core::fact::Entry;
use jackfield_core::ids::Seq;
use jackfield_core::tables::{self, Read, ReadError, Row};

pub(crate) use bulk::load;
pub(crate) use open::{SledOptions, open_sled, released_within};
pub(crate) use overlay::Overlay;

use crate::recovery::Lock;

/// A reader. Cheap to make and to clone; keeps the data folder locked as long as it lives. After the store was closed every read fails.
#[derive(Clone)]
pub struct View {
    pub(crate) tree: Option<sled::Tree>,
    pub(crate) _lock: Arc<Lock>,
}

impl View {
    /// The number of the last fact whose consequences are there.
    ///
    /// # Errors
    /// When sled cannot be read.
    pub fn applied(&self) -> tables::Result<Seq> {
        tables::applied(self)
    }

    fn tree(&self) -> tables::Result<&sled::Tree> {
        self.tree.as_ref().ok_or_else(|| ReadError::Io(String::from("the store is closed")))
    }
}

impl Read for View {
    fn get(&self, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
        get(self.tree()?, key)
    }

    fn scan<'a>(
        &'a self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = tables::Result<Row>> + 'a> {
        match self.tree() {
            Ok(tree) => scan(tree, range, reverse),
            Err(e) => Box::new(std::iter::once(Err(e))),
        }
    }
}

/// A tree as `tables` reads it.
pub(crate) struct TreeRead<'a>(pub(crate) &'a sled::Tree);

impl Read for TreeRead<'_> {
    fn get(&self, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
        get(self.0, key)
    }

    fn scan<'a>(
        &'a self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = tables::Result<Row>> + 'a> {
        scan(self.0, range, reverse)
    }
}

pub(crate) fn get(tree: &sled::Tree, key: &[u8]) -> tables::Result<Option<Vec<u8>>> {
    tree.get(key).map(|value| value.map(|v| v.to_vec())).map_err(read_error)
}

pub(crate) fn scan(
    tree: &sled::Tree,
    range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    reverse: bool,
) -> Box<dyn Iterator<Item = tables::Result<Row>>> {
    if is_empty(&range) {
        return Box::new(std::iter::empty());
    }
    let row = |item: sled::Result<(sled::IVec, sled::IVec)>| {
        item.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(read_error)
    };
    let rows = tree.range::<Vec<u8>, _>(range).map(row);
    if reverse { Box::new(rows.rev()) } else { Box::new(rows) }
}

/// Whether nothing can lie in a range. `BTreeMap` panics on such a range and sled searches in vain.
pub(crate) fn is_empty(range: &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> bool {
    match range {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
        _ => false,
    }
}

fn read_error(error: sled::Error) -> ReadError {
    ReadError::Io(error.to_string())
}

/// A fact could not be applied. Those before it are.
#[derive(Clone, Debug)]
pub(crate) struct Stopped {
    /// What applying the facts before it gave.
    pub(crate) applied: Vec<Applied>,
    /// The fact, or the last one of a group that could not be committed.
    pub(crate) seq: Seq,
    pub(crate) why: String,
    /// Whether sled is to blame, so that building the views again may help.
    pub(crate) views: bool,
}

/// Applies entries in order and commits all of it at once.
pub(crate) fn apply_group(tree: &sled::Tree, entries: &[Entry]) -> Result<Vec<Applied>, Stopped> {
    let mut overlay = Overlay::new(tree);
    let mut all = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        match apply_one(&mut overlay, entry) {
            Ok(applied) => all.push(applied),
            Err((why, views)) => {
                // The overlay holds half of this fact, so it is thrown away; the facts before it are applied once more without it.
                let applied = if index == 0 { Vec::new() } else { apply_group(tree, &entries[..index])? };
                return Err(Stopped { applied, seq: entry.seq, why, views });
            }
        }
    }
    let seq = entries.last().map_or(Seq(0), |entry| entry.seq);
    match tree.apply_batch(overlay.into_batch()) {
        Ok(()) => Ok(all),
        Err(e) => Err(Stopped { applied: Vec::new(), seq, why: e.to_string(), views: true }),
    }
}

fn apply_one(overlay: &mut Overlay<'_>, entry: &Entry) -> Result<Applied, (String, bool)> {
    // A defect of `apply` must stop the host in an orderly way: the fact is on stable storage and waits for a version that can take it.
    match catch_unwind(AssertUnwindSafe(|| apply(overlay, entry))) {
        Ok(Ok(done)) => match tables::applied(overlay) {
            Ok(applied) if applied == entry.seq => Ok(done),
            Ok(applied) => Err((format!("the applied number is {applied} after it"), false)),
            Err(e) => Err((e.to_string(), true)),
        },
        Ok(Err(e)) => Err((e.to_string(), true)),
        Err(panic) => Err((format!("apply panicked: {}", panic_message(&*panic)), false)),
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| String::from("no message"))
}

#[cfg(test)]
mod tests {
    use jackfield_core::fact::{Actor, Fact};
    use jackfield_core::ids::Millis;

    use super::*;

    fn entry(seq: u64) -> Entry {
        let fact = Fact::ChannelResumed { channel: "shop".parse().unwrap() };
        Entry { seq: Seq(seq), at: Millis(seq), actor: Actor::Host, fact }
    }

    #[test]
    fn a_fact_that_cannot_be_applied_leaves_those_before_it_and_nothing_of_itself() {
        let dir = tempfile::tempdir().unwrap();
        let db = sled::Config::new().path(dir.path()).cache_capacity(1 << 20).open().unwrap();
        let stopped = apply_group(&db, &[entry(1), entry(2), entry(4)]).unwrap_err();
        assert_eq!((stopped.seq, stopped.applied.len()), (Seq(4), 2));
        assert_eq!(tables::applied(&TreeRead(&db)).unwrap(), Seq(2));
        assert_eq!(apply_group(&db, &[entry(3)]).unwrap().len(), 1);
    }
}
