//! `state`: the channel's small store. Writes stay in the call until it has succeeded.

use std::collections::BTreeMap;

use jackfield_core::fact::StateChange;

use crate::binding::Bound;
use crate::bindings::state::{Host, StateError};
use crate::error::bytes;
use crate::guest::Guest;

/// Bytes of a key.
const KEY_BYTES: usize = 256;

/// Bytes of one value.
const VALUE_BYTES: usize = 64 << 10;

/// More keys than any channel has.
const ALL_KEYS: usize = 1_000_000;

/// Keys that one `list-keys` answers; the contract says so.
const LISTED_KEYS: usize = 1_000;

/// The committed state of a channel, as the store keeps it. Called from inside a guest's call, so an answer must come at once.
pub trait StateView: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// A sentence, if the store cannot answer.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;

    /// Keys that begin with `prefix`, in order, at most `limit`.
    ///
    /// # Errors
    ///
    /// A sentence, if the store cannot answer.
    fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, String>;

    /// Bytes of all keys and values together. Asked once in a call, before its first change.
    ///
    /// # Errors
    ///
    /// A sentence, if the store cannot answer.
    fn bytes(&self) -> Result<usize, String> {
        let mut total = 0_usize;
        for key in self.list("", ALL_KEYS)? {
            total = total.saturating_add(key.len() + self.get(&key)?.map_or(0, |value| value.len()));
        }
        Ok(total)
    }
}

/// What this call wrote so far, over what was committed before.
#[derive(Default)]
pub(crate) struct Overlay {
    changes: BTreeMap<String, Option<Vec<u8>>>,
    written: usize,
    /// Keys that will exist if this call succeeds; counted at the first new key.
    keys: Option<usize>,
    /// Bytes that the state will have if this call succeeds; counted before the first change.
    total: Option<usize>,
}

impl Overlay {
    fn get(&self, bound: &Bound, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        match self.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None => bound.state.get(key).map_err(StateError::Other),
        }
    }

    fn set(&mut self, bound: &Bound, key: String, value: Vec<u8>) -> Result<(), StateError> {
        check_key(&key)?;
        if value.len() > VALUE_BYTES {
            return Err(too_large(format!("a value has at most {}, this one has {}", bytes(VALUE_BYTES), value.len())));
        }
        self.charge(bound, key.len() + value.len())?;
        let old = self.get(bound, &key)?;
        let limit = bound.limits.state_total_bytes;
        let held = old.as_ref().map_or(0, |old| key.len() + old.len());
        let total = self.total(bound)?.saturating_sub(held).saturating_add(key.len() + value.len());
        if total > limit {
            return Err(too_large(format!("the channel's store has at most {}", bytes(limit))));
        }
        if old.is_none() {
            let keys = self.count_keys(bound)?;
            if keys >= bound.limits.state_keys {
                return Err(too_large(format!("the channel's store has its {} keys", bound.limits.state_keys)));
            }
            self.keys = Some(keys + 1);
        }
        self.total = Some(total);
        self.changes.insert(key, Some(value));
        Ok(())
    }

    fn total(&self, bound: &Bound) -> Result<usize, StateError> {
        self.total.map_or_else(|| bound.state.bytes().map_err(StateError::Other), Ok)
    }

    fn delete(&mut self, bound: &Bound, key: String) -> Result<(), StateError> {
        check_key(&key)?;
        self.charge(bound, key.len())?;
        if let Some(old) = self.get(bound, &key)? {
            self.total = Some(self.total(bound)?.saturating_sub(key.len() + old.len()));
            self.keys = self.keys.map(|keys| keys.saturating_sub(1));
            self.changes.insert(key, None);
        }
        Ok(())
    }

    fn list(&self, bound: &Bound, prefix: &str) -> Result<Vec<String>, StateError> {
        // Every key that this call deleted may stand before one that is wanted.
        let committed = bound.state.list(prefix, LISTED_KEYS + self.changes.len()).map_err(StateError::Other)?;
        let mut keys: std::collections::BTreeSet<String> = committed.into_iter().collect();
        for (key, value) in self.changes.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix)) {
            match value {
                Some(_) => keys.insert(key.clone()),
                None => keys.remove(key),
            };
        }
        Ok(keys.into_iter().take(LISTED_KEYS).collect())
    }

    fn count_keys(&self, bound: &Bound) -> Result<usize, StateError> {
        match self.keys {
            Some(keys) => Ok(keys),
            None => {
                let committed = bound.state.list("", bound.limits.state_keys + 1).map_err(StateError::Other)?.len();
                // Before the first new key, all that this call can have done to the number of keys is to delete some.
                let deleted = self.changes.values().filter(|value| value.is_none()).count();
                Ok(committed.saturating_sub(deleted))
            }
        }
    }

    fn charge(&mut self, bound: &Bound, amount: usize) -> Result<(), StateError> {
        let written = self.written.saturating_add(amount);
        if written > bound.limits.state_bytes {
            return Err(too_large(format!("one call writes at most {}", bytes(bound.limits.state_bytes))));
        }
        self.written = written;
        Ok(())
    }

    pub(crate) fn into_changes(self) -> Vec<StateChange> {
        self.changes.into_iter().map(|(key, value)| StateChange { key, value }).collect()
    }
}

fn check_key(key: &str) -> Result<(), StateError> {
    match key.len() {
        1..=KEY_BYTES => Ok(()),
        0 => Err(StateError::Other("a key is not empty".to_owned())),
        n => Err(too_large(format!("a key has at most {KEY_BYTES} bytes, this one has {n}"))),
    }
}

fn too_large(message: String) -> StateError {
    StateError::TooLarge(message)
}

impl Host for Guest {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, StateError>> {
        Ok(check_key(&key).and_then(|()| self.state.get(&self.bound, &key)))
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), StateError>> {
        Ok(self.state.set(&self.bound, key, value))
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), StateError>> {
        Ok(self.state.delete(&self.bound, key))
    }

    fn list_keys(&mut self, prefix: String) -> wasmtime::Result<Result<Vec<String>, StateError>> {
        if prefix.len() > KEY_BYTES {
            return Ok(Ok(Vec::new()));
        }
        Ok(self.state.list(&self.bound, &prefix))
    }
}
