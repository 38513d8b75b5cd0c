//! What is left of a fact when a person is erased.
//!
//! The person's events are replaced by [`EventBody::Erased`] in their places, so that the events of others keep theirs, and with them
//! their ids. Commands about the person's messages go but for the client's key. What an attempt's answer brought besides stays, and so
//! does what people decided about links, without the reasons.

use super::plan::{Place, Plan};
use crate::conversation::rows::{EXTERNAL, EXTERNAL_CALL, EXTERNAL_MESSAGE, External, MESSAGES};
use crate::event::{DeliveryScope, Event, EventBody, InboundMessage, Problem, Sender, Trust};
use crate::fact::{Entry, Fact, Idempotency, RawRequest, SendResult, Source, StateChange, Unreadable, Via};
use crate::identity::rows::SUGGESTIONS;
use crate::ids::{ChannelId, MessageId, TouchpointId};
use crate::limits;
use crate::tables::{Read, Result};

impl Plan {
    /// What is to stand in place of the next fact of the journal; none where it stays as it is.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn rewrite(&mut self, tables: &impl Read, entry: &Entry) -> Result<Option<Fact>> {
        self.follow(entry);
        let left = self.left_of(tables, entry)?;
        Ok(Some(left).filter(|left| *left != entry.fact))
    }

    fn left_of(&mut self, tables: &impl Read, entry: &Entry) -> Result<Fact> {
        if self.is_of_former(&entry.fact) {
            // Nothing came of it, whoever it is about.
            return Ok(Fact::Redacted { idempotency: None });
        }
        let mut fact = entry.fact.clone();
        match &mut fact {
            Fact::Received { events, unreadable, .. }
            | Fact::Polled { events, unreadable, .. }
            | Fact::ParkedReplayed { events, unreadable, .. } => {
                if let Some((place, given)) = self.events_of(tables, entry)? {
                    *events = self.events(tables, &place, given)?;
                }
                if entry.seq < self.until {
                    self.items(unreadable);
                }
            }
            Fact::DeliveryParked { request, problem, .. }
                if entry.seq < self.until && self.needles.are_in_request(request) =>
            {
                hollow(request);
                *problem = erased();
            }
            Fact::AttachmentStored { channel, message, source, state, .. } if self.messages.contains_key(message) => {
                return Ok(rest(channel, source.take(), std::mem::take(state)));
            }
            Fact::ActionRequested { message, idempotency, .. } if self.messages.contains_key(message) => {
                return self.redacted(tables, entry, idempotency.take());
            }
            Fact::AttachmentMissed { message, .. }
            | Fact::RetryRequested { message }
            | Fact::SendStarted { message, .. }
                if self.messages.contains_key(message) =>
            {
                return Ok(Fact::Redacted { idempotency: None });
            }
            // Asked before the person was erased, and answered after that.
            Fact::HintsLearnt { channel, id: Some(id), source, state, .. }
                if entry.seq > self.until && self.members.contains(id) =>
            {
                return Ok(rest(channel, source.take(), std::mem::take(state)));
            }
            Fact::HintsLearnt { .. } => self.learnt(tables, entry, &mut fact)?,
            Fact::MessageRequested { .. } => return self.requested(tables, entry, fact),
            Fact::SendEnded { .. } => return self.ended(tables, entry, fact),
            Fact::SendErased { people, events, .. } => {
                if let Some((place, given)) = self.events_of(tables, entry)? {
                    for person in people {
                        *person = self.left_sender(tables, &place, person)?;
                    }
                    *events = self.events(tables, &place, given)?;
                }
            }
            // What is left of the facts may not say any more whose identities they are.
            Fact::CustomerErased { customer, identities } if entry.seq == self.until && identities.is_empty() => {
                *customer = self.customer.unwrap_or(*customer);
                identities.extend(&self.members);
            }
            Fact::MergeRequested { a, b, reason, .. }
                if self.near.contains(&(*a).into()) || self.near.contains(&(*b).into()) =>
            {
                reason.clear();
            }
            Fact::UnlinkRequested { customer, identity, reason, .. }
                if self.near.contains(&(*customer).into()) || self.members.contains(identity) =>
            {
                reason.clear();
            }
            Fact::SharedCleared { identity, reason } if self.members.contains(identity) => reason.clear(),
            Fact::SuggestionDecided { suggestion, claimant, target, reason, .. } => {
                // What is left of the facts may count suggestions otherwise.
                if claimant.is_none() || target.is_none() {
                    let row = SUGGESTIONS.get(tables, (*suggestion,))?;
                    (*claimant, *target) = (row.as_ref().map(|row| row.claimant), row.map(|row| row.target));
                }
                if [claimant, target].into_iter().flatten().any(|id| self.members.contains(id)) {
                    reason.clear();
                }
            }
            _ => {}
        }
        Ok(fact)
    }

    fn learnt(&mut self, tables: &impl Read, entry: &Entry, fact: &mut Fact) -> Result<()> {
        let Fact::HintsLearnt { channel, identity, id, hints, .. } = fact else { return Ok(()) };
        let place = self.place(channel, channel.as_str(), entry.seq);
        let tried = [Trust::Attested, Trust::Claimed];
        let found = tried.into_iter().find(|trust| self.holder(&place.address(identity, *trust), &place).is_some());
        match (found, id.is_some_and(|id| self.members.contains(&id))) {
            (None, false) => self.others_hints(&place, hints),
            (found, _) => {
                let trust = found.unwrap_or(Trust::Attested);
                let sender = Sender { identity: identity.clone(), trust, hints: std::mem::take(hints) };
                let left = self.person(tables, &place, &sender)?;
                (*identity, *hints) = (left.identity, left.hints);
            }
        }
        Ok(())
    }

    /// A request that went to the person goes. One that went to somebody who was one customer with the person has to go there again, and
    /// one that was refused has to be refused again, though the person is not there to choose from.
    fn requested(&self, tables: &impl Read, entry: &Entry, mut fact: Fact) -> Result<Fact> {
        let id = MessageId::new(entry.seq, 0);
        let Fact::MessageRequested { customer, via, reply_to, thread, idempotency, .. } = &mut fact else {
            return Ok(fact);
        };
        if self.messages.contains_key(&id) {
            return Ok(Fact::Redacted { idempotency: idempotency.take() });
        }
        if !self.near.contains(&(*customer).into()) {
            return Ok(fact);
        }
        let Some(row) = MESSAGES.get(tables, (id,))? else { return Ok(Fact::Redacted { idempotency: None }) };
        if reply_to.is_some_and(|answered| self.messages.contains_key(&answered)) {
            *reply_to = None;
        }
        if reply_to.is_none() || via.is_some() || thread.is_some() {
            *via = Some(Via::Identity(row.identity));
            *thread = Some(row.thread.id);
        }
        Ok(fact)
    }

    /// A command about the person's messages. Its key stays, unless it was refused: then the key was good for another command.
    fn redacted(&self, tables: &impl Read, entry: &Entry, idempotency: Option<Idempotency>) -> Result<Fact> {
        let counted = MESSAGES.contains(tables, (MessageId::new(entry.seq, 0),))?;
        Ok(Fact::Redacted { idempotency: idempotency.filter(|_| counted) })
    }

    fn ended(&mut self, tables: &impl Read, entry: &Entry, mut fact: Fact) -> Result<Fact> {
        let Fact::SendEnded { message, result, source, events, state, .. } = &mut fact else { return Ok(fact) };
        let channel = self.messages.get(message).cloned();
        if channel.is_some() && !self.counts(entry.seq) {
            return Ok(Fact::Redacted { idempotency: None });
        }
        let mut people = Vec::new();
        if let (Some(channel), SendResult::Sent { external_ids }) = (&channel, &*result) {
            for external in external_ids.iter().take(limits::EXTERNAL_IDS) {
                people.extend(self.waiting.take(&(channel.clone(), external.clone())));
            }
        }
        *events = match self.events_of(tables, entry)? {
            Some((place, given)) => self.events(tables, &place, given)?,
            // A former connector told of them, and nothing came of that.
            None => Vec::new(),
        };
        let Some(channel) = channel else { return Ok(fact) };
        let (source, events, state) = (source.take(), std::mem::take(events), std::mem::take(state));
        let problem = matches!(result, SendResult::Credentials { .. })
            .then(|| Problem { message: String::from("the channel's credentials do not work"), code: None });
        if people.is_empty() && events.is_empty() && state.is_empty() && problem.is_none() {
            return Ok(Fact::Redacted { idempotency: None });
        }
        Ok(Fact::SendErased { channel, people, source, events, state, problem })
    }

    fn items(&self, items: &mut [Unreadable]) {
        for item in items {
            if self.needles.are_in(&item.raw) || self.needles.are_in(item.reason.as_bytes()) {
                *item = Unreadable { raw: Vec::new(), reason: erased().message };
            }
        }
    }

    fn events(&mut self, tables: &impl Read, place: &Place, given: &[Event]) -> Result<Vec<Event>> {
        let mut left = Vec::with_capacity(given.len());
        for (index, event) in (0..).zip(given) {
            let place = place.at(index);
            left.push(match self.event(tables, &place, index, event)? {
                Some(people) => Event { id: String::new(), body: EventBody::Erased { people } },
                None => self.of_others(tables, &place, event)?,
            });
        }
        Ok(left)
    }

    /// Whom an event leaves; none where it is not the person's.
    fn event(&mut self, tables: &impl Read, place: &Place, index: u16, event: &Event) -> Result<Option<Vec<Sender>>> {
        let nobody = Some(Vec::new());
        let about = |id: &String| (place.channel.clone(), id.clone());
        Ok(match &event.body {
            EventBody::Message(message) => self.message(tables, place, index, message)?,
            EventBody::Edit { message_id, .. }
            | EventBody::Deletion { message_id, .. }
            | EventBody::Delivery { about: DeliveryScope::Message(message_id), .. } => {
                let target = self.externals.get(&about(message_id)).copied();
                if target.is_some_and(|target| self.is_early(place, message_id, target)) {
                    self.waiting.add(about(message_id), &event.body, None);
                }
                nobody.filter(|_| target.is_some())
            }
            EventBody::Delivery { about: DeliveryScope::ThreadUntil(thread, _), .. } => {
                nobody.filter(|_| self.threads.contains(&about(thread)))
            }
            EventBody::Reaction { message_id, sender, .. } => match self.externals.get(&about(message_id)).copied() {
                Some(target) if self.is_early(place, message_id, target) => {
                    let who = self.left_sender(tables, place, sender)?;
                    self.waiting.add(about(message_id), &event.body, Some(who));
                    nobody
                }
                Some(_) => Some(vec![self.left_sender(tables, place, sender)?]),
                None if self.is_person(place, sender) && self.is_known(tables, place, index, message_id)? => {
                    Some(vec![self.person(tables, place, sender)?])
                }
                None => None,
            },
            EventBody::Touchpoint { sender, .. } if self.is_person(place, sender) => {
                self.if_counted(tables, place, index, sender)?
            }
            // Of a call of somebody else it says how that went on.
            EventBody::Call { call_id, .. } if self.is_call_of_others(tables, place, index, call_id)? => None,
            EventBody::Call { call_id, sender, .. }
                if self.is_person(place, sender) || self.calls.contains(&about(call_id)) =>
            {
                self.if_counted(tables, place, index, sender)?
            }
            EventBody::Other(property) if place.seq < self.until => {
                nobody.filter(|_| self.needles.are_in(property.value.as_bytes()))
            }
            _ => None,
        })
    }

    fn message(
        &mut self,
        tables: &impl Read,
        place: &Place,
        index: u16,
        message: &InboundMessage,
    ) -> Result<Option<Vec<Sender>>> {
        let id = MessageId::new(place.seq, index);
        if self.messages.contains_key(&id) {
            let mut people = vec![self.person(tables, place, &message.sender)?];
            let key = (place.channel.clone(), message.id.clone());
            people.extend(self.waiting.take(&key));
            return Ok(Some(people));
        }
        if self.echoes.contains(&id) {
            let mut people = vec![self.left_sender(tables, place, &message.sender)?];
            let key = (place.channel.clone(), message.id.clone());
            people.extend(self.waiting.take(&key));
            return Ok(Some(people));
        }
        let repeats = self.externals.contains_key(&(place.channel.clone(), message.id.clone()));
        let is_his = repeats || self.is_person(place, &message.sender);
        // It changed nothing the first time, and must not count now that the first one is gone.
        Ok((is_his && !MESSAGES.contains(tables, (id,))?).then(Vec::new))
    }

    fn if_counted(
        &mut self,
        tables: &impl Read,
        place: &Place,
        index: u16,
        sender: &Sender,
    ) -> Result<Option<Vec<Sender>>> {
        match self.whose_touchpoint(tables, TouchpointId::new(place.seq, index))? {
            Some(id) if self.members.contains(&id) => Ok(Some(vec![self.person(tables, place, sender)?])),
            // Somebody else had the address then.
            Some(_) => Ok(None),
            None => Ok(Some(Vec::new())),
        }
    }

    /// Also where the event made no identity, because it was a repetition, and the person came later.
    fn is_person(&self, place: &Place, sender: &Sender) -> bool {
        let address = place.address(&sender.identity, sender.trust);
        let alone = place.seq < self.until && self.stand_ins.contains_key(&address);
        alone || self.holder(&address, place).is_some()
    }

    /// Whether something is said of a message before the channel's id of it came.
    fn is_early(&self, place: &Place, external: &str, target: MessageId) -> bool {
        self.came(&place.channel, external, target) > MessageId::new(place.seq, place.index)
    }

    /// Whether a call was there already, and is somebody else's.
    fn is_call_of_others(&self, tables: &impl Read, place: &Place, index: u16, call: &str) -> Result<bool> {
        let at = TouchpointId::new(place.seq, index);
        Ok(match EXTERNAL.get(tables, (&place.channel, EXTERNAL_CALL, call))? {
            Some(External::Call(id)) if id < at => {
                let whose = self.whose_touchpoint(tables, id)?;
                whose.is_some_and(|id| !self.members.contains(&id))
            }
            _ => false,
        })
    }

    /// Whether a channel's message was there when it was reacted to.
    fn is_known(&self, tables: &impl Read, place: &Place, index: u16, external: &str) -> Result<bool> {
        let at = MessageId::new(place.seq, index);
        Ok(match EXTERNAL.get(tables, (&place.channel, EXTERNAL_MESSAGE, external))? {
            Some(External::Message(id)) => self.came(&place.channel, external, id) <= at,
            _ => false,
        })
    }

    /// Somebody who reacted to a message of the person: the person, or another one, of whom nothing is lost.
    fn left_sender(&mut self, tables: &impl Read, place: &Place, sender: &Sender) -> Result<Sender> {
        if self.is_person(place, sender) {
            return self.person(tables, place, sender);
        }
        let mut left = sender.clone();
        self.others_hints(place, &mut left.hints);
        Ok(left)
    }

    /// An event of somebody else, without the person's addresses and messages.
    fn of_others(&mut self, tables: &impl Read, place: &Place, event: &Event) -> Result<Event> {
        let mut left = event.clone();
        match &mut left.body {
            EventBody::Message(message) => {
                self.others_hints(place, &mut message.sender.hints);
                let answers = |id: &String| self.externals.contains_key(&(place.channel.clone(), id.clone()));
                if message.reply_to.as_ref().is_some_and(answers) {
                    message.reply_to = None;
                    // It stood behind what it answered.
                    let row = MESSAGES.get(tables, (MessageId::new(place.seq, place.index),))?;
                    message.ordered_at = row.map(|row| row.ordered_at);
                }
            }
            // It came before a message of somebody else, and makes the identity when that one comes.
            EventBody::Reaction { sender, emoji, .. } if self.is_person(place, sender) => {
                *sender = self.person(tables, place, sender)?;
                *emoji = None;
            }
            EventBody::Call { sender, extra, .. } if self.is_person(place, sender) => {
                *sender = self.person(tables, place, sender)?;
                if place.seq < self.until {
                    extra.retain(|property| !self.needles.are_in(property.value.as_bytes()));
                }
            }
            EventBody::Reaction { sender, .. }
            | EventBody::Touchpoint { sender, .. }
            | EventBody::Call { sender, .. } => self.others_hints(place, &mut sender.hints),
            EventBody::IdentityChange { old, new, reason, .. } => {
                let (before, after) = (old.clone(), new.clone());
                *old = self.standing_in(place, old, Trust::Attested);
                *new = self.standing_in(place, new, Trust::Attested);
                if (&before, &after) != (&*old, &*new) {
                    reason.clear();
                    left.id.clear();
                }
            }
            EventBody::Erased { people } => {
                for person in people {
                    *person = self.left_sender(tables, place, person)?;
                }
            }
            _ => {}
        }
        Ok(left)
    }
}

/// What is left of an answer of a channel: what it wrote to the channel's state.
fn rest(channel: &ChannelId, source: Option<Source>, state: Vec<StateChange>) -> Fact {
    if state.is_empty() {
        return Fact::Redacted { idempotency: None };
    }
    let (channel, people, events) = (channel.clone(), Vec::new(), Vec::new());
    Fact::SendErased { channel, people, source, events, state, problem: None }
}

fn hollow(request: &mut RawRequest) {
    request.url.clear();
    request.headers.clear();
    request.body.clear();
}

fn erased() -> Problem {
    Problem { message: String::from("erased"), code: None }
}
