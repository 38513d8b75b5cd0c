//! From facts to views. Pure and deterministic: the same journal gives the same rows, byte for byte, on every host and at any time.
//!
//! * [`identities`]: who an address is, what hints say of it.
//! * [`links`]: what joins identities to customers by itself: proofs; and claims, which only suggest.
//! * [`decisions`]: what people decide about links, and how that is taken back.
//! * [`groups`]: which identities are one customer.
//! * [`messages`]: what comes in through a channel.
//! * [`requests`]: where a message goes, and whether it may.
//! * [`outbox`]: what goes out, and news of it.
//! * [`actions`]: what is done to messages that are on their channel already.
//! * [`files`]: the files of messages.
//! * [`admin`]: channels, keys, parked deliveries. [`generations`]: connectors, their versions, what channels are allowed.

mod actions;
mod admin;
mod decisions;
mod files;
mod generations;
mod groups;
mod identities;
mod links;
mod messages;
mod outbox;
mod requests;

pub(crate) use identities::words;

use files::FileOf;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::effect::Effect;
use crate::fact::{Actor, Entry, Fact, Idempotency, Outcome, Refusal, StateChange};
use crate::ids::{ChannelId, CustomerId, ITEMS_PER_FACT as ITEMS, IdentityId, MessageId, Millis, Seq};
use crate::keys;
use crate::rows::{self, Identity, Message, PublicEvent, Remembered, Skipped};
use crate::tables::{self, ReadError, Result, Write};

/// The edition of the rules in this module. Views that another edition made are built again, so it goes up whenever the same journal
/// comes to other rows than before.
pub const EDITION: u32 = 2;

/// What applying a fact gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The answer for whoever appended it.
    pub outcome: Outcome,
    /// What has to be looked at outside the tables, each once, in a fixed order.
    pub effects: Vec<Effect>,
}

/// Applies one fact and moves the applied number.
///
/// # Errors
/// When the tables cannot be read, or the fact is not the next one. Nothing is to be stored then.
pub fn apply(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
    expect_next(tables, entry)?;
    let mut applier = Applier {
        tables,
        seq: entry.seq,
        at: entry.at,
        actor: &entry.actor,
        items: 0,
        events: Vec::new(),
        effects: BTreeSet::new(),
        identities: RefCell::default(),
    };
    let outcome = applier.once(&entry.fact)?;
    let effects = applier.finish()?;
    Ok(Applied { outcome, effects })
}

/// Moves the applied number past a fact that met a defect of [`apply`], and notes the reason. The caller has discarded whatever
/// [`apply`] wrote. A later [`EDITION`] applies the fact again.
///
/// # Errors
/// When the tables cannot be read, or the fact is not the next one.
pub fn skip(tables: &mut dyn Write, entry: &Entry, reason: &str) -> Result<Applied> {
    expect_next(tables, entry)?;
    let reason = crate::canonical::cut(reason, SKIP_REASON_BYTES);
    let actor = actor_name(&entry.actor);
    let row = Skipped { seq: entry.seq, at: entry.at, actor, reason: reason.clone() };
    rows::put(tables, keys::skipped(entry.seq), &row)?;
    let event = PublicEvent {
        kind: String::from("fact.skipped"),
        at: entry.at,
        customer: None,
        message: None,
        about: BTreeMap::from([(String::from("reason"), reason.clone())]),
    };
    rows::put(tables, keys::public_events(entry.seq), &[event])?;
    tables.put(tables::APPLIED.to_vec(), entry.seq.0.to_be_bytes().to_vec());
    Ok(Applied { outcome: Outcome::Skipped { reason }, effects: vec![Effect::Skipped] })
}

/// Bytes of the reason that is kept of a skipped fact.
const SKIP_REASON_BYTES: usize = 500;

fn expect_next(tables: &dyn Write, entry: &Entry) -> Result<()> {
    let applied = tables::applied(tables)?;
    if entry.seq == applied.next() {
        return Ok(());
    }
    Err(ReadError::Io(format!("fact {} cannot be applied after fact {applied}", entry.seq)))
}

