//! Building the views from the whole journal.
//!
//! Two things make this faster than committing batch after batch: the rows of a batch go into sled in the order of their keys, which a
//! `sled::Batch` (a hash map) does not do and which leaves a tree that is read twice as fast, and the next batch is applied meanwhile.
//! The price is that a tree which is not finished is worthless; whoever calls this notes that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use jackfield_core::fact::Entry;

use super::apply::{OnDefect, apply_one};
use super::overlay::{Changes, Overlay};
use crate::journal::JournalError;
use crate::panics::panic_message;
use crate::projection::Failure;
use crate::rules::Rules;

/// Filling the tables did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Storage(String),
}

/// Applies groups of entries to an empty tree and tells how many facts are done. It ends early, with an error, once `tell`
/// says that nobody wants the tree any more.
pub(crate) fn load(
    tree: &sled::Tree,
    rules: &Rules,
    groups: impl Iterator<Item = Result<Vec<Entry>, JournalError>>,
    mut tell: impl FnMut(u64) -> bool,
) -> Result<(), LoadError> {
    thread::scope(|scope| {
        // Without room: what is handed over is taken when all that came before is in the tree, so one layer is under way at most.
        let (send, receive) = sync_channel::<Arc<Changes>>(0);
        let storer = scope.spawn(move || catch_unwind(AssertUnwindSafe(|| store(tree, receive))));
        let (mut arriving, mut done) = (None, 0);
        'groups: for group in groups {
            let group = group?;
            let mut left = group.as_slice();
            while !left.is_empty() {
                let (changes, count) = apply_some(tree, rules, arriving.as_deref(), left)?;
                let changes = Arc::new(changes);
                if send.send(Arc::clone(&changes)).is_err() {
                    break 'groups;
                }
                arriving = Some(changes);
                left = left.get(count..).unwrap_or_default();
                done += count as u64;
            }
            if !tell(done) {
                return Err(LoadError::Storage(String::from("the building was stopped")));
            }
        }
        drop(send);
        match storer.join() {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(e))) => Err(LoadError::Storage(e.to_string())),
            Ok(Err(panic)) | Err(panic) => {
                Err(LoadError::Storage(format!("sled panicked: {}", panic_message(&*panic))))
            }
        }
    })
}

/// Applies the first of these entries, as many as are stored at once, and tells how many that were.
fn apply_some(
    tree: &sled::Tree,
    rules: &Rules,
    arriving: Option<&Changes>,
    group: &[Entry],
) -> Result<(Changes, usize), LoadError> {
    let (mut overlay, mut count) = (Overlay::above(tree, arriving), 0);
    for entry in group {
        if let Err(Failure::Storage(why) | Failure::Defect(why)) = apply_one(&mut overlay, entry, rules, OnDefect::Skip)
        {
            return Err(LoadError::Storage(format!("fact {}: {why}", entry.seq)));
        }
        count += 1;
        if overlay.is_full() {
            break;
        }
    }
    Ok((overlay.into_changes(), count))
}

fn store(tree: &sled::Tree, batches: Receiver<Arc<Changes>>) -> sled::Result<()> {
    for batch in batches {
        for (key, change) in batch.iter() {
            match change {
                Some(value) => tree.insert(key, value.as_slice())?,
                None => tree.remove(key)?,
            };
        }
    }
    Ok(())
}
