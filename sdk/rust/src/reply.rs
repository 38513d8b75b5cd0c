//! Building what `receive` answers.

use crate::json::{self, Raw};
use crate::{Event, EventBody, Header, Outcome, Reply, Unreadable};

impl Reply {
    /// A reply without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A reply of plain text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let header = Header { name: "content-type".into(), value: b"text/plain; charset=utf-8".to_vec() };
        Self { status, headers: vec![header], body: body.into() }
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
        Self { reply, events: Vec::new(), unreadable: Vec::new() }
    }

    /// Adds an event. A bare [`EventBody`] is one without an id of its own.
    pub fn push(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }

    /// Adds an item that could not be understood, as it came, and the reason.
    pub fn unreadable(&mut self, raw: impl AsRef<[u8]>, reason: impl Into<String>) {
        self.unreadable.push(Unreadable { raw: raw.as_ref().to_vec(), reason: reason.into() });
    }

    /// Reads each element of an unread list by itself. An element that `read` refuses goes to the unreadable ones with the reason, and
    /// its siblings go on; so does a list that is none. What is missing or null is an empty list.
    pub fn each(&mut self, list: Option<&Raw>, read: &mut dyn FnMut(&mut Self, &Raw) -> Result<(), String>) {
        let Some(list) = list.filter(|list| list.get() != "null") else {
            return;
        };
        match json::elements(list) {
            Ok(elements) => elements.into_iter().for_each(|raw| {
                if let Err(reason) = read(self, raw) {
                    self.unreadable(raw.get(), reason);
                }
            }),
            Err(reason) => self.unreadable(list.get(), reason),
        }
    }
}

impl From<EventBody> for Event {
    fn from(body: EventBody) -> Self {
        Self { id: String::new(), body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(body: &str) -> (usize, Vec<String>) {
        let mut outcome = Outcome::accepted();
        outcome.each(json::body(body.as_bytes()).ok(), &mut |outcome, raw| {
            json::item(raw)?.as_u64().ok_or("not a number")?;
            outcome.push(EventBody::Other(crate::Property::raw("n", raw.get())));
            Ok(())
        });
        (outcome.events.len(), outcome.unreadable.into_iter().map(|item| item.reason).collect())
    }

    #[test]
    fn an_unreadable_element_does_not_take_its_siblings_along() {
        assert_eq!(ids("[1, \"two\", 3]"), (2, vec!["not a number".into()]));
    }

    #[test]
    fn a_list_that_is_none_is_unreadable_and_null_is_empty() {
        assert_eq!(ids("7"), (0, vec!["a list was expected here".into()]));
        assert_eq!(ids("null"), (0, vec![]));
    }
}
