//! What is done to messages that are on their channel already: reactions, read marks, edits, deletions.
//!
//! An action waits in the outbox like a message, in the order of its thread, and is tried and recorded like one. Its effect shows when the
//! channel has taken it.

use super::attempts::TAKEN_BACK;
use super::requests::too_large;
use super::rows::{Action, OwnReaction};
use crate::apply::{Applier, not_found, refuse};
use crate::channel::rows::{CHANNELS, Channel};
use crate::conversation::is_too_large;
use crate::conversation::rows::{Direction, Message};
use crate::fact::{MessageAction, Outcome};
use crate::ids::{MessageId, Millis};
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
        // An echo may have stepped back since the action was asked for.
        let (target, at) = (self.original(action.target)?.map_or(action.target, |row| row.id), self.at);
        match &action.action {
            MessageAction::React { emoji } => {
                let reaction = emoji.clone().map(|emoji| OwnReaction { emoji, at });
                self.change_content(target, |row| row.react_as_account(reaction))?
            }
            MessageAction::MarkRead => self.change_content(target, |row| row.mark_read(at))?,
            MessageAction::Edit { parts } => self.replace_parts(target, |row| row.edit(at, parts))?,
            MessageAction::Delete => self.replace_parts(target, |row| row.delete(at))?,
        };
        Ok(())
    }
}

impl Message {
    fn react_as_account(&mut self, reaction: Option<OwnReaction>) -> bool {
        if self.deleted_at.is_some() {
            return false;
        }
        self.own_reaction = reaction;
        true
    }

    fn mark_read(&mut self, at: Millis) -> bool {
        self.marked_read_at = Some(at);
        true
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
        MessageAction::Edit { parts } if is_too_large(parts) => return Err(too_large()),
        _ if row.deleted_at.is_some() => return Err(refuse("conflict", TAKEN_BACK)),
        _ => {}
    }
    let external = row.external_ids.first().filter(|_| channel.knows(row.id.seq())).cloned();
    external.ok_or_else(|| refuse("conflict", "the channel does not know this message yet, or gave it no id"))
}
