//! From the events of a call to rows.

use super::externals::external;
use super::rows::{Direction, EXTERNAL, EXTERNAL_EVENT, External, Message, MessageAuthor};
use crate::apply::{Applier, DomainEvent};
use crate::effect::Effect;
use crate::event::{Author, DeliveryScope, Event, EventBody, InboundMessage, Property};
use crate::fact::{Outcome, Source, StateChange, Unreadable};
use crate::identity::Statement;
use crate::ids::{ChannelId, IdentityId, MessageId, Millis};
use crate::limits;
use crate::tables::Result;

/// Times before this are no times: a clock that was never set.
const CLOCKS_BEGIN: Millis = Millis(946_684_800_000);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventEffect {
    /// It changed something.
    New,
    /// It had been seen, or changed nothing.
    Duplicate,
}

/// Where events come from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The channel.
    pub(crate) channel: &'a ChannelId,
    /// The id of the connector that speaks for it.
    pub(crate) connector: &'a str,
    /// The scope whose people it speaks about.
    pub(crate) scope: &'a str,
}

impl<'a> Origin<'a> {
    pub(crate) fn statement(self, message: Option<MessageId>) -> Statement<'a> {
        Statement { channel: self.channel, scope: self.scope, message }
    }
}

impl Applier<'_> {
    pub(crate) fn received(
        &mut self,
        channel: &ChannelId,
        source: &Source,
        events: &[Event],
        state: &[StateChange],
        unreadable: &[Unreadable],
    ) -> Result<Outcome> {
        if let Some(former) = self.former_source(channel, Some(source))? {
            return Ok(former);
        }
        self.change_state(channel, Some(source), state)?;
        let scope = self.scope_of(channel, &source.connector)?;
        let origin = Origin { channel, connector: &source.connector, scope: &scope };
        let (mut new, mut duplicate) = (0, 0);
        for (index, event) in events.iter().take(limits::EVENTS).enumerate() {
            self.ids.at_event(index);
            match self.event(origin, event)? {
                EventEffect::New => new += 1,
                EventEffect::Duplicate => duplicate += 1,
            }
        }
        let items = unreadable.iter().take(limits::UNREADABLE);
        let parked = items.map(|item| self.park_item(channel, source, item)).collect::<Result<_>>()?;
        Ok(Outcome::Received { new, duplicate, parked })
    }

    pub(crate) fn event(&mut self, origin: Origin<'_>, event: &Event) -> Result<EventEffect> {
        let channel = origin.channel;
        if !event.id.is_empty() {
            if external(&self.tables, channel, EXTERNAL_EVENT, &event.id)?.is_some() {
                return Ok(EventEffect::Duplicate);
            }
            let seen = External::Event(self.seq);
            EXTERNAL.put(&mut self.tables, (channel, EXTERNAL_EVENT, &event.id), &seen)?;
        }
        match &event.body {
            EventBody::Message(message) => return self.message(origin, message),
            EventBody::Edit { message_id, .. }
            | EventBody::Deletion { message_id, .. }
            | EventBody::Reaction { message_id, .. }
            | EventBody::Delivery { about: DeliveryScope::Message(message_id), .. } => {
                return self.about_message(origin, message_id, &event.body);
            }
            EventBody::Delivery { about: about @ DeliveryScope::ThreadUntil(..), state, at } => {
                self.apply_read_watermark(channel, about, state, self.believable(*at))?;
            }
            EventBody::IdentityChange { old, new, at, reason } => {
                self.rotate(origin.statement(None), old, new, self.believed(*at), reason)?;
            }
            EventBody::Touchpoint { sender, kind, at, summary, extra } => {
                let id = self.ids.touchpoint()?;
                self.touchpoint(origin, id, sender, kind, *at, summary, extra)?;
            }
            EventBody::Call { .. } => self.call(origin, &event.body)?,
            EventBody::Erased { people } => {
                for person in people {
                    self.sender(person, origin.statement(None))?;
                }
            }
            EventBody::Other(property) => self.other(channel, property)?,
        }
        Ok(EventEffect::New)
    }

    /// A time that the channel gave, made believable: not in the future, not before there were channels.
    pub(super) fn believable(&self, at: Option<Millis>) -> Millis {
        self.believed(at).unwrap_or(self.at)
    }

    /// A time that the channel gave, if it can be one.
    fn believed(&self, at: Option<Millis>) -> Option<Millis> {
        at.filter(|at| (CLOCKS_BEGIN..=self.at).contains(at))
    }

    fn message(&mut self, origin: Origin<'_>, given: &InboundMessage) -> Result<EventEffect> {
        let channel = origin.channel;
        if !given.id.is_empty() && self.message_by_external(channel, &given.id)?.is_some() {
            return Ok(EventEffect::Duplicate);
        }
        let id = self.ids.message()?;
        let identity = self.sender(&given.sender, origin.statement(Some(id)))?;
        self.affect(Effect::Person(channel.clone(), identity));
        let row = self.message_row(id, identity, origin, given)?;
        if !given.id.is_empty() {
            self.set_external(channel, &given.id, id)?;
        }
        self.enter_timeline(&row)?;
        self.emit(DomainEvent::MessageStored { message: id, identity, direction: row.direction });
        self.store_message(row);
        self.drain_pending(origin, &given.id)?;
        Ok(EventEffect::New)
    }

    fn message_row(
        &mut self,
        id: MessageId,
        identity: IdentityId,
        origin: Origin<'_>,
        given: &InboundMessage,
    ) -> Result<Message> {
        let (direction, author) = match given.author {
            Author::Customer => (Direction::Inbound, MessageAuthor::Customer),
            Author::Account => (Direction::Outbound, MessageAuthor::Account),
            Author::System => (Direction::Inbound, MessageAuthor::System),
        };
        let reply_to = match given.reply_to.as_deref().filter(|id| !id.is_empty()) {
            Some(external) => self.message_by_external(origin.channel, external)?,
            None => None,
        };
        let sent_at = self.believable(given.sent_at);
        let ordered_at = self.ordered(sent_at, reply_to)?.max(given.ordered_at.unwrap_or_default()).min(self.at);
        let mut row = Message {
            sent_at,
            ordered_at,
            external_ids: Some(given.id.clone()).filter(|id| !id.is_empty()).into_iter().collect(),
            reply_to,
            reply_to_external: given.reply_to.clone(),
            extra: bounded(&given.extra),
            cut: given.cut.clone(),
            ..Message::new(id, origin.channel, origin.connector, &given.thread, direction, author, identity, self.at)
        };
        row.set_parts(&given.parts);
        Ok(row)
    }

    /// Where a message stands among others. A time in whole seconds means any moment of that second; the last one before the message
    /// came keeps an answer behind what it answers, since what the host sends itself is timed to the millisecond.
    fn ordered(&mut self, sent_at: Millis, reply_to: Option<MessageId>) -> Result<Millis> {
        let finer = if sent_at.0.is_multiple_of(1000) { Millis(sent_at.0 + 999).min(self.at) } else { sent_at };
        let answered = match reply_to {
            Some(id) if self.may_change_more() => self.held_message(id)?.map(|m| m.ordered_at),
            _ => None,
        };
        Ok(finer.max(answered.unwrap_or_default()).min(self.at))
    }
}

/// The properties, as many and as large as a row holds.
pub(super) fn bounded(properties: &[Property]) -> Vec<Property> {
    let mut bytes = 0;
    let fits = |p: &&Property| {
        bytes += p.name.len() + p.value.len();
        bytes <= limits::PROPERTIES_BYTES
    };
    properties.iter().take(limits::PROPERTIES).take_while(fits).cloned().collect()
}
