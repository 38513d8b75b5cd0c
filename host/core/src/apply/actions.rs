//! What is done to messages that are on their channel already: reactions, read marks, edits, deletions.
//!
//! An action waits in the outbox like a message, in the order of its thread, and is tried and recorded like one. Its effect shows when the
//! channel has taken it.

use super::{Applier, not_found, refuse};
use crate::fact::{MessageAction, Outcome};
use crate::ids::MessageId;
use crate::keys;
use crate::rows::{self, Action, Channel, Direction, Message, OwnReaction};
use crate::tables::Result;

impl Applier<'_> {
    pub(super) fn request_action(&mut self, target: MessageId, action: &MessageAction) -> Result<Outcome> {
        let Some(mut row) = rows::get::<Message>(self.tables, &keys::message(target))? else {
            return Ok(not_found("message", target));
        };
        if let Some(original) = row.echo_of {
            row = rows::need(self.tables, &keys::message(original))?;
        }
        let Some(channel) = rows::get::<Channel>(self.tables, &keys::channel(&row.channel))? else {
            return Ok(refuse("no_address", &format!("the channel {} is not configured any more", row.channel)));
        };
        let external = match actionable(&row, &channel, action) {
            Ok(external) => external,
            Err(refused) => return Ok(refused),
        };
        let id = MessageId::new(self.seq, self.next_item()?);
        let action = Some(Action { target: row.id, external, action: action.clone() });
        let made = Message { action, ..self.outbound(id, row.identity, &channel, &row.thread) };
        self.put_in_outbox(made)?;
        Ok(Outcome::Queued { message: id })
    }

    /// The channel has taken an action: its effect on the message.
    pub(super) fn done_to_message(&mut self, action: &Action) -> Result<()> {
        let mut row: Message = rows::need(self.tables, &keys::message(action.target))?;
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
        rows::put(self.tables, keys::message(row.id), &row)?;
        let customer = self.identity_row(row.identity)?.customer;
        self.tell("message.updated", Some(customer), Some(row.id), &[]);
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
    let external = row.external_ids.first().cloned();
    external.ok_or_else(|| refuse("conflict", "the channel does not know this message yet, or gave it no id"))
}
