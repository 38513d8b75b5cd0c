//! `channel`: which channel the call is for.

use crate::bindings::channel::Host;
use crate::run::guest::Guest;

impl Host for Guest {
    fn id(&mut self) -> wasmtime::Result<String> {
        Ok(self.bound.channel.as_str().to_owned())
    }

    fn config(&mut self) -> wasmtime::Result<String> {
        Ok(self.bound.config.clone())
    }
}
