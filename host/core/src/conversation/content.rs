//! How much of the parts of a message a row holds.

use std::io;

use super::rows::Message;
use crate::event::Part;
use crate::limits;

/// What is said of a message whose last edit did not fit.
const EDIT_CUT: &str = "the last edit has more parts than are kept of a message";

/// The first of the parts, as many as a row holds.
pub(super) fn fitting(parts: &[Part]) -> &[Part] {
    let mut bytes = 0_usize;
    let fits = |part: &&Part| {
        bytes = bytes.saturating_add(size(part));
        bytes <= limits::MESSAGE_BYTES
    };
    let count = parts.iter().take(limits::PARTS).take_while(fits).count();
    parts.get(..count).unwrap_or(parts)
}

/// Whether these parts are more bytes than a row holds.
pub(crate) fn is_too_large(parts: &[Part]) -> bool {
    parts.iter().map(size).fold(0, usize::saturating_add) > limits::MESSAGE_BYTES
}

/// Bytes of a part in its row.
fn size(part: &Part) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, part).map_or(usize::MAX, |()| counter.0)
}

impl Message {
    /// Sets the parts of a message that comes in.
    pub(super) fn set_parts(&mut self, parts: &[Part]) {
        self.parts = fitting(parts).to_vec();
        if self.parts.len() < parts.len() {
            self.cut.push(format!("{} parts, of which the first {} are kept", parts.len(), self.parts.len()));
        }
    }

    /// Sets the parts that an edit brings.
    pub(super) fn replace_parts(&mut self, parts: &[Part]) {
        self.parts = fitting(parts).to_vec();
        self.cut.retain(|said| said != EDIT_CUT);
        if self.parts.len() < parts.len() {
            self.cut.push(EDIT_CUT.to_owned());
        }
    }
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
