//! A table: which keys go with which rows.
//!
//! Every area of the domain declares its tables as constants. A table is the only way to a row, so a key never meets a row of another
//! kind.

use std::marker::PhantomData;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::{Element, Key, Prefix, Range, beginning_with};
use super::{Read, ReadError, Result, Write};

/// How the rows of a table are stored.
pub trait Row: Sized {
    /// The bytes of the row.
    ///
    /// # Errors
    /// When it cannot be written, such as a coordinate that is not a number.
    fn encode(&self) -> Result<Vec<u8>>;

    /// The row of these bytes.
    ///
    /// # Errors
    /// When they are not such a row.
    fn decode(bytes: &[u8]) -> Result<Self>;
}

/// Rows that are stored as JSON, so that a person can read them and a field can be added.
pub trait Json: Serialize + DeserializeOwned {}

impl<T: Json> Row for T {
    fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| ReadError::Broken(format!("a row cannot be written as JSON: {e}")))
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|e| ReadError::Broken(format!("a row is not what it should be: {e}")))
    }
}

/// A row whose key says everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present;

impl Row for Present {
    fn encode(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn decode(_: &[u8]) -> Result<Self> {
        Ok(Self)
    }
}

/// A row of bytes that mean nothing to the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Row for Bytes {
    fn encode(&self) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        Ok(Self(bytes.to_vec()))
    }
}

/// Rows `V` under keys of the shape `K`.
pub struct Table<K, V> {
    tag: u8,
    name: &'static str,
    shape: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V> {
    /// A table. `tag` is the first byte of its keys and belongs to no other table; it stays the same for ever.
    #[must_use]
    pub const fn new(tag: u8, name: &'static str) -> Self {
        Self { tag, name, shape: PhantomData }
    }

    /// The first byte of its keys.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// Its name, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// All of its keys.
    #[must_use]
    pub fn all(&self) -> Range {
        beginning_with(vec![self.tag])
    }

    /// The keys that begin with these elements.
    pub fn with(&self, prefix: impl Prefix<K>) -> Range {
        beginning_with(self.prefixed(prefix))
    }

    /// The keys that begin like `prefix` and stand before `end`, if there is an end.
    pub fn before(&self, prefix: impl Prefix<K>, end: Option<impl Prefix<K>>) -> Range {
        let start = self.prefixed(prefix);
        match end {
            Some(end) => (Bound::Included(start), Bound::Excluded(self.prefixed(end))),
            None => beginning_with(start),
        }
    }

    /// The keys from `start` on.
    pub fn from(&self, start: impl Prefix<K>) -> Range {
        (Bound::Included(self.prefixed(start)), self.all().1)
    }

    fn prefixed(&self, prefix: impl Prefix<K>) -> Vec<u8> {
        let mut bytes = vec![self.tag];
        prefix.write(&mut bytes);
        bytes
    }

    fn key(&self, key: impl Key<K>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        bytes.push(self.tag);
        key.write(&mut bytes);
        bytes
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn contains(&self, tables: &(impl Read + ?Sized), key: impl Key<K>) -> Result<bool> {
        Ok(tables.get(&self.key(key))?.is_some())
    }

    /// Takes a row away.
    pub fn delete(&self, tables: &mut (impl Write + ?Sized), key: impl Key<K>) {
        tables.delete(self.key(key));
    }
}

impl<K, V: Row> Table<K, V> {
    /// The row under a key.
    ///
    /// # Errors
    /// When the tables cannot be read, or the row is not what it should be.
    pub fn get(&self, tables: &(impl Read + ?Sized), key: impl Key<K>) -> Result<Option<V>> {
        tables.get(&self.key(key))?.map(|bytes| V::decode(&bytes)).transpose()
    }

    /// A row that another row refers to.
    ///
    /// # Errors
    /// As [`Table::get`], and when it is missing.
    pub fn need(&self, tables: &(impl Read + ?Sized), key: impl Key<K>) -> Result<V> {
        let key = self.key(key);
        match tables.get(&key)? {
            Some(bytes) => V::decode(&bytes),
            None => Err(ReadError::Broken(format!("a row of {} is missing: key {key:02x?}", self.name))),
        }
    }

    /// Sets a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, tables: &mut (impl Write + ?Sized), key: impl Key<K>, row: &V) -> Result<()> {
        tables.put(self.key(key), row.encode()?);
        Ok(())
    }

    /// The rows of a range of this table, in order of their keys, or backwards.
    pub fn scan<'a>(
        &'a self,
        tables: &'a (impl Read + ?Sized),
        range: Range,
        reverse: bool,
    ) -> impl Iterator<Item = Result<(K, V)>> + 'a
    where
        K: Element,
    {
        tables.scan(range, reverse).map(|row| {
            let (key, value) = row?;
            let read = key.strip_prefix(&[self.tag]).and_then(|mut rest| K::read(&mut rest));
            let key = read.ok_or_else(|| ReadError::Broken(format!("{} has a strange key {key:02x?}", self.name)))?;
            Ok((key, V::decode(&value)?))
        })
    }
}

impl<K, V> std::fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} {})", self.tag, self.name)
    }
}
