//! One call's answer, taken in or refused.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue};
use jackfield_core::event::{Event, Hint, Problem, Trust};
use jackfield_core::fact::Unreadable;
use jackfield_core::limits;

use super::super::exports::{configure, poll, receive, send};
use super::super::types;
use super::belief::Belief;
use super::{check, convert};
use crate::binding::ChannelBinding;
use crate::exchange::{Batch, Health, Receipt, Received, Reply, Step};
use crate::failure::Failure;
use crate::printable::printable;
use crate::report::bytes;
use crate::run::error::{CallErrorKind, Reason};

/// Headers of a reply to a webhook.
const REPLY_HEADERS: usize = 32;

/// Bytes of a reply's body. Providers want a word or a challenge repeated.
const REPLY_BYTES: usize = 64 << 10;

/// Bytes of an unreadable item that the host itself makes of an event.
const RAW_BYTES: usize = 16 << 10;

/// Bytes of a sentence for a person.
const SENTENCE_BYTES: usize = limits::PROFILE_VALUE;

/// Bytes of a cursor.
const CURSOR_BYTES: usize = 64 << 10;

/// The longest that a connector may have a channel not polled.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Types of a reply's body. Whatever a browser would run or render under the host's address is none.
const REPLY_TYPES: [&str; 4] = ["text/plain", "application/json", "application/xml", "text/xml"];

/// The whole answer is refused.
#[derive(Debug)]
pub(crate) struct InvalidOutput(pub(crate) Reason);

/// Takes one call's answer in.
pub(crate) struct OutputValidator<'a> {
    bound: &'a ChannelBinding,
    /// How far the connector's word goes.
    belief: Belief<'a>,
    /// Bytes taken so far.
    taken: usize,
}

impl<'a> OutputValidator<'a> {
    pub(crate) fn new(bound: &'a ChannelBinding) -> Self {
        Self { bound, belief: Belief::new(bound), taken: 0 }
    }

    /// Whether the request was verified. If it was not, anybody may have sent it.
    pub(crate) fn verified(&mut self, verified: bool) {
        self.belief.verified(verified);
    }

    pub(crate) fn received(&mut self, outcome: receive::Outcome) -> Result<Received, InvalidOutput> {
        let reply = self.reply(outcome.reply)?;
        let items = outcome.unreadable.into_iter().map(|item| (item.raw, item.reason));
        let (events, unreadable) = self.items(outcome.events, items)?;
        Ok(Received { reply, events, unreadable })
    }

