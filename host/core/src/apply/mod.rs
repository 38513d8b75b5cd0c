//! From facts to tables. Pure and deterministic: the same journal gives the same rows, byte for byte, on every host and at any time; and
//! total: every fact comes to an outcome within a stated bound of work.
//!
//! Each area of the domain applies its own facts (`identity`, `conversation`, `outbox`, `files`, `channel`, `connector`, `access`,
//! `parked`, `timer`); this module hands them out. An area tells the others what happened by a [`DomainEvent`]; those are handled when
//! the fact itself is done, in the order in which they happened, by [`Applier::handle`], which says who hears of them and in which order.
//!
//! A new area is a folder with `rows`, `apply` and `view`, a line in [`Applier::run`], and, if it listens to others, a line in
//! [`Applier::handle`].

mod applied;
mod context;
mod event;
mod ids;
mod meter;
mod refusal;

use crate::access;
use crate::effect::Effect;
use crate::fact::{Entry, Fact, Outcome};
use crate::feed;
use crate::tables::{self, ReadError, Result, Write};

use applied::set_applied;
pub use applied::{Applied, Cost};
pub(crate) use context::Applier;
pub(crate) use event::DomainEvent;
pub(crate) use ids::is_behind_events;
pub use refusal::actor_name;
pub(crate) use refusal::{not_found, refuse, refuse_with};

/// The edition of the rules in this module. Tables that another edition made are built again, so it goes up whenever the same journal
/// comes to other rows than before. Rows of the edition before stay readable: they serve until the new ones are there.
pub const EDITION: u32 = 5;

/// Applies one fact and moves the applied number.
///
/// # Errors
/// [`ReadError::Io`] when the tables cannot be read, or the fact is not the next one. [`ReadError::Broken`] when the fact met a defect;
/// it is to be skipped ([`skip`]) then. Nothing of what was written is to be stored in either case.
pub fn apply(tables: &mut dyn Write, entry: &Entry) -> Result<Applied> {
    expect_next(tables, entry)?;
    let mut applier = Applier::new(tables, entry)?;
    let outcome = applier.once(&entry.fact)?;
    applier.settle()?;
    applier.finish(outcome)
}

/// Moves the applied number past a fact that met a defect of [`apply`], and notes the reason. The caller has discarded whatever
/// [`apply`] wrote. A later [`EDITION`] applies the fact again.
///
/// # Errors
/// When the tables cannot be read, or the fact is not the next one.
pub fn skip(tables: &mut dyn Write, entry: &Entry, reason: &str) -> Result<Applied> {
    expect_next(tables, entry)?;
    let reason = feed::note_skipped(tables, entry, reason)?;
    set_applied(tables, entry);
    Ok(Applied { outcome: Outcome::Skipped { reason }, effects: vec![Effect::Skipped], cost: Cost::default() })
}

fn expect_next(tables: &dyn Write, entry: &Entry) -> Result<()> {
    let applied = tables::applied(tables)?;
    if entry.seq == applied.next() {
        return Ok(());
    }
    Err(ReadError::Io(format!("fact {} cannot be applied after fact {applied}", entry.seq)))
}

