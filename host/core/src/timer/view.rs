//! Which timers are due.

use super::rows::TIMERS;
use crate::fact::Timer;
use crate::ids::Millis;
use crate::tables::{Read, Result};

/// The timer that is due first, and when.
///
/// # Errors
/// When the tables cannot be read.
pub fn next(tables: &impl Read) -> Result<Option<(Millis, Timer)>> {
    for row in TIMERS.scan(tables, TIMERS.all(), false) {
        let ((at, name), _) = row?;
        // A timer of a later version is left to it.
        if let Some(timer) = Timer::named(&name.0) {
            return Ok(Some((at, timer)));
        }
    }
    Ok(None)
}
