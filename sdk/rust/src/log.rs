//! Lines for the operator's log. Bounded by the host in number and size. Never write a customer's words into it.

use crate::host::log::write;

pub use crate::bindings::jackfield::connector::log::Level;

/// For whoever mends the connector.
pub fn debug(message: &str) {
    write(&Level::Debug, message);
}

/// For whoever wonders what happens.
pub fn info(message: &str) {
    write(&Level::Info, message);
}

/// Something is not as it should be.
pub fn warn(message: &str) {
    write(&Level::Warn, message);
}

/// Something went wrong.
pub fn error(message: &str) {
    write(&Level::Error, message);
}
