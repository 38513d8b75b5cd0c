//! Which facts hold something of a person.
//!
//! The tables say which identities, messages, threads and files are the person's; what they do not say is found by looking through the
//! journal once ([`Plan::look`]), from the first fact on. After that the journal is looked through again, and each fact is replaced by
//! what is left of it ([`rewrite`](super::rewrite)).

use std::collections::{BTreeMap, BTreeSet};

use super::attempts::Attempts;
pub use super::needles::Needles;
use super::rows::Erasure;
use super::stand_in;
use super::waiting::Waiting;
use crate::apply::is_behind_events;
use crate::conversation::rows::{EXTERNAL, EXTERNAL_MESSAGE, External, Item, MESSAGES, Message, TIMELINE, TOUCHPOINTS};
use crate::event::{Author, Event, EventBody, Identifier, InboundMessage, Sender, Trust};
use crate::fact::{Entry, Fact, SendResult, Source};
use crate::files::rows::{FILES, File};
use crate::files::view::named_in;
use crate::identity::address::{Speaker, is_global, role_of};
use crate::identity::graph;
use crate::identity::rows::{BY_ADDRESS, IDENTITIES, Identity, SUGGESTIONS};
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Seq, TouchpointId};
use crate::limits;
use crate::tables::{Read, Result};

/// An address: kind, scope, value.
pub(super) type Address = (String, String, String);

/// Which facts hold something of a person.
#[derive(Debug, Default)]
pub struct Plan {
    /// The fact that had the person erased. Whoever has the addresses from then on is somebody else.
    pub(super) until: Seq,
    /// Who was erased by it.
    pub(super) customer: Option<CustomerId>,
    pub(super) members: BTreeSet<IdentityId>,
    /// Who has had each of the person's addresses, oldest first.
    holders: BTreeMap<Address, Vec<IdentityId>>,
    /// What stands for an address. An address that was another customer's too has none: it is theirs.
    pub(super) stand_ins: BTreeMap<Address, String>,
    /// What stands for addresses that the person claimed and nobody has.
    pub(super) claimed: BTreeMap<Address, String>,
    pub(super) messages: BTreeMap<MessageId, ChannelId>,
    /// Echoes of these that were filed under the address of somebody else.
    pub(super) echoes: BTreeSet<MessageId>,
    pub(super) externals: BTreeMap<(ChannelId, String), MessageId>,
    pub(super) calls: BTreeSet<(ChannelId, String)>,
    /// In which nobody wrote but the person.
    pub(super) threads: BTreeSet<(ChannelId, String)>,
    /// In which others wrote as well.
    shared: BTreeSet<(ChannelId, String)>,
    pub(super) needles: Needles,
    /// The sums of the files of the messages.
    pub files: BTreeSet<String>,
    /// Whoever may have been one customer with the person at some time.
    pub(super) near: BTreeSet<IdentityId>,
    joined: Vec<(IdentityId, IdentityId)>,
    scopes: BTreeMap<ChannelId, Scope>,
    /// Whether ids are given by place already.
    by_place: bool,
    /// The channels of facts that parked something.
    parked_on: BTreeMap<Seq, ChannelId>,
    /// What came of the person's messages before the channel's ids of them did, and whose reactions those were.
    pub(super) waiting: Waiting,
    /// Where the channels' ids of messages came, of those that may have come later than their messages did: what was sent is known by
    /// its id from the end of the attempt on, or from the echo on that came before that. None while it has not come.
    came: BTreeMap<(ChannelId, String), Option<MessageId>>,
    attempts: Attempts,
}

/// Whose people a channel speaks about.
#[derive(Debug)]
struct Scope {
    set: Option<String>,
    connector: String,
    /// Whether another scope was the channel's before.
    is_another: bool,
}

impl Scope {
    fn name(&self) -> &str {
        self.set.as_deref().unwrap_or(&self.connector)
    }
}

/// Where an event comes from.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) channel: ChannelId,
    pub(super) scope: String,
    pub(super) seq: Seq,
    /// Its index in the fact; that of a fact as a whole is behind all events.
    pub(super) index: u16,
}

impl Place {
    /// The place of one of the fact's events.
    pub(super) fn at(&self, index: u16) -> Self {
        Self { index, ..self.clone() }
    }

    pub(super) fn address(&self, identifier: &Identifier, trust: Trust) -> Address {
        let speaker = Speaker { channel: &self.channel, scope: &self.scope };
        (identifier.kind.clone(), speaker.scope_of(identifier, trust), identifier.value.clone())
    }
}

