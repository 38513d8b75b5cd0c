//! What changes a message that is there: edits, deletions, reactions.

use std::rc::Rc;

use super::content::fitting;
use super::inbound::{EventEffect, Origin};
use super::rows::{Message, Reaction};
use crate::apply::{Applier, DomainEvent};
use crate::effect::Effect;
use crate::event::{EventBody, Part};
use crate::files::reference;
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
        let Some(row) = self.original(id)? else {
            return Ok(EventEffect::Duplicate);
        };
        let (message, may_be_echo) = (row.id, row.may_be_echo());
        drop(row);
        let changed = match body {
            EventBody::Edit { at, parts, .. } => {
                let at = self.believable(*at);
                self.replace_parts(message, |row| row.edit(at, parts))?
            }
            EventBody::Deletion { at, .. } => {
                let at = self.believable(*at);
                self.replace_parts(message, |row| row.delete(at))?
            }
            EventBody::Reaction { sender, emoji, at, .. } => {
                let identity = self.sender(sender, origin.statement(Some(message)))?;
                self.affect(Effect::Person(origin.channel.clone(), identity));
                let at = self.believable(*at);
                self.change_content(message, |row| row.react(identity, emoji.as_deref(), at))?
            }
            EventBody::Delivery { about, state, at } => {
                let at = self.believable(*at);
                return match may_be_echo {
                    true => self.hear(message, state, at),
                    false => self.apply_update(message, about, state, at),
                };
            }
            _ => false,
        };
        Ok(if changed { EventEffect::New } else { EventEffect::Duplicate })
    }

    /// Changes what is read of a message, and tells of it; says whether it changed.
    pub(crate) fn change_content(&mut self, id: MessageId, change: impl FnOnce(&mut Message) -> bool) -> Result<bool> {
        if !self.change_held(id, change)?.unwrap_or_default() {
            return Ok(false);
        }
        if let Some(identity) = self.held_message(id)?.map(|row| row.identity) {
            self.emit(DomainEvent::MessageChanged { message: id, identity });
        }
        Ok(true)
    }

    /// The same, where the files of a message may be others after that. Those of what was sent from here are here.
    pub(crate) fn replace_parts(&mut self, id: MessageId, change: impl FnOnce(&mut Message) -> bool) -> Result<bool> {
        let row = self.held_message(id)?.filter(|row| row.delivery.is_none());
        let before: Vec<_> = row.iter().flat_map(|row| &row.parts).map(|p| reference(p).map(str::to_owned)).collect();
        let came_in = row.is_some();
        drop(row);
        let changed = self.change_content(id, change)?;
        if changed && came_in {
            self.emit(DomainEvent::PartsReplaced { message: id, before });
        }
        Ok(changed)
    }

    /// The message of an id. The id of an echo stands for the message that it echoes, which is never an echo itself.
    pub(crate) fn original(&self, id: MessageId) -> Result<Option<Rc<Message>>> {
        match self.held_message(id)? {
            Some(row) => match row.echo_of {
                Some(original) => self.held_message(original),
                None => Ok(Some(row)),
            },
            None => Ok(None),
        }
    }
}

/// Each says whether it changed something. Nothing comes back to a message that was deleted.
impl Message {
    pub(crate) fn edit(&mut self, at: Millis, parts: &[Part]) -> bool {
        let late = self.edited_at.is_some_and(|before| before > at);
        if self.deleted_at.is_some() || late || self.parts == fitting(parts) {
            return false;
        }
        self.replace_parts(parts);
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
    pub(crate) fn react(&mut self, identity: IdentityId, emoji: Option<&str>, at: Millis) -> bool {
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
