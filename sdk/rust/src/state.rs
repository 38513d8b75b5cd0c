//! A small store of keys and values for each channel. Writes commit with the call's events, and vanish when the call fails. Every
//! function fails with `rejected` when the host's bounds are met.

use crate::bindings::jackfield::connector::state::StateError;
use crate::{Failure, host};

/// The value of a key, if it was ever set.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Failure> {
    host::state::get(key).map_err(failure)
}

/// The value of a key as text; bytes that are no UTF-8 are replaced.
pub fn get_text(key: &str) -> Result<Option<String>, Failure> {
    Ok(get(key)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
}

/// Sets a key.
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<(), Failure> {
    host::state::set(key, value.as_ref()).map_err(failure)
}

/// Removes a key, if it is there.
pub fn delete(key: &str) -> Result<(), Failure> {
    host::state::delete(key).map_err(failure)
}

/// Keys that begin with `prefix`, in order, at most 1,000.
pub fn list_keys(prefix: &str) -> Result<Vec<String>, Failure> {
    host::state::list_keys(prefix).map_err(failure)
}

fn failure(error: StateError) -> Failure {
    Failure::rejected(match error {
        StateError::TooLarge(what) => format!("The connector's state does not fit: {what}."),
        StateError::Other(what) => format!("The connector's state failed: {what}."),
    })
}
