//! The reader that others get.

use std::sync::Arc;

use jackfield_core::ids::Seq;
use jackfield_core::tables::{Read, ReadError, Result};

use super::snapshot::Pin;
use super::tables::Tables;
use super::tree::{Range, Rows};
use crate::folder::Lock;

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
    /// A reader of the newest state of tables.
    pub(crate) fn of(tables: Arc<Tables>) -> Self {
        let (pin, lock) = (tables.pin(), Arc::clone(tables.lock()));
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