/// How an actor is written in keys and evidence.
#[must_use]
pub fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Host => String::from("host"),
        Actor::Operator => String::from("operator"),
        Actor::Channel(channel) => format!("channel {channel}"),
        Actor::Key(key) => key.to_string(),
    }
}

/// The work on one fact.
struct Applier<'a> {
    tables: &'a mut dyn Write,
    seq: Seq,
    at: Millis,
    actor: &'a Actor,
    /// Things made so far; the index of the next id.
    items: u16,
    events: Vec<PublicEvent>,
    effects: BTreeSet<Effect>,
    /// Rows that were read or stored, as they are now.
    identities: RefCell<BTreeMap<IdentityId, Identity>>,
}

impl Applier<'_> {
    /// Runs a command unless the same key ran it before.
    fn once(&mut self, fact: &Fact) -> Result<Outcome> {
        let Some(Idempotency { key, request }) = idempotency_of(fact) else {
            return self.run(fact);
        };
        let row = keys::idempotency(&actor_name(self.actor), key);
        if let Some(before) = rows::get::<Remembered>(self.tables, &row)? {
            if before.request == *request {
                // Repeating a command has the effects of the command: whoever repeats it may never have seen them.
                if let Outcome::Queued { message } = &before.outcome
                    && let Some(row) = rows::get::<Message>(self.tables, &keys::message(*message))?
                {
                    self.affect(Effect::Outbox(row.channel));
                }
                return Ok(before.outcome);
            }
            let message = "this Idempotency-Key was used for another request; use a new key for a new request";
            return Ok(refuse("idempotency_mismatch", message));
        }
        let outcome = self.run(fact)?;
        // A refusal is not remembered: what it complained of may be mended, and the client may try again with the same key.
        if !matches!(outcome, Outcome::Refused(_)) {
            rows::put(self.tables, row, &Remembered { request: request.clone(), outcome: outcome.clone() })?;
        }
        Ok(outcome)
    }

    fn run(&mut self, fact: &Fact) -> Result<Outcome> {
        match fact {
            Fact::ChannelSet { channel, source, rules } => self.set_channel(channel, source, rules),
            Fact::ChannelParked { channel, problem } => self.park_channel(channel, problem),
            Fact::ChannelResumed { channel } => self.resume_channel(channel),
            Fact::ChannelPaused { channel } => self.pause_channel(channel),
            Fact::GrantsChanged { channel, changes } => self.change_grants(channel, changes),
            Fact::GenerationStaged { connector, source, signature, origin } => {
                self.stage_generation(connector, source, signature, origin)
            }
            Fact::GenerationMoved { connector, generation, to, problem, missing, approved, differences } => {
                let asked = (approved.as_ref(), differences.as_slice());
                self.move_generation(connector, *generation, *to, problem.as_ref(), missing, asked)
            }
            Fact::ConnectorRemoved { connector } => self.remove_connector(connector),
            Fact::ClaimsSet { policy } => self.set_claims(*policy),
            Fact::Received { channel, source, events, state, unreadable } => {
                self.received(channel, source, events, state, unreadable)
            }
            Fact::Polled { channel, source, events, state, unreadable, cursor } => {
                if let Some(cursor) = cursor {
                    self.tables.put(keys::cursor(channel), cursor.clone());
                }
                self.received(channel, source, events, state, unreadable)
            }
            Fact::DeliveryParked { channel, source, request, problem } => {
                self.park_delivery(channel, source, request, problem)
            }
            Fact::AttachmentStored { channel, message, part, reference, attachment, state } => {
                self.change_state(channel, state);
                let file = FileOf { channel, message: *message, part: *part, reference: reference.as_deref() };
                self.attachment_stored(&file, attachment)
            }
            Fact::AttachmentMissed { channel, message, part, reference, again, problem } => {
                let file = FileOf { channel, message: *message, part: *part, reference: reference.as_deref() };
                self.attachment_missed(&file, *again, problem)
            }
            Fact::ParkedDiscarded { parked } => self.discard_parked(*parked),
            Fact::HintsLearnt { channel, identity, hints, state } => {
                self.change_state(channel, state);
                self.learn(channel, identity, hints)
            }
            Fact::MessageRequested { customer, parts, via, reply_to, .. } => {
                self.request_message(*customer, parts, via.as_ref(), *reply_to)
            }
            Fact::ActionRequested { message, action, .. } => self.request_action(*message, action),
            Fact::RetryRequested { message } => self.request_retry(*message),
            Fact::SendStarted { message, attempt } => self.start_send(*message, *attempt),
            Fact::SendEnded { message, attempt, result, events, state } => {
                self.end_send(*message, *attempt, result, events, state)
            }
            Fact::MergeRequested { a, b, reason, .. } => self.merge(*a, *b, reason),
            Fact::UnlinkRequested { customer, identity, reason, .. } => self.unlink(*customer, *identity, reason),
            Fact::SuggestionDecided { suggestion, accept, reason, .. } => self.decide(*suggestion, *accept, reason),
            Fact::KeyCreated { name, role, hash } => self.create_key(name, *role, hash),
            Fact::KeyRevoked { key } => self.revoke_key(*key),
            Fact::Redacted => Ok(Outcome::Done),
        }
    }

    /// The index for the next thing that this fact makes.
    fn next_item(&mut self) -> Result<u16> {
        let index = self.items;
        self.items = index.checked_add(1).filter(|next| *next < ITEMS).ok_or_else(|| {
            ReadError::Broken(format!(
                "fact {} makes more than {ITEMS} things; such a fact must not be appended",
                self.seq
            ))
        })?;
        Ok(index)
    }

    fn tell(&mut self, kind: &str, customer: Option<CustomerId>, message: Option<MessageId>, about: &[(&str, String)]) {
        let about: BTreeMap<String, String> = about.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        let event = PublicEvent { kind: kind.to_owned(), at: self.at, customer, message, about };
        // Many changes of one message in one fact are one piece of news.
        if !self.events.contains(&event) {
            self.events.push(event);
        }
    }

    fn change_state(&mut self, channel: &ChannelId, changes: &[StateChange]) {
        for change in changes {
            let key = keys::state(channel, &change.key);
            match &change.value {
                Some(value) => self.tables.put(key, value.clone()),
                None => self.tables.delete(key),
            }
        }
    }

    /// Notes that something outside the tables follows from the fact.
    fn affect(&mut self, effect: Effect) {
        self.effects.insert(effect);
    }

    fn finish(self) -> Result<Vec<Effect>> {
        if !self.events.is_empty() {
            rows::put(self.tables, keys::public_events(self.seq), &self.events)?;
        }
        self.tables.put(tables::APPLIED.to_vec(), self.seq.0.to_be_bytes().to_vec());
        Ok(self.effects.into_iter().collect())
    }
}

fn idempotency_of(fact: &Fact) -> Option<&Idempotency> {
    match fact {
        Fact::MessageRequested { idempotency, .. }
        | Fact::ActionRequested { idempotency, .. }
        | Fact::MergeRequested { idempotency, .. }
        | Fact::UnlinkRequested { idempotency, .. }
        | Fact::SuggestionDecided { idempotency, .. } => idempotency.as_ref(),
        _ => None,
    }
}

/// A refusal without details.
fn refuse(code: &str, message: &str) -> Outcome {
    refuse_with(code, message, &[])
}

fn refuse_with(code: &str, message: &str, details: &[(&str, String)]) -> Outcome {
    let details = details.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    Outcome::Refused(Refusal { code: code.to_owned(), message: message.to_owned(), details })
}

fn not_found(what: &str, id: impl std::fmt::Display) -> Outcome {
    refuse("not_found", &format!("there is no {what} {id}"))
}
