//! Saying what is being done, on standard error.

use std::fmt;
use std::io::Write;

/// Writes one line. Where nobody listens any more, nothing is lost by not saying it.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
