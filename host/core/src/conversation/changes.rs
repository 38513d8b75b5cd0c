//! What changes a message that is there: edits, deletions, reactions.

use std::rc::Rc;

use super::inbound::{EventEffect, Origin};
use super::rows::{MESSAGES, Message, Reaction};
use crate::apply::{Applier, DomainEvent};
use crate::effect::Effect;
use crate::event::{EventBody, Part};
use crate::ids::{IdentityId, MessageId, Millis};
use crate::limits;
use crate::tables::Result;

impl Applier<'_> {
    /// Something about a message that is there, or about the one it echoes.
    pub(super) fn change_message(
        &mut self,
        origin: Origin<'_>,
        id: MessageId,
        body: &EventBody,
    ) -> Result<EventEffect> {
        let Some(mut row) = self.original(id)? else {
            return Ok(EventEffect::Duplicate);
        };
        let before = row.parts.clone();
        let changed = match body {
            EventBody::Edit { at, parts, .. } => row.edit(self.believable(*at), parts),
            EventBody::Deletion { at, .. } => row.delete(self.believable(*at)),
            EventBody::Reaction { sender, emoji, at, .. } => {
                let identity = self.sender(sender, origin.statement(Some(row.id)))?;
                self.affect(Effect::Person(origin.channel.clone(), identity));
                row.react(identity, emoji.as_deref(), self.believable(*at))
            }
            EventBody::Delivery { about, state, at } => {
                let at = self.believable(*at);
                return self.apply_update(row.id, about, state, at);
            }
            _ => false,
        };
        if !changed {
            return Ok(EventEffect::Duplicate);
        }
        MESSAGES.put(&mut self.tables, (row.id,), &row)?;
        self.emit(DomainEvent::MessageChanged { now: Rc::new(row), before });
        Ok(EventEffect::New)
    }

    /// The message of an id. The id of an echo stands for the message that it echoes, which is never an echo itself.
    pub(crate) fn original(&self, id: MessageId) -> Result<Option<Message>> {
        let Some(row) = MESSAGES.get(&self.tables, (id,))? else {
            return Ok(None);
        };
        match row.echo_of {
            Some(original) => MESSAGES.get(&self.tables, (original,)),
            None => Ok(Some(row)),
        }
    }
}

/// Each says whether it changed something. Nothing comes back to a message that was deleted.
impl Message {
    pub(crate) fn edit(&mut self, at: Millis, parts: &[Part]) -> bool {
        let late = self.edited_at.is_some_and(|before| before > at);
        let parts = parts.get(..limits::PARTS).unwrap_or(parts);
        if self.deleted_at.is_some() || late || self.parts == parts {
            return false;
        }
        self.parts = parts.to_vec();
        self.edited_at = Some(at);
        true
    }

    pub(crate) fn delete(&mut self, at: Millis) -> bool {
        if self.deleted_at.is_some() {
            return false;
        }
        self.deleted_at = Some(at);
        self.parts.clear();
        self.reactions.clear();
        true
    }

    /// One reaction for each person; the latest counts, in whatever order they come. Over the bound the oldest goes.
    fn react(&mut self, identity: IdentityId, emoji: Option<&str>, at: Millis) -> bool {
        let before = self.reactions.iter().chain(&self.withdrawn).find(|r| r.identity == identity);
        let late = before.is_some_and(|before| before.at > at);
        let reaction = Reaction { identity, emoji: emoji.unwrap_or_default().to_owned(), at };
        if self.deleted_at.is_some() || late || before == Some(&reaction) {
            return false;
        }
        self.reactions.retain(|r| r.identity != identity);
        self.withdrawn.retain(|r| r.identity != identity);
        match emoji {
            Some(_) => self.reactions.push(reaction),
            None => self.withdrawn.push(reaction),
        }
        self.more_reactions += keep_latest(&mut self.reactions);
        keep_latest(&mut self.withdrawn);
        true
    }
}

fn keep_latest(reactions: &mut Vec<Reaction>) -> u64 {
    let mut gone = 0;
    while reactions.len() > limits::REACTIONS {
        let oldest = reactions.iter().enumerate().min_by_key(|(_, r)| r.at).map(|(index, _)| index);
        reactions.remove(oldest.unwrap_or_default());
        gone += 1;
    }
    gone
}
