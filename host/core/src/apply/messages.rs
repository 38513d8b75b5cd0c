//! What comes in through a channel.

use super::Applier;
use super::identities::Statement;
use crate::effect::Effect;
use crate::event::{Author, DeliveryNews, DeliveryScope, Event, EventBody, InboundMessage, Part, Property, Sender};
use crate::fact::{Outcome, Source, StateChange, Unreadable};
use crate::ids::{ChannelId, IdentityId, MessageId, Millis, TouchpointId};
use crate::keys::{self, Item, Place};
use crate::rows::{self, Direction, Identity, Message, MessageAuthor, Presence, Reaction, Touchpoint};
use crate::tables::Result;

/// Times before this are no times: a clock that was never set.
const CLOCKS_BEGIN: Millis = Millis(946_684_800_000);
/// How much news of a message that has not come is kept.
const MAX_EARLY: usize = 16;

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    New,
    Duplicate,
}

impl Applier<'_> {
    pub(super) fn received(
        &mut self,
        channel: &ChannelId,
        source: &Source,
        events: &[Event],
        state: &[StateChange],
        unreadable: &[Unreadable],
    ) -> Result<Outcome> {
        self.change_state(channel, state);
        let (mut new, mut duplicate) = (0, 0);
        for event in events {
            match self.event(channel, source, event)? {
                Fate::New => new += 1,
                Fate::Duplicate => duplicate += 1,
            }
        }
        let parked = unreadable.iter().map(|item| self.park_item(channel, source, item)).collect::<Result<_>>()?;
        Ok(Outcome::Received { new, duplicate, parked })
    }

    pub(super) fn event(&mut self, channel: &ChannelId, source: &Source, event: &Event) -> Result<Fate> {
        if !event.id.is_empty() {
            let seen = keys::external_event(channel, &event.id);
            if self.tables.get(&seen)?.is_some() {
                return Ok(Fate::Duplicate);
            }
            rows::put(self.tables, seen, &self.seq)?;
        }
        match &event.body {
            EventBody::Message(message) => return self.message(channel, source, message),
            EventBody::Edit { message_id, .. }
            | EventBody::Deletion { message_id, .. }
            | EventBody::Reaction { message_id, .. } => return self.about_message(channel, message_id, &event.body),
            EventBody::Delivery { about: DeliveryScope::Message(id), .. } => {
                return self.about_message(channel, id, &event.body);
            }
            EventBody::Delivery { about: DeliveryScope::ThreadUntil(thread, until), state, at } => {
                self.thread_news(channel, thread, *until, state, at.unwrap_or(self.at))?;
            }
            EventBody::IdentityChange { old, new, reason, .. } => self.rotate(channel, old, new, reason)?,
            EventBody::Touchpoint { sender, kind, at, summary, extra } => {
                let id = TouchpointId::new(self.seq, self.next_item()?);
                self.touchpoint(channel, id, sender, kind, *at, summary, extra)?;
            }
            EventBody::Call { .. } => self.call(channel, &event.body)?,
            EventBody::Other(property) => self.other(channel, property)?,
        }
        Ok(Fate::New)
    }

    /// A time that the channel gave, made believable: not in the future, not before there were channels.
    fn believable(&self, at: Option<Millis>) -> Millis {
        at.filter(|at| *at >= CLOCKS_BEGIN).unwrap_or(self.at).min(self.at)
    }

    fn message(&mut self, channel: &ChannelId, source: &Source, given: &InboundMessage) -> Result<Fate> {
        let external = (!given.id.is_empty()).then(|| keys::external_message(channel, &given.id));
        if let Some(key) = &external
            && self.tables.get(key)?.is_some()
        {
            return Ok(Fate::Duplicate);
        }
        let id = MessageId::new(self.seq, self.next_item()?);
        let identity = self.sender(&given.sender, Statement { channel, message: Some(id) })?;
        self.affect(Effect::Person(channel.clone(), given.sender.identity.clone()));
        let row = self.message_row(id, identity, channel, source, given)?;
        rows::put(self.tables, keys::message(id), &row)?;
        if let Some(key) = external {
            rows::put(self.tables, key, &id)?;
        }
        self.enter_timeline(&row)?;
        self.want_files(&row, &[])?;
        let customer = self.identity_row(identity)?.customer;
        let word = if row.direction == Direction::Inbound { "message.received" } else { "message.echoed" };
        self.tell(word, Some(customer), Some(id), &[]);
        self.catch_up(channel, &given.id)?;
        Ok(Fate::New)
    }

    fn message_row(
        &self,
        id: MessageId,
        identity: IdentityId,
        channel: &ChannelId,
        source: &Source,
        given: &InboundMessage,
    ) -> Result<Message> {
        let (direction, author) = match given.author {
            Author::Customer => (Direction::Inbound, MessageAuthor::Customer),
            Author::Account => (Direction::Outbound, MessageAuthor::Account),
            Author::System => (Direction::Inbound, MessageAuthor::System),
        };
        let reply_to = match given.reply_to.as_deref().filter(|id| !id.is_empty()) {
            Some(external) => rows::get(self.tables, &keys::external_message(channel, external))?,
            None => None,
        };
        let sent_at = self.believable(given.sent_at);
        Ok(Message {
            id,
            channel: channel.clone(),
            connector: source.connector.clone(),
            thread: given.thread.clone(),
            external_ids: Some(given.id.clone()).filter(|id| !id.is_empty()).into_iter().collect(),
            direction,
            author,
            identity,
            sent_at,
            received_at: self.at,
            ordered_at: self.ordered(sent_at, reply_to)?,
            parts: given.parts.clone(),
            reply_to,
            reply_to_external: given.reply_to.clone(),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
            withdrawn: Vec::new(),
            delivery: None,
            extra: given.extra.clone(),
            action: None,
            own_reaction: None,
            marked_read_at: None,
            echo_of: None,
        })
    }

    /// Where a message stands among others. A time in whole seconds means any moment of that second; the last one before the message
    /// came keeps an answer behind what it answers, since what the host sends itself is timed to the millisecond.
    fn ordered(&self, sent_at: Millis, reply_to: Option<MessageId>) -> Result<Millis> {
        let finer = if sent_at.0.is_multiple_of(1000) { Millis(sent_at.0 + 999).min(self.at) } else { sent_at };
        let answered = match reply_to {
            Some(id) => rows::get::<Message>(self.tables, &keys::message(id))?.map(|m| m.ordered_at),
            None => None,
        };
        Ok(finer.max(answered.unwrap_or_default()).min(self.at))
    }

    /// Puts a message in its identity's timeline and takes note of it there.
    pub(super) fn enter_timeline(&mut self, message: &Message) -> Result<()> {
        let place = Place { at: message.ordered_at, item: Item::Message(message.id) };
        self.tables.put(keys::timeline(message.identity, place), Vec::new());
        let mut row = self.identity_row(message.identity)?;
        row.messages += 1;
        let latest = row.last_message.is_none() || row.last_activity.is_none_or(|at| message.ordered_at >= at);
        if latest {
            row.last_message = Some(message.id);
        }
        self.touch(&mut row, message.ordered_at);
        note_presence(&mut row, message);
        self.store_identity(&row)
    }

    /// Something about a message that may not have come yet.
    fn about_message(&mut self, channel: &ChannelId, external: &str, body: &EventBody) -> Result<Fate> {
        if external.is_empty() {
            let name = String::from("without_message_id");
            let value = serde_json::to_string(body).unwrap_or_default();
            self.other(channel, &Property { name, value })?;
            return Ok(Fate::New);
        }
        match rows::get::<MessageId>(self.tables, &keys::external_message(channel, external))? {
            Some(id) => self.change_message(id, body),
            None => self.keep_early(channel, external, body),
        }
    }

    fn keep_early(&mut self, channel: &ChannelId, external: &str, body: &EventBody) -> Result<Fate> {
        let kept: Vec<_> =
            self.tables.scan(keys::early_of(channel, external), false).take(MAX_EARLY).collect::<Result<_>>()?;
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        if kept.len() >= MAX_EARLY || kept.iter().any(|(_, value)| *value == bytes) {
            return Ok(Fate::Duplicate);
        }
        let index = self.next_item()?;
        self.tables.put(keys::early(channel, external, self.seq, index), bytes);
        Ok(Fate::New)
    }

    /// Applies what came before the message itself did.
    pub(super) fn catch_up(&mut self, channel: &ChannelId, external: &str) -> Result<()> {
        if external.is_empty() {
            return Ok(());
        }
        let early: Vec<_> = self.tables.scan(keys::early_of(channel, external), false).collect::<Result<_>>()?;
        for (key, value) in early {
            let body: EventBody = rows::decode(&value)?;
            self.about_message(channel, external, &body)?;
            self.tables.delete(key);
        }
        Ok(())
    }

    fn change_message(&mut self, id: MessageId, body: &EventBody) -> Result<Fate> {
        let mut row: Message = rows::need(self.tables, &keys::message(id))?;
        if let Some(original) = row.echo_of {
            return self.change_message(original, body);
        }
        let before = row.clone();
        match body {
            EventBody::Edit { at, parts, .. } => edit(&mut row, self.believable(*at), parts),
            EventBody::Deletion { at, .. } => delete(&mut row, self.believable(*at)),
            EventBody::Reaction { sender, emoji, at, .. } => {
                let channel = row.channel.clone();
                let identity = self.sender(sender, Statement { channel: &channel, message: Some(id) })?;
                self.affect(Effect::Person(channel.clone(), sender.identity.clone()));
                react(&mut row, identity, emoji.as_deref(), self.believable(*at));
            }
            EventBody::Delivery { state, at, .. } => {
                let at = self.believable(*at);
                return self.news(id, state, at);
            }
            _ => {}
        }
        if row == before {
            return Ok(Fate::Duplicate);
        }
        rows::put(self.tables, keys::message(id), &row)?;
        self.want_files(&row, &before.parts)?;
        let customer = self.identity_row(row.identity)?.customer;
        self.tell("message.updated", Some(customer), Some(id), &[]);
        Ok(Fate::New)
    }

    fn thread_news(
        &mut self,
        channel: &ChannelId,
        thread: &str,
        until: Millis,
        state: &DeliveryNews,
        at: Millis,
    ) -> Result<()> {
        /// A read mark is about what was just sent; older messages have their own news by then.
        const MOST: usize = 200;
        let range = keys::sent_in_thread_until(channel, thread, until);
        let sent: Vec<_> = self.tables.scan(range, true).take(MOST).collect::<Result<_>>()?;
        for (key, _) in sent {
            if let Some(id) = keys::last_message(&key) {
                self.news(id, state, at)?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a touchpoint, each once")]
    fn touchpoint(
        &mut self,
        channel: &ChannelId,
        id: TouchpointId,
        sender: &Sender,
        kind: &str,
        at: Option<Millis>,
        summary: &str,
        extra: &[Property],
    ) -> Result<()> {
        let identity = self.sender(sender, Statement { channel, message: None })?;
        self.affect(Effect::Person(channel.clone(), sender.identity.clone()));
        let at = self.believable(at);
        let row = Touchpoint {
            id,
            channel: channel.clone(),
            identity: Some(identity),
            kind: kind.to_owned(),
            at,
            summary: summary.to_owned(),
            extra: extra.to_vec(),
        };
        rows::put(self.tables, keys::touchpoint(id), &row)?;
        self.tables.put(keys::timeline(identity, Place { at, item: Item::Touchpoint(id) }), Vec::new());
        let mut who = self.identity_row(identity)?;
        self.touch(&mut who, at);
        self.store_identity(&who)?;
        self.tell("touchpoint.recorded", Some(who.customer), None, &[("touchpoint", id.to_string())]);
        Ok(())
    }

    /// A call is one touchpoint that changes while the call goes on.
    fn call(&mut self, channel: &ChannelId, body: &EventBody) -> Result<()> {
        let EventBody::Call { call_id, sender, direction, state, at, duration_seconds, extra } = body else {
            return Ok(());
        };
        let known = keys::external_event(channel, &format!("call:{call_id}"));
        let summary = match duration_seconds {
            Some(seconds) => format!("{direction} call, {state}, {seconds} s"),
            None => format!("{direction} call, {state}"),
        };
        if let Some(id) = rows::get::<TouchpointId>(self.tables, &known)? {
            let mut row: Touchpoint = rows::need(self.tables, &keys::touchpoint(id))?;
            row.summary = summary;
            row.extra.extend(extra.iter().filter(|e| !row.extra.contains(e)).cloned().collect::<Vec<_>>());
            self.tell("touchpoint.updated", None, None, &[("touchpoint", id.to_string())]);
            return rows::put(self.tables, keys::touchpoint(id), &row);
        }
        let id = TouchpointId::new(self.seq, self.next_item()?);
        rows::put(self.tables, known, &id)?;
        self.touchpoint(channel, id, sender, "call", *at, &summary, extra)
    }

    /// Genuine, but of no kind that has a form: kept, and told to whoever follows events.
    fn other(&mut self, channel: &ChannelId, property: &Property) -> Result<()> {
        let id = TouchpointId::new(self.seq, self.next_item()?);
        let row = Touchpoint {
            id,
            channel: channel.clone(),
            identity: None,
            kind: String::from("other"),
            at: self.at,
            summary: property.name.clone(),
            extra: vec![property.clone()],
        };
        rows::put(self.tables, keys::touchpoint(id), &row)?;
        let about = [("touchpoint", id.to_string()), ("name", property.name.clone()), ("channel", channel.to_string())];
        self.tell("channel.other", None, None, &about);
        Ok(())
    }
}

fn note_presence(row: &mut Identity, message: &Message) {
    let inbound = message.author == MessageAuthor::Customer;
    let presence = row
        .channels
        .entry(message.channel.clone())
        .or_insert_with(|| Presence { thread: message.thread.clone(), last_inbound: None });
    if inbound && presence.last_inbound.is_none_or(|at| message.ordered_at >= at) {
        presence.thread = message.thread.clone();
        presence.last_inbound = Some(message.ordered_at);
    }
    match message.direction {
        Direction::Inbound if inbound => {
            let answered = row.last_outbound.is_some_and(|at| at >= message.ordered_at);
            if !answered {
                let first = row.waiting_since.map_or(message.ordered_at, |at| at.min(message.ordered_at));
                row.waiting_since = Some(first);
            }
        }
        Direction::Inbound => {}
        Direction::Outbound => {
            row.last_outbound = row.last_outbound.max(Some(message.ordered_at));
            if row.waiting_since.is_some_and(|at| at <= message.ordered_at) {
                row.waiting_since = None;
            }
        }
    }
}

fn edit(row: &mut Message, at: Millis, parts: &[Part]) {
    let late = row.edited_at.is_some_and(|before| before > at);
    if row.deleted_at.is_none() && !late && row.parts != parts {
        row.parts = parts.to_vec();
        row.edited_at = Some(at);
    }
}

fn delete(row: &mut Message, at: Millis) {
    if row.deleted_at.is_none() {
        row.deleted_at = Some(at);
        row.parts.clear();
        row.reactions.clear();
    }
}

/// One reaction for each person; the latest counts, in whatever order they come.
fn react(row: &mut Message, identity: IdentityId, emoji: Option<&str>, at: Millis) {
    let of = |r: &&Reaction| r.identity == identity;
    let latest = row.reactions.iter().filter(of).chain(row.withdrawn.iter().filter(of)).map(|r| r.at).max();
    if latest.is_some_and(|before| before > at) {
        return;
    }
    row.reactions.retain(|r| r.identity != identity);
    row.withdrawn.retain(|r| r.identity != identity);
    let reaction = Reaction { identity, emoji: emoji.unwrap_or_default().to_owned(), at };
    match emoji {
        Some(_) => row.reactions.push(reaction),
        None => row.withdrawn.push(reaction),
    }
}
