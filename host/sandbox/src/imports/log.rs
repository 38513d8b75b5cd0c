//! `log`: lines for the operator, bounded, redacted and harmless to a terminal.

use crate::bindings::log::{Host, Level};
use crate::report::LogLevel;
use crate::run::guest::Guest;

impl Host for Guest {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info | Level::Other(_) => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.write(&self.bound, level, &message);
        Ok(())
    }
}
