//! Tables that count what is read and written, and end what reads or writes too much.

use std::cell::Cell;
use std::ops::Bound;

use super::applied::Cost;
use crate::limits::{CHANGES_BYTES, WORK_BYTES, WORK_ROWS};
use crate::tables::{Read, ReadError, Result, Row, Write};

/// Tables whose use is counted.
pub(crate) struct Metered<'a> {
    tables: &'a mut dyn Write,
    cost: Cell<Cost>,
}

impl<'a> Metered<'a> {
    pub(crate) fn new(tables: &'a mut dyn Write) -> Self {
        Self { tables, cost: Cell::default() }
    }

    pub(crate) fn cost(&self) -> Cost {
        self.cost.get()
    }

    pub(crate) fn into_inner(self) -> &'a mut dyn Write {
        self.tables
    }

    fn count(&self, bytes: usize) {
        let Cost { rows, bytes: before } = self.cost.get();
        self.cost.set(Cost { rows: rows + 1, bytes: before.saturating_add(bytes as u64) });
    }

    /// Whether the fact may look at messages that are there.
    pub(crate) fn has_room_for_changes(&self) -> bool {
        let cost = self.cost.get();
        cost.rows <= WORK_ROWS / 2 && cost.bytes <= CHANGES_BYTES
    }

    /// Whether the fact may go on.
    pub(crate) fn check(&self) -> Result<()> {
        let cost = self.cost.get();
        if cost.rows <= WORK_ROWS && cost.bytes <= WORK_BYTES {
            return Ok(());
        }
        Err(ReadError::Broken(format!("applying it takes more than {WORK_ROWS} rows or {WORK_BYTES} bytes")))
    }
}

impl Read for Metered<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let value = self.tables.get(key)?;
        self.count(key.len() + value.as_ref().map_or(0, Vec::len));
        self.check()?;
        Ok(value)
    }

    fn scan<'a>(
        &'a self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        reverse: bool,
    ) -> Box<dyn Iterator<Item = Result<Row>> + 'a> {
        let rows = self.tables.scan(range, reverse);
        Box::new(rows.map(|row| {
            let (key, value) = row?;
            self.count(key.len() + value.len());
            self.check()?;
            Ok((key, value))
        }))
    }
}

impl Write for Metered<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.count(key.len() + value.len());
        // Past the bound the fact is skipped in any case, and must not fill the memory before that.
        if self.check().is_ok() {
            self.tables.put(key, value);
        }
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.count(key.len());
        self.tables.delete(key);
    }
}
