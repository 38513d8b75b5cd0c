//! Rows about timers.

use crate::ids::Millis;
use crate::tables::{Present, Table, Text};

/// Timers by the time at which they are due, and by name.
pub const TIMERS: Table<(Millis, Text), Present> = Table::new(40, "timers");