impl Applier<'_> {
    /// Runs a command unless the same key ran it before.
    fn once(&mut self, fact: &Fact) -> Result<Outcome> {
        if access::needs_good_key(fact) && self.is_key_revoked()? {
            return Ok(refuse("unauthenticated", "this API key was revoked"));
        }
        match access::idempotency_of(fact) {
            None => self.run(fact),
            Some(key) => match self.remembered(key)? {
                Some(outcome) => Ok(outcome),
                None => {
                    let outcome = self.run(fact)?;
                    self.remember(key, &outcome)?;
                    Ok(outcome)
                }
            },
        }
    }

    fn run(&mut self, fact: &Fact) -> Result<Outcome> {
        match fact {
            Fact::ChannelSet { channel, source, rules, scope } => {
                self.set_channel(channel, source, rules, scope.as_deref())
            }
            Fact::ChannelParked { channel, source, problem } => match self.former_source(channel, source.as_ref())? {
                Some(former) => Ok(former),
                None => self.park_channel(channel, problem),
            },
            Fact::ChannelResumed { channel } => self.resume_channel(channel),
            Fact::ChannelHeld { channel, source, until } => match self.former_source(channel, source.as_ref())? {
                Some(former) => Ok(former),
                None => self.hold_channel(channel, *until),
            },
            Fact::ChannelPaused { channel } => self.pause_channel(channel),
            Fact::OriginsGranted { channel, http, private } => self.grant_origins(channel, http, private),
            Fact::OriginsRevoked { channel, origins } => self.revoke_origins(channel, origins),
            Fact::PublicWebhookSet { channel, allowed } => self.set_public_webhook(channel, *allowed),
            Fact::GrantsChanged { channel, changes } => self.set_grants(channel, changes),
            Fact::GenerationStaged { connector, source, signature, origin } => {
                self.stage_generation(connector, source, signature, origin)
            }
            Fact::GenerationMoved { connector, generation, to, problem, missing, approved, differences } => {
                let asked = (approved.as_ref(), differences.as_slice());
                self.move_generation(connector, *generation, *to, problem.as_ref(), missing, asked)
            }
            Fact::ConnectorRemoved { connector } => self.remove_connector(connector),
            Fact::ClaimsSet { policy } => self.set_claims(*policy),
            Fact::IdsByPlace => self.number_by_place(),
            Fact::Received { channel, source, events, state, unreadable } => {
                self.received(channel, source, events, state, unreadable)
            }
            Fact::Polled { channel, source, events, state, unreadable, cursor } => {
                if self.is_served_by(channel, Some(source))? {
                    self.set_cursor(channel, cursor.as_deref())?;
                }
                self.received(channel, source, events, state, unreadable)
            }
            Fact::DeliveryParked { channel, source, request, problem, verified } => {
                self.park_delivery(channel, source, request, problem, *verified)
            }
            Fact::ParkedReplayed { parked, source, events, state, unreadable } => {
                self.replay_parked(*parked, source, events, state, unreadable)
            }
            Fact::ParkedDiscarded { parked } => self.discard_parked(*parked),
            Fact::AttachmentStored { channel, message, part, reference, attachment, source, state } => {
                self.change_state(channel, source.as_ref(), state)?;
                self.file_stored(channel, (*message, *part), reference.as_deref(), attachment)
            }
            Fact::AttachmentMissed { channel, message, part, reference, again, problem } => {
                self.file_missed(channel, (*message, *part), reference.as_deref(), *again, problem)
            }
            Fact::HintsLearnt { channel, identity, id, hints, source, state } => {
                if let Some(former) = self.former_source(channel, source.as_ref())? {
                    return Ok(former);
                }
                self.change_state(channel, source.as_ref(), state)?;
                self.apply_fetched_hints(channel, identity, *id, hints)
            }
            Fact::MessageRequested { customer, parts, via, reply_to, thread, .. } => {
                self.request_message(*customer, parts, via.as_ref(), *reply_to, thread.as_deref())
            }
            Fact::ActionRequested { message, action, .. } => self.request_action(*message, action),
            Fact::RetryRequested { message } => self.request_retry(*message),
            Fact::SendStarted { message, attempt } => self.start_send(*message, *attempt),
            Fact::SendEnded { message, attempt, result, source, events, state } => {
                self.end_send(*message, *attempt, result, source.as_ref(), events, state)
            }
            Fact::MergeRequested { a, b, reason, .. } => self.merge(*a, *b, reason),
            Fact::UnlinkRequested { customer, identity, reason, .. } => self.unlink(*customer, *identity, reason),
            Fact::SuggestionDecided { suggestion, claimant, target, accept, reason, .. } => {
                self.decide(*suggestion, claimant.zip(*target), *accept, reason)
            }
            Fact::SharedCleared { identity, .. } => self.clear_shared(*identity),
            Fact::KeyCreated { name, role, hash } => self.create_key(name, *role, hash),
            Fact::KeyRevoked { key } => self.revoke_key(*key),
            Fact::TimerFired { timer, due } => self.fire_timer(*timer, *due),
            Fact::CustomerErased { customer, identities } => self.erase_customer(*customer, identities),
            Fact::ErasureEnded { erasure } => self.end_erasure(*erasure),
            Fact::SendErased { channel, people, source, events, state, problem } => {
                self.end_erased_send(channel, people, source.as_ref(), events, state, problem.as_ref())
            }
            Fact::Redacted { idempotency } => {
                if let Some(key) = idempotency {
                    self.remember_redacted(key)?;
                }
                Ok(Outcome::Done)
            }
        }
    }

    /// Handles what happened while the fact was applied, in order.
    fn settle(&mut self) -> Result<()> {
        while let Some(event) = self.next_event() {
            self.handle(&event)?;
        }
        Ok(())
    }

    /// Who hears of an event, in this order.
    fn handle(&mut self, event: &DomainEvent) -> Result<()> {
        self.files_hear(event)?;
        self.feed_hears(event)
    }
}
