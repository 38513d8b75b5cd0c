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
        let before = row.clone();
        match body {
            EventBody::Edit { at, parts, .. } => edit(&mut row, self.believable(*at), parts),
            EventBody::Deletion { at, .. } => delete(&mut row, self.believable(*at)),
            EventBody::Reaction { sender, emoji, at, .. } => {
                let identity = self.sender(sender, origin.statement(Some(row.id)))?;
                self.affect(Effect::Person(origin.channel.clone(), identity));
                react(&mut row, identity, emoji.as_deref(), self.believable(*at));
            }
            EventBody::Delivery { about, state, at } => {
                let at = self.believable(*at);
                return self.apply_update(row.id, about, state, at);
            }
            _ => {}
        }
        if row == before {
            return Ok(EventEffect::Duplicate);
        }
        MESSAGES.put(&mut self.tables, (row.id,), &row)?;
        self.emit(DomainEvent::MessageChanged { now: Rc::new(row), before: before.parts });
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

fn edit(row: &mut Message, at: Millis, parts: &[Part]) {
    let late = row.edited_at.is_some_and(|before| before > at);
    let parts: Vec<Part> = parts.iter().take(limits::PARTS).cloned().collect();
    if row.deleted_at.is_none() && !late && row.parts != parts {
        row.parts = parts;
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

/// One reaction for each person; the latest counts, in whatever order they come. Over the bound the oldest goes.
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
    row.more_reactions += keep_latest(&mut row.reactions);
    keep_latest(&mut row.withdrawn);
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
