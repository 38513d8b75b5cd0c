//! Building what `receive` answers.

use crate::{Event, EventBody, Header, Outcome, Reply, Unreadable};

impl Reply {
    /// A reply without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A reply of plain text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let header = Header {
            name: "content-type".into(),
            value: b"text/plain; charset=utf-8".to_vec(),
        };
        Self {
            status,
            headers: vec![header],
            body: body.into(),
        }
    }
}

impl Outcome {
    /// 200 and no events yet.
    #[must_use]
    pub fn accepted() -> Self {
        Self::reply(Reply::status(200))
    }

    /// A reply and no events yet.
    #[must_use]
    pub fn reply(reply: Reply) -> Self {
        Self {
            reply,
            events: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// Adds an event. A bare [`EventBody`] is one without an id of its own.
    pub fn push(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }

    /// Adds an item that could not be understood, as it came, and the reason.
    pub fn unreadable(&mut self, raw: impl AsRef<[u8]>, reason: impl Into<String>) {
        self.unreadable.push(Unreadable {
            raw: raw.as_ref().to_vec(),
            reason: reason.into(),
        });
    }

    /// Adds the events of one item, or the item itself with the reason why it could not be understood.
    pub fn take(&mut self, raw: impl AsRef<[u8]>, events: Result<Vec<Event>, String>) {
        match events {
            Ok(events) => self.events.extend(events),
            Err(reason) => self.unreadable(raw, reason),
        }
    }
}

impl From<EventBody> for Event {
    fn from(body: EventBody) -> Self {
        Self {
            id: String::new(),
            body,
        }
    }
}
