//! How `apply` and the views read and write: one ordered map of bytes to bytes, with the kind of a row in the first byte of its key.
//!
//! `host/store` keeps the map in sled; tests keep it in a [`Memory`]. The applied number ([`applied`]) is a row of the same map, so it
//! commits together with what it counts.
//!
//! * [`key`]: keys from typed elements. [`table`]: which keys go with which rows.
//! * [`memory`]: the map in memory.

pub mod key;
pub mod memory;
pub mod table;

use std::ops::Bound;

pub use key::{Rest, Text};
pub use memory::Memory;
pub use table::{Bytes, Json, Present, Table};

use crate::ids::Seq;

/// The map could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The storage below the map failed. Trying again may help; no fact is at fault.
    #[error("cannot read the views: {0}")]
    Io(String),
    /// A row is not what it should be, or a bound was exceeded: the same on every host that applied the same journal.
    #[error("cannot use the views: {0}")]
    Broken(String),
}

/// What reading gives.
pub type Result<T> = std::result::Result<T, ReadError>;

/// A row.
pub type Row = (Vec<u8>, Vec<u8>);

/// Reading.
pub trait Read {
    /// The value under a key.
    ///
    /// # Errors
    /// When the map cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The rows from `range.0` to `range.1`, in order of their keys, or backwards.
    fn scan<'a>(
        &'a self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = Result<Row>> + 'a>;
}

/// Writing. Nothing is stored before the whole fact is applied.
pub trait Write: Read {
    /// Sets the value under a key.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);
    /// Takes a key away.
    fn delete(&mut self, key: Vec<u8>);
}

/// The key of the number of the last applied fact. Its value is eight bytes, big end first.
pub const APPLIED: &[u8] = &[0];

/// The number of the last fact that was applied.
///
/// # Errors
/// When the map cannot be read.
pub fn applied(tables: &dyn Read) -> Result<Seq> {
    match tables.get(APPLIED)? {
        None => Ok(Seq(0)),
        Some(bytes) => match <[u8; 8]>::try_from(bytes) {
            Ok(bytes) => Ok(Seq(u64::from_be_bytes(bytes))),
            Err(_) => Err(ReadError::Broken(String::from("the applied number is not eight bytes long"))),
        },
    }
}
