//! Says whatever the request's body tells it to: `{"events": […], "times": 1}`. So a test writes down what a hostile connector claims,
//! and the host hears it from a component.

use jackfield_sdk::{
    Action, Author, Call, CallDirection, CallState, Content, Deletion, Delivery, DeliveryScope, DeliveryState,
    DeliveryUpdate, Event, EventBody, Failure, Hint, Identifier, IdentityChange, Message, Outcome, Part, Reaction,
    Receipt, Request, Sender, Subject, Thread, Touchpoint, Trust, http,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Body {
    events: Vec<Said>,
    /// How often all of it is said; `#` in ids and values is the number of the time.
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

#[derive(Clone, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Said {
    /// `message`, `echo`, `change`, `call`, `touchpoint`, `reaction`, `deletion`, `read`.
    r#do: String,
    /// The event's own id.
    event: String,
    /// The id of the message or the call.
    id: String,
    /// `[kind, value]` or `[kind, namespace, value]`.
    from: Vec<String>,
    /// Of a change.
    to: Vec<String>,
    /// Attested, each as `from`.
    hints: Vec<Vec<String>>,
    thread: String,
    group: bool,
    text: String,
}

fn identifier(words: &[String]) -> Identifier {
    match words {
        [kind, value] => Identifier::global(kind, value),
        [kind, namespace, value] => Identifier::scoped(kind, namespace, value),
        _ => Identifier::global("", ""),
    }
}

impl Said {
    fn numbered(mut self, n: usize) -> Self {
        let number = n.to_string();
        let Self { event, id, from, to, hints, thread, text, .. } = &mut self;
        let words = [event, id, thread, text].into_iter().chain(from).chain(to).chain(hints.iter_mut().flatten());
        for word in words.filter(|word| word.contains('#')) {
            *word = word.replace('#', &number);
        }
        self
    }

    fn sender(&self) -> Sender {
        let about = self.hints.iter().map(|words| Subject::Identifier(identifier(words)));
        let hints = about.map(|about| Hint::new(about, Trust::Attested, "because I say so")).collect();
        Sender { identity: identifier(&self.from), hints }
    }

    fn message(&self, author: fn(Sender) -> Author) -> EventBody {
        let thread = if self.thread.is_empty() { "t".to_owned() } else { self.thread.clone() };
        EventBody::Message(Message {
            id: self.id.clone(),
            thread: if self.group { Thread::group(thread) } else { Thread::direct(thread) },
            author: author(self.sender()),
            sent_at: None,
            parts: vec![Part::Text(self.text.clone())],
            reply_to: None,
            extra: Vec::new(),
        })
    }

    fn event(self) -> Event {
        let body = match self.r#do.as_str() {
            "echo" => self.message(Author::Account),
            "change" => EventBody::IdentityChange(IdentityChange {
                old: identifier(&self.from),
                new: identifier(&self.to),
                at: None,
                reason: "because I say so".to_owned(),
            }),
            "call" => EventBody::Call(Call {
                id: self.id.clone(),
                sender: self.sender(),
                direction: CallDirection::Inbound,
                state: CallState::Ringing,
                at: None,
                duration_seconds: None,
                extra: Vec::new(),
            }),
            "touchpoint" => EventBody::Touchpoint(Touchpoint {
                sender: self.sender(),
                kind: "visit".to_owned(),
                at: None,
                summary: self.text.clone(),
                extra: Vec::new(),
            }),
            "reaction" => EventBody::Reaction(Reaction {
                message_id: self.id.clone(),
                sender: self.sender(),
                emoji: Some("👍".to_owned()),
                at: None,
            }),
            "deletion" => EventBody::Deletion(Deletion { message_id: self.id.clone(), deleted_at: None }),
            "read" => EventBody::Delivery(DeliveryUpdate {
                about: DeliveryScope::ThreadUntil((self.thread.clone(), u64::MAX)),
                state: DeliveryState::Read,
                at: None,
            }),
            _ => self.message(Author::Customer),
        };
        Event::new(self.event.clone(), body)
    }
}

/// Every event that the body describes.
///
/// # Errors
/// When it describes none.
pub fn all(request: &Request) -> Result<Outcome, Failure> {
    let body: Body = serde_json::from_slice(&request.body).map_err(|e| Failure::rejected(e.to_string()))?;
    let mut outcome = Outcome::accepted();
    for n in 0..body.times {
        body.events.iter().for_each(|said| outcome.push(said.clone().numbered(n).event()));
    }
    Ok(outcome)
}

/// Tells its author what it was given to send, and says that it always had the same id.
///
/// # Errors
/// When its author cannot be told.
pub fn tells(delivery: &Delivery) -> Result<Receipt, Failure> {
    let text = match &delivery.action {
        Action::Message(Content { parts, .. }) => parts.iter().find_map(|part| match part {
            Part::Text(text) => Some(text.clone()),
            _ => None,
        }),
        _ => None,
    };
    let target = jackfield_sdk::config::load::<crate::Config>()?.target;
    let mut request = http::Request::new("POST", format!("{target}/allowed/told"));
    request.body = text.unwrap_or_default().into_bytes();
    let response = request.send().map_err(http::Error::of_action)?;
    match response.status {
        200 => Ok(Receipt { message_ids: vec!["always".to_owned()], events: Vec::new() }),
        status => Err(Failure::rejected(format!("{status}"))),
    }
}
