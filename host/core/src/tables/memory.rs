//! The map in memory, for tests and tools.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Read, Result, Row, Write};

/// The map in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl Read for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn scan<'a>(
        &'a self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = Result<Row>> + 'a> {
        let empty = match (&range.0, &range.1) {
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
            _ => false,
        };
        if empty {
            return Box::new(std::iter::empty());
        }
        let rows = self.0.range(range).map(|(k, v)| Ok((k.clone(), v.clone())));
        if reverse { Box::new(rows.rev()) } else { Box::new(rows) }
    }
}

impl Write for Memory {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, value);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.0.remove(&key);
    }
}
