//! `log`: lines for the operator, bounded, redacted and harmless to a terminal.

use crate::binding::Bound;
use crate::bindings::log::{Host, Level};
use crate::call::{LogLevel, LogLine};
use crate::guest::Guest;
use crate::redact::printable;

/// Bytes of one line; the rest is cut off.
const LINE_BYTES: usize = 2 << 10;

/// The lines of one call.
#[derive(Default)]
pub(crate) struct LogBook {
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: u32,
}

impl LogBook {
    /// A line of the guest's.
    fn write(&mut self, bound: &Bound, level: LogLevel, message: &str) {
        let full = self.lines.len() >= bound.limits.log_lines || self.bytes >= bound.limits.log_bytes;
        if full || bound.log_rate.take().is_err() {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        // Cut first: what is thrown away need not be searched. Not at the exact length, or a secret could survive half cut.
        let searched = &message[..message.floor_char_boundary(LINE_BYTES.saturating_mul(4))];
        let redacted = bound.redactor.text(searched);
        let line = printable(&redacted[..redacted.floor_char_boundary(LINE_BYTES)]);
        self.bytes += line.len();
        emit(bound, level, &line);
        self.lines.push(LogLine { level, message: line });
    }

    /// A line of the host's own, about what it refused. Not counted against the guest; the caller bounds it.
    pub(crate) fn note(&mut self, bound: &Bound, message: String) {
        let message = bound.redactor.text(&message).into_owned();
        emit(bound, LogLevel::Warn, &message);
        self.lines.push(LogLine { level: LogLevel::Warn, message });
    }

    /// How many lines were dropped.
    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }

    /// All lines, with one more that counts what was dropped.
    pub(crate) fn into_lines(mut self) -> Vec<LogLine> {
        if self.dropped > 0 {
            let message = format!("{} more lines were dropped: the bound of the log was reached.", self.dropped);
            self.lines.push(LogLine { level: LogLevel::Warn, message });
        }
        self.lines
    }
}

fn emit(bound: &Bound, level: LogLevel, line: &str) {
    let (channel, connector) = (bound.channel.as_str(), bound.connector.as_str());
    match level {
        LogLevel::Debug => tracing::debug!(target: "jackfield::connector", channel, connector, "{line}"),
        LogLevel::Info => tracing::info!(target: "jackfield::connector", channel, connector, "{line}"),
        LogLevel::Warn => tracing::warn!(target: "jackfield::connector", channel, connector, "{line}"),
        LogLevel::Error => tracing::error!(target: "jackfield::connector", channel, connector, "{line}"),
    }
}

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