    pub(crate) fn batch(&mut self, batch: poll::Batch) -> Result<Batch, InvalidOutput> {
        if batch.cursor.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_BYTES) {
            return Err(over(format!("The cursor has more than {}.", bytes(CURSOR_BYTES))));
        }
        let items = batch.unreadable.into_iter().map(|item| (item.raw, item.reason));
        let (events, unreadable) = self.items(batch.events, items)?;
        let wait = batch.wait_ms.map(|ms| Duration::from_millis(ms).min(LONGEST_WAIT));
        Ok(Batch { events, unreadable, cursor: batch.cursor, more: batch.more, wait })
    }

    /// Events, and unreadable items as they came and with their reason.
    fn items(
        &mut self,
        events: Vec<types::Event>,
        items: impl ExactSizeIterator<Item = (Vec<u8>, String)>,
    ) -> Result<(Vec<Event>, Vec<Unreadable>), InvalidOutput> {
        self.number(events.len(), "events")?;
        self.number(items.len(), "unreadable items")?;
        let mut unreadable = Vec::with_capacity(items.len());
        for (raw, reason) in items {
            self.charge(raw.len() + reason.len())?;
            unreadable.push(self.unreadable(raw, &reason));
        }
        let events = self.events(events, &mut unreadable)?;
        Ok((events, unreadable))
    }

    pub(crate) fn receipt(&mut self, receipt: send::Receipt) -> Result<Receipt, InvalidOutput> {
        self.number(receipt.message_ids.len(), "message ids")?;
        self.number(receipt.events.len(), "events")?;
        for id in &receipt.message_ids {
            self.charge(id.len())?;
            check::id(id, "a message's id").map_err(bad)?;
        }
        let mut unreadable = Vec::new();
        let events = self.events(receipt.events, &mut unreadable)?;
        for item in unreadable {
            // A send has nowhere to park them, and is done all the same.
            tracing::warn!(channel = %self.bound.channel, reason = item.reason, "an event of a send's receipt was dropped");
        }
        Ok(Receipt { message_ids: receipt.message_ids, events })
    }

    pub(crate) fn hints(&mut self, hints: Vec<types::Hint>) -> Result<Vec<Hint>, InvalidOutput> {
        self.number(hints.len(), "hints")?;
        let mut kept = Vec::with_capacity(hints.len());
        for hint in hints {
            let size = check::hint(&hint).map_err(bad)?;
            self.charge(size)?;
            kept.push(convert::hint(&self.belief, hint));
        }
        Ok(kept)
    }

    pub(crate) fn problems(&mut self, problems: Vec<types::Problem>) -> Result<Vec<Problem>, InvalidOutput> {
        self.number(problems.len(), "problems")?;
        problems.into_iter().map(|problem| self.problem(problem)).collect()
    }

    pub(crate) fn health(&mut self, health: configure::Health) -> Result<Health, InvalidOutput> {
        self.charge(health.summary.len())?;
        Ok(Health { summary: self.sentence(&health.summary) })
    }

    pub(crate) fn steps(&mut self, steps: Vec<configure::Step>) -> Result<Vec<Step>, InvalidOutput> {
        self.number(steps.len(), "steps")?;
        let take = |step: configure::Step| {
            self.charge(step.title.len() + step.todo.as_ref().map_or(0, String::len))?;
            Ok(Step { title: self.sentence(&step.title), todo: step.todo.map(|todo| self.sentence(&todo)) })
        };
        steps.into_iter().map(take).collect()
    }

    pub(crate) fn failure(&mut self, failure: types::Failure) -> Result<Failure, InvalidOutput> {
        use types::Failure as F;
        Ok(match failure {
            F::Retry((after_ms, problem)) => Failure::Retry { after_ms, problem: self.problem(problem)? },
            F::RateLimited((after_ms, problem)) => Failure::RateLimited { after_ms, problem: self.problem(problem)? },
            F::Rejected(problem) => Failure::Rejected(self.problem(problem)?),
            F::RecipientGone(problem) => Failure::RecipientGone(self.problem(problem)?),
            F::WindowClosed(problem) => Failure::WindowClosed(self.problem(problem)?),
            F::Credentials(problem) => Failure::Credentials(self.problem(problem)?),
            F::Unsupported(problem) => Failure::Unsupported(self.problem(problem)?),
            F::Uncertain(problem) => Failure::Uncertain(self.problem(problem)?),
            F::Unauthenticated(problem) => Failure::Unauthenticated(self.problem(problem)?),
            F::Misconfigured(problem) => Failure::Misconfigured(self.problem(problem)?),
            F::Other(problem) => Failure::Other(self.problem(problem)?),
        })
    }

    fn events(
        &mut self,
        events: Vec<types::Event>,
        unreadable: &mut Vec<Unreadable>,
    ) -> Result<Vec<Event>, InvalidOutput> {
        let mut kept = Vec::with_capacity(events.len());
        for event in events {
            let checked = check::event(&event).and_then(|size| match self.belief.ceiling() {
                Trust::Attested => Ok(size),
                _ => check::visitor(&event).map(|()| size),
            });
            match checked {
                Ok(size) => {
                    self.charge(size)?;
                    kept.push(convert::event(&mut self.belief, event));
                }
                Err(reason) => {
                    let raw = described(&event);
                    self.charge(raw.len())?;
                    unreadable
                        .push(self.unreadable(raw.into_bytes(), &format!("The host refused an event: {reason}.")));
                }
            }
        }
        Ok(kept)
    }

    fn reply(&mut self, reply: receive::Reply) -> Result<Reply, InvalidOutput> {
        // A redirect would send who follows it from the host's address to anywhere.
        if !matches!(reply.status, 200..=299 | 400..=599) {
            return Err(bad(format!("the reply's status is {}", reply.status)));
        }
        if reply.headers.len() > REPLY_HEADERS || reply.body.len() > REPLY_BYTES {
            return Err(over(format!(
                "The reply has more than {REPLY_HEADERS} headers or {} of body.",
                bytes(REPLY_BYTES)
            )));
        }
        let mut headers = Vec::with_capacity(reply.headers.len());
        for types::Header { name, value } in reply.headers {
            self.charge(name.len() + value.len())?;
            let parsed = HeaderName::from_bytes(name.as_bytes());
            let name = parsed.map_err(|_| bad("the reply has a header whose name is none".to_owned()))?;
            if !self.may_reply_with(&name, &value) {
                return Err(bad(format!("the reply sets the header `{name}`")));
            }
            if HeaderValue::from_bytes(&value).is_err() {
                return Err(bad(format!("the reply's header `{name}` has a value that is none")));
            }
            headers.push((name.as_str().to_owned(), value));
        }
        self.charge(reply.body.len())?;
        Ok(Reply { status: reply.status, headers, body: reply.body })
    }

    /// Whether a reply may have this header: what providers need, and `x-` headers that the manifest names. Everything else could act on
    /// the browser of whoever is at the host's address.
    fn may_reply_with(&self, name: &HeaderName, value: &[u8]) -> bool {
        if *name == CONTENT_TYPE {
            let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            return REPLY_TYPES.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(essence));
        }
        *name == RETRY_AFTER || self.bound.reply_headers.iter().any(|named| named == name.as_str())
    }

    /// The lines for the call's log.
    pub(crate) fn into_notes(self) -> Vec<String> {
        self.belief.into_notes()
    }

    fn problem(&mut self, problem: types::Problem) -> Result<Problem, InvalidOutput> {
        self.charge(problem.message.len() + problem.code.as_ref().map_or(0, String::len))?;
        Ok(Problem { message: self.sentence(&problem.message), code: problem.code.map(|code| self.sentence(&code)) })
    }

    /// An item that is kept as it is, but for secrets: it is a piece of a request, which may have come with one, and nobody puts it back.
    fn unreadable(&self, raw: Vec<u8>, reason: &str) -> Unreadable {
        Unreadable { raw: self.bound.redactor.bytes(&raw).unwrap_or(raw), reason: self.sentence(reason) }
    }

    /// Text for the eyes of a person: without secrets, on one line, not too long.
    pub(super) fn sentence(&self, text: &str) -> String {
        let start = &text[..text.floor_char_boundary(4 * SENTENCE_BYTES)];
        let clean = printable(&self.bound.redactor.text(start));
        clean[..clean.floor_char_boundary(SENTENCE_BYTES)].to_owned()
    }

    pub(super) fn charge(&mut self, size: usize) -> Result<(), InvalidOutput> {
        self.taken = self.taken.saturating_add(size);
        match self.taken <= self.bound.limits.output_bytes {
            true => Ok(()),
            false => Err(over(format!("The call returned more than its {}.", bytes(self.bound.limits.output_bytes)))),
        }
    }

    pub(super) fn number(&self, n: usize, what: &str) -> Result<(), InvalidOutput> {
        let most = self.bound.limits.events.min(limits::EVENTS);
        match n <= most {
            true => Ok(()),
            false => Err(over(format!("The call returned {n} {what}; at most {most} are taken."))),
        }
    }
}

/// The beginning of an event as text; of what is longer no more is written out.
fn described(event: &types::Event) -> String {
    struct Bounded(String);
    impl fmt::Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let left = RAW_BYTES.saturating_sub(self.0.len());
            self.0.push_str(&text[..text.floor_char_boundary(left)]);
            if text.len() > left { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut text = Bounded(String::new());
    // An error says that the bound was reached.
    let _ = fmt::Write::write_fmt(&mut text, format_args!("{event:?}"));
    text.0
}

pub(super) fn over(message: String) -> InvalidOutput {
    InvalidOutput(Reason::new(CallErrorKind::OutputExceeded, message))
}

pub(super) fn bad(reason: String) -> InvalidOutput {
    InvalidOutput(Reason::new(CallErrorKind::BadOutput, format!("The connector broke the contract: {reason}.")))
}
