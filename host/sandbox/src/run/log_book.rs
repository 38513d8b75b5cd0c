//! The lines of one call's log: bounded, redacted, on one line each.

use crate::binding::ChannelBinding;
use crate::printable::printable;
use crate::report::{LogLevel, LogLine};

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
    pub(crate) fn write(&mut self, bound: &ChannelBinding, level: LogLevel, message: &str) {
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
    pub(crate) fn note(&mut self, bound: &ChannelBinding, message: String) {
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

fn emit(bound: &ChannelBinding, level: LogLevel, line: &str) {
    let (channel, connector) = (bound.channel.as_str(), bound.connector.as_str());
    match level {
        LogLevel::Debug => tracing::debug!(target: "jackfield::connector", channel, connector, "{line}"),
        LogLevel::Info => tracing::info!(target: "jackfield::connector", channel, connector, "{line}"),
        LogLevel::Warn => tracing::warn!(target: "jackfield::connector", channel, connector, "{line}"),
        LogLevel::Error => tracing::error!(target: "jackfield::connector", channel, connector, "{line}"),
    }
}
