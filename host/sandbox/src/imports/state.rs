//! `state`: the channel's small store. Writes stay in the call until it has succeeded.

use crate::bindings::state::{Host, StateError};
use crate::run::guest::Guest;
use crate::run::state_overlay::{KEY_BYTES, check_key};

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