impl Plan {
    /// What the tables say about the person.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(tables: &impl Read, erasure: &Erasure) -> Result<Self> {
        let mut plan = Self {
            until: erasure.seq,
            customer: Some(erasure.customer),
            members: erasure.identities.iter().copied().collect(),
            ..Self::default()
        };
        let mut rows = Vec::new();
        for id in &erasure.identities {
            rows.extend(IDENTITIES.get(tables, (*id,))?);
        }
        plan.needles = Self::needles(&rows);
        plan.find_holders(tables, &rows)?;
        for row in &rows {
            plan.name(tables, row)?;
            for key in TIMELINE.scan(tables, TIMELINE.with((row.id,)), false) {
                let ((_, _, item), _) = key?;
                if let Item::Message(id) = item
                    && let Some(message) = MESSAGES.get(tables, (id,))?
                {
                    plan.take_message(tables, &message)?;
                }
            }
        }
        Ok(plan)
    }

    /// The addresses of identities, to be looked for in bytes.
    #[must_use]
    pub fn needles(identities: &[Identity]) -> Needles {
        Needles::of(identities)
    }

    fn find_holders(&mut self, tables: &impl Read, rows: &[Identity]) -> Result<()> {
        let of = |row: &Identity| (row.kind.clone(), row.scope.clone(), row.value.clone());
        self.holders = rows.iter().map(|row| (of(row), Vec::new())).collect();
        for row in IDENTITIES.scan(tables, IDENTITIES.all(), false) {
            let (_, row) = row?;
            if let Some(holders) = self.holders.get_mut(&of(&row)).filter(|_| row.id.seq() < self.until) {
                holders.push(row.id);
            }
        }
        Ok(())
    }

    /// Finds a stand-in for an address, unless it is another customer's as well.
    fn name(&mut self, tables: &impl Read, row: &Identity) -> Result<()> {
        let address = (row.kind.clone(), row.scope.clone(), row.value.clone());
        let holders = self.holders.get(&address).map(Vec::as_slice).unwrap_or_default();
        let of_others = holders.iter().any(|holder| !self.members.contains(holder));
        // Given without proof, and proven for somebody else: it is that one's.
        let proven = match row.scope.starts_with('?') && is_global(&row.kind) {
            true => BY_ADDRESS.get(tables, (&row.kind, "", &row.value))?,
            false => None,
        };
        let is_theirs = of_others || proven.is_some_and(|id| self.is_somebody_else(id));
        if let Some(first) = holders.first().filter(|_| !is_theirs && stand_in::identity(&row.value).is_none()) {
            let name = stand_in::of_identity(*first, role_of(&row.kind, &row.value));
            self.stand_ins.insert(address, name);
        }
        Ok(())
    }

    /// Whether somebody else had this identity when the person was erased.
    pub(super) fn is_somebody_else(&self, id: IdentityId) -> bool {
        id.seq() < self.until && !self.members.contains(&id)
    }

    fn take_message(&mut self, tables: &impl Read, row: &Message) -> Result<()> {
        for external in row.external_ids.iter().chain(&row.former_ids) {
            if let Some(External::Message(known)) = EXTERNAL.get(tables, (&row.channel, EXTERNAL_MESSAGE, external))?
                && MESSAGES.get(tables, (known,))?.is_some_and(|known| self.members.contains(&known.identity))
            {
                self.externals.insert((row.channel.clone(), external.clone()), known);
            }
        }
        for file in FILES.scan(tables, FILES.with((row.id,)), false) {
            if let File::Kept(attachment) = file?.1 {
                self.files.insert(attachment.sha256);
            }
        }
        self.files.extend(named_in(row));
        self.threads.insert((row.channel.clone(), row.thread.id.clone()));
        self.messages.insert(row.id, row.channel.clone());
        Ok(())
    }

    /// Looks at the next fact of the journal, which is rewritten later.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn look(&mut self, tables: &impl Read, entry: &Entry) -> Result<()> {
        self.follow(entry);
        self.look_at_fact(tables, entry)?;
        if let Some((place, events)) = self.events_of(tables, entry)? {
            for (index, event) in (0..).zip(events) {
                self.look_at(tables, &place.at(index), index, event)?;
            }
        }
        Ok(())
    }

    fn look_at_fact(&mut self, tables: &impl Read, entry: &Entry) -> Result<()> {
        match &entry.fact {
            Fact::ActionRequested { message, .. } => {
                let made = MESSAGES.get(tables, (MessageId::new(entry.seq, 0),))?;
                if let Some(channel) = self.messages.get(message).cloned() {
                    self.messages.insert(MessageId::new(entry.seq, 0), channel);
                    self.files.extend(made.iter().flat_map(named_in));
                }
            }
            Fact::MergeRequested { a, b, .. } => self.joined.push(((*a).into(), (*b).into())),
            Fact::SuggestionDecided { claimant: Some(claimant), target: Some(target), .. } => {
                self.joined.push((*claimant, *target));
            }
            Fact::SuggestionDecided { suggestion, .. } => {
                let row = SUGGESTIONS.get(tables, (*suggestion,))?;
                self.joined.extend(row.map(|row| (row.claimant, row.target)));
            }
            Fact::SendEnded { message, result: SendResult::Sent { external_ids }, .. } if self.counts(entry.seq) => {
                let channel = MESSAGES.get(tables, (*message,))?.map(|row| row.channel);
                for external in external_ids.iter().take(limits::EXTERNAL_IDS) {
                    let Some(channel) = &channel else { break };
                    if let Some(came) = self.came.get_mut(&(channel.clone(), external.clone())) {
                        came.get_or_insert(MessageId::new(entry.seq, 0));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn look_at(&mut self, tables: &impl Read, place: &Place, index: u16, event: &Event) -> Result<()> {
        match &event.body {
            EventBody::Message(message) => self.look_at_message(tables, place, index, message),
            EventBody::Call { call_id, sender, .. } => {
                if self.may_be(place, sender) && self.has_touchpoint(tables, place.seq, index)? {
                    self.calls.insert((place.channel.clone(), call_id.clone()));
                }
                Ok(())
            }
            EventBody::Reaction { message_id, .. } => self.look_at_reaction(tables, place, message_id),
            _ => Ok(()),
        }
    }

    /// Somebody reacted to a message that was sent: it is to be seen whether that came before the channel's id of it did.
    fn look_at_reaction(&mut self, tables: &impl Read, place: &Place, external: &str) -> Result<()> {
        let key = (place.channel.clone(), external.to_owned());
        if self.came.contains_key(&key) {
            return Ok(());
        }
        if let Some(External::Message(id)) = EXTERNAL.get(tables, (&place.channel, EXTERNAL_MESSAGE, external))?
            && id.seq() <= place.seq
            && MESSAGES.get(tables, (id,))?.is_some_and(|row| row.delivery.is_some())
        {
            self.came.insert(key, None);
        }
        Ok(())
    }

    /// Where a channel's id of a message came.
    pub(super) fn came(&self, channel: &ChannelId, external: &str, id: MessageId) -> MessageId {
        self.came.get(&(channel.clone(), external.to_owned())).copied().flatten().unwrap_or(id)
    }

    fn look_at_message(
        &mut self,
        tables: &impl Read,
        place: &Place,
        index: u16,
        message: &InboundMessage,
    ) -> Result<()> {
        let id = MessageId::new(place.seq, index);
        let row = MESSAGES.get(tables, (id,))?.filter(|_| message.author == Author::Account);
        if let Some((row, original)) = row.and_then(|row| row.echo_of.map(|original| (row, original))) {
            let came = self.came.entry((place.channel.clone(), message.id.clone())).or_default();
            came.get_or_insert(id);
            if self.messages.contains_key(&original) && !self.members.contains(&row.identity) {
                self.echoes.insert(id);
                return Ok(());
            }
        }
        if self.may_be(place, &message.sender) {
            let row = MESSAGES.get(tables, (id,))?;
            if let Some(row) = row.filter(|row| self.members.contains(&row.identity)) {
                return self.take_message(tables, &row);
            }
        }
        if self.holder(&place.address(&message.sender.identity, message.sender.trust), place).is_none() {
            let thread = (place.channel.clone(), message.thread.id.clone());
            if self.threads.contains(&thread) {
                self.shared.insert(thread);
            }
        }
        Ok(())
    }

    pub(super) fn has_touchpoint(&self, tables: &impl Read, seq: Seq, index: u16) -> Result<bool> {
        let id = TouchpointId::new(seq, index);
        Ok(self.whose_touchpoint(tables, id)?.is_some_and(|id| self.members.contains(&id)))
    }

    /// Whose a touchpoint is, if it is there.
    pub(super) fn whose_touchpoint(&self, tables: &impl Read, id: TouchpointId) -> Result<Option<IdentityId>> {
        Ok(TOUCHPOINTS.get(tables, (id,))?.and_then(|row| row.identity))
    }

    /// Whether somebody has, or had, an address of the person.
    pub(super) fn may_be(&self, place: &Place, sender: &Sender) -> bool {
        self.holders.contains_key(&place.address(&sender.identity, sender.trust))
    }

    /// The person's identity that had an address when an event happened. An identity that a sender brought has the place of its event.
    pub(super) fn holder(&self, address: &Address, place: &Place) -> Option<IdentityId> {
        let holders = self.holders.get(address).filter(|_| place.seq < self.until)?;
        let at = IdentityId::new(place.seq, place.index);
        let had = |id: &&IdentityId| **id <= at || (id.seq() == place.seq && is_behind_events(**id));
        holders.iter().rev().find(had).copied().filter(|id| self.members.contains(id))
    }

    /// All facts are looked at; they are looked through again to be rewritten.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn looked(&mut self, tables: &impl Read) -> Result<()> {
        self.scopes.clear();
        self.by_place = false;
        self.waiting = Waiting::default();
        let shared = std::mem::take(&mut self.shared);
        self.threads.retain(|thread| !shared.contains(thread));
        self.near = self.members.clone();
        let mut waiting: Vec<IdentityId> = self.members.iter().copied().collect();
        while let Some(id) = waiting.pop() {
            let linked = graph::links(tables, id)?;
            let decided = self.joined.iter().filter(|(a, b)| *a == id || *b == id);
            let ends = linked.iter().map(|link| (link.from, link.to)).chain(decided.copied());
            let new: Vec<IdentityId> = ends.flat_map(|(a, b)| [a, b]).filter(|end| !self.near.contains(end)).collect();
            self.near.extend(&new);
            waiting.extend(new);
        }
        Ok(())
    }

    /// Takes note of what later facts are understood by.
    pub(super) fn follow(&mut self, entry: &Entry) {
        self.attempts.follow(entry, self.until, &self.messages);
        match &entry.fact {
            Fact::ChannelSet { channel, source, scope, .. } => {
                let before = self.scopes.get(channel);
                let set = scope.clone().or_else(|| before?.set.clone());
                let mut now = Scope { set, connector: source.connector.clone(), is_another: false };
                if let Some(before) = before {
                    now.is_another = before.is_another || (self.by_place && before.name() != now.name());
                }
                self.scopes.insert(channel.clone(), now);
            }
            Fact::IdsByPlace => self.by_place = true,
            Fact::DeliveryParked { channel, .. } => _ = self.parked_on.insert(entry.seq, channel.clone()),
            Fact::Received { channel, unreadable, .. } | Fact::Polled { channel, unreadable, .. }
                if !unreadable.is_empty() =>
            {
                self.parked_on.insert(entry.seq, channel.clone());
            }
            Fact::ParkedReplayed { parked, unreadable, .. } if !unreadable.is_empty() => {
                if let Some(channel) = self.parked_on.get(&parked.seq()).cloned() {
                    self.parked_on.insert(entry.seq, channel);
                }
            }
            _ => {}
        }
    }

    /// Whether an end of an attempt counted; otherwise it was refused.
    pub(super) fn counts(&self, ended: Seq) -> bool {
        self.attempts.counts(ended)
    }

    /// Whether a call of this code ended after another connector had taken the channel over: what it brought was refused.
    pub(super) fn is_former(&self, channel: &ChannelId, source: Option<&Source>) -> bool {
        let serves = self.scopes.get(channel).filter(|scope| scope.is_another);
        serves.zip(source).is_some_and(|(serves, source)| serves.connector != source.connector)
    }

    /// Whether a fact as a whole was refused because of that.
    pub(super) fn is_of_former(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Received { channel, source, .. } | Fact::Polled { channel, source, .. } => {
                self.is_former(channel, Some(source))
            }
            Fact::HintsLearnt { channel, source, .. } => self.is_former(channel, source.as_ref()),
            Fact::ParkedReplayed { parked, source, .. } => {
                let channel = self.parked_on.get(&parked.seq());
                channel.is_some_and(|channel| self.is_former(channel, Some(source)))
            }
            _ => false,
        }
    }

    pub(super) fn place(&self, channel: &ChannelId, connector: &str, seq: Seq) -> Place {
        let known = self.scopes.get(channel).map(|scope| scope.name().to_owned());
        Place { channel: channel.clone(), scope: known.unwrap_or_else(|| connector.to_owned()), seq, index: u16::MAX }
    }

    /// The events of a fact, and where they come from.
    pub(super) fn events_of<'a>(&self, tables: &impl Read, entry: &'a Entry) -> Result<Option<(Place, &'a [Event])>> {
        if self.is_of_former(&entry.fact) {
            return Ok(None);
        }
        Ok(match &entry.fact {
            Fact::Received { channel, source, events, .. } | Fact::Polled { channel, source, events, .. } => {
                Some((self.place(channel, &source.connector, entry.seq), events.as_slice()))
            }
            Fact::ParkedReplayed { parked, source, events, .. } => {
                let channel = self.parked_on.get(&parked.seq());
                channel.map(|channel| (self.place(channel, &source.connector, entry.seq), events.as_slice()))
            }
            Fact::SendErased { channel, events, .. } => Some((self.place(channel, "", entry.seq), events.as_slice())),
            Fact::SendEnded { message, source, events, .. } if !events.is_empty() => {
                let channel = match self.messages.get(message) {
                    Some(channel) => Some(channel.clone()),
                    None => MESSAGES.get(tables, (*message,))?.map(|row| row.channel),
                };
                let channel = channel.filter(|channel| !self.is_former(channel, source.as_ref()));
                channel.map(|channel| (self.place(&channel, "", entry.seq), events.as_slice()))
            }
            _ => None,
        })
    }
}
