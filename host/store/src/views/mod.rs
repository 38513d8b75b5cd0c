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
//!   see two states; `snapshot` gives each [`View`] one.
//!
//! # Layout
//!
//! * `tree`: reading and writing sled. `overlay`: changes on top of it. `snapshot`: one state for each reader.
//! * `apply`: one entry, and what happens when it meets a defect. `tables`: the projection. `bulk`: filling empty tables quickly.
//! * `open`: opening sled, which may hang.

mod apply;
mod bulk;
mod open;
mod overlay;
mod snapshot;
mod tables;
mod tree;

use std::sync::Arc;

use jackfield_core::ids::Seq;
use jackfield_core::tables::{Read, ReadError, Result};

pub(crate) use apply::OnDefect;
pub(crate) use bulk::{LoadError, load};
pub(crate) use open::{SledOptions, open_sled, released_within};
pub(crate) use tables::Tables;
pub(crate) use tree::TreeRead;

use crate::folder::Lock;
use snapshot::Pin;
use tree::{Range, Rows};

/// A reader of one state: what it reads is as it was when the reader was made, as long as it lives. Cheap to make and to clone.
///
/// What has changed since is kept in memory for it, so it lives as long as a request, not as long as a connection. It keeps the data
/// folder locked. One that is made after the store was closed reads nothing.
#[derive(Clone)]
pub struct View {
    state: Option<(Arc<Tables>, Pin)>,
    _lock: Arc<Lock>,
}

impl View {
    pub(crate) fn new(tables: Arc<Tables>, pin: Pin, lock: Arc<Lock>) -> Self {
        Self { state: Some((tables, pin)), _lock: lock }
    }

    /// The reader of a closed store.
    pub(crate) fn closed(lock: Arc<Lock>) -> Self {
        Self { state: None, _lock: lock }
    }

    /// The number of the last fact whose consequences this reader sees; 0 when the store was closed.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.state.as_ref().map_or(Seq(0), |(_, pin)| pin.seq)
    }

    /// As [`View::seq`].
    ///
    /// # Errors
    /// When the store was closed before.
    pub fn applied(&self) -> Result<Seq> {
        self.state().map(|(_, pin)| pin.seq)
    }

    fn state(&self) -> Result<&(Arc<Tables>, Pin)> {
        self.state.as_ref().ok_or_else(|| ReadError::Io(String::from("the store is closed")))
    }
}

impl Read for View {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (tables, pin) = self.state()?;
        pin.get(tables.tree(), key)
    }

    fn scan<'a>(&'a self, range: Range, reverse: bool) -> Rows<'a> {
        match self.state() {
            Ok((tables, pin)) => pin.scan(tables.tree(), range, reverse),
            Err(e) => Box::new(std::iter::once(Err(e))),
        }
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| String::from("no message"))
}
