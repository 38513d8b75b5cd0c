//! What is done to messages that are on their channel already: reactions, read marks, edits, deletions.
//!
//! An action waits in the outbox like a message, in the order of its thread, and is tried and recorded like one. Its effect shows when the
//! channel has taken it.

use std::rc::Rc;

use super::rows::{Action, OwnReaction};
use crate::apply::{Applier, DomainEvent, not_found, refuse};
use crate::channel::rows::{CHANNELS, Channel};
use crate::conversation::rows::{Direction, MESSAGES, Message};
use crate::fact::{MessageAction, Outcome};
use crate::ids::MessageId;
use crate::tables::Result;

impl Applier<'_> {
    pub(crate) fn request_action(&mut self, target: MessageId, action: &MessageAction) -> Result<Outcome> {
        let Some(row) = self.original(target)? else {
            return Ok(not_found("message", target));
        };
        if self.identity_row(row.identity)?.erased.is_some() {
            return Ok(not_found("message", target));
        }
        if let Some(gone) = self.left_address(row.identity)? {
            return Ok(gone);
        }
        let Some(channel) = CHANNELS.get(&self.tables, (&row.channel,))? else {
            return Ok(refuse("no_address", &format!("the channel {} is not configured any more", row.channel)));
        };
        let external = match actionable(&row, &channel, action) {
            Ok(external) => external,
            Err(refused) => return Ok(refused),
        };
        let id = self.ids.message()?;
        let action = Some(Action { target: row.id, external, action: action.clone() });
        let made = Message { action, ..self.outbound(id, row.identity, &channel, &row.thread) };
        self.enqueue(made)?;
        Ok(Outcome::Queued { message: id, to: None })
    }

    /// The channel has taken an action: its effect on the message.
    pub(super) fn done_to_message(&mut self, action: &Action) -> Result<()> {
        let Some(mut row) = MESSAGES.get(&self.tables, (action.target,))? else {
            return Ok(());
        };
        let before = row.parts.clone();
        match &action.action {
            MessageAction::React { emoji } => {
                row.own_reaction = emoji.clone().map(|emoji| OwnReaction { emoji, at: self.at });
            }
            MessageAction::MarkRead => row.marked_read_at = Some(self.at),
            MessageAction::Edit { parts } => {
                row.parts.clone_from(parts);
                row.edited_at = Some(self.at);
            }
            MessageAction::Delete => {
                row.deleted_at = Some(self.at);
                row.parts.clear();
            }
        }
        MESSAGES.put(&mut self.tables, (row.id,), &row)?;
        self.emit(DomainEvent::MessageChanged { now: Rc::new(row), before });
        Ok(())
    }
}

/// The channel's id of the message, if this can be done to it.
fn actionable(row: &Message, channel: &Channel, action: &MessageAction) -> std::result::Result<String, Outcome> {
    let ability = action.ability();
    if !channel.rules.sends || !channel.rules.content.iter().any(|kind| kind == ability) {
        return Err(refuse("unsupported", &format!("the channel {} cannot do that: {ability}", channel.id)));
    }
    let own = row.direction == Direction::Outbound;
    match action {
        MessageAction::MarkRead if own => {
            return Err(refuse("conflict", "only a message of the customer can be marked as read"));
        }
        MessageAction::Edit { .. } | MessageAction::Delete if !own => {
            return Err(refuse("conflict", "only a message that was sent from here can be changed"));
        }
        _ if row.deleted_at.is_some() => return Err(refuse("conflict", "this message was deleted")),
        _ => {}
    }
    let external = row.external_ids.first().filter(|_| channel.knows(row.id.seq())).cloned();
    external.ok_or_else(|| refuse("conflict", "the channel does not know this message yet, or gave it no id"))
}
