//! What a call writes to its channel's state, which stays in the call until it has succeeded.

use std::collections::BTreeMap;

use jackfield_core::fact::StateChange;

use crate::binding::ChannelBinding;
use crate::bindings::state::StateError;
use crate::report::bytes;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 256;

/// Bytes of one value.
const VALUE_BYTES: usize = 64 << 10;

/// Keys that one `list-keys` answers; the contract says so.
const LISTED_KEYS: usize = 1_000;

/// What this call wrote so far, over what was committed before.
#[derive(Default)]
pub(crate) struct StateOverlay {
    changes: BTreeMap<String, Option<Vec<u8>>>,
    written: usize,
    /// Keys that will exist if this call succeeds; counted at the first new key.
    keys: Option<usize>,
    /// Bytes that the state will have if this call succeeds; counted before the first change.
    total: Option<usize>,
}

impl StateOverlay {
    pub(crate) fn get(&self, bound: &ChannelBinding, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        match self.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None => bound.state.get(key).map_err(StateError::Other),
        }
    }

    pub(crate) fn set(&mut self, bound: &ChannelBinding, key: String, value: Vec<u8>) -> Result<(), StateError> {
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

    fn total(&self, bound: &ChannelBinding) -> Result<usize, StateError> {
        self.total.map_or_else(|| bound.state.bytes().map_err(StateError::Other), Ok)
    }

    pub(crate) fn delete(&mut self, bound: &ChannelBinding, key: String) -> Result<(), StateError> {
        check_key(&key)?;
        self.charge(bound, key.len())?;
        if let Some(old) = self.get(bound, &key)? {
            self.total = Some(self.total(bound)?.saturating_sub(key.len() + old.len()));
            self.keys = self.keys.map(|keys| keys.saturating_sub(1));
            self.changes.insert(key, None);
        }
        Ok(())
    }

    pub(crate) fn list(&self, bound: &ChannelBinding, prefix: &str) -> Result<Vec<String>, StateError> {
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

    fn count_keys(&self, bound: &ChannelBinding) -> Result<usize, StateError> {
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

    fn charge(&mut self, bound: &ChannelBinding, amount: usize) -> Result<(), StateError> {
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

pub(crate) fn check_key(key: &str) -> Result<(), StateError> {
    match key.len() {
        1..=KEY_BYTES => Ok(()),
        0 => Err(StateError::Other("a key is not empty".to_owned())),
        n => Err(too_large(format!("a key has at most {KEY_BYTES} bytes, this one has {n}"))),
    }
}

fn too_large(message: String) -> StateError {
    StateError::TooLarge(message)
}
