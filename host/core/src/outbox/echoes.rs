//! Echoes of messages that were sent from here: a channel may bring one, and news of it, before the end of the attempt that says whose it is.

use crate::apply::Applier;
use crate::conversation::rows::{Heard, Message, MessageAuthor};
use crate::conversation::{EventEffect, Origin};
use crate::event::{DeliveryScope, DeliveryUpdate};
use crate::ids::{MessageId, Millis};
use crate::tables::{ReadError, Result};

impl Applier<'_> {
    /// The channel knows our message by this id from now on. If an echo of it came first under this id, the echo steps back; any other
    /// message that has the id stays where it is, since a connector may give one id twice.
    pub(super) fn own_external(&mut self, origin: Origin<'_>, external: &str, id: MessageId) -> Result<()> {
        if external.is_empty() {
            return Ok(());
        }
        let mut echo = None;
        if let Some(before) = self.message_by_external(origin.channel, external)?.filter(|before| *before != id) {
            let row =
                self.held_message(before)?.ok_or_else(|| ReadError::Broken(format!("message {before} is missing")))?;
            match (&row.author, &row.delivery) {
                (MessageAuthor::Account, None) if row.echo_of.is_none() => echo = Some(Message::clone(&row)),
                // What the customer wrote keeps its id.
                (MessageAuthor::Customer | MessageAuthor::System, _) => return Ok(()),
                _ => {}
            }
        }
        if let Some(echo) = &echo {
            self.step_back(echo, id)?;
        }
        self.set_external(origin.channel, external, id)?;
        if let Some(echo) = echo {
            self.take_over(&echo, external, id)?;
        }
        self.drain_pending(origin, external)
    }

    /// An echo leaves the timeline: the message that it echoes stands for it, if that is in the same one.
    fn step_back(&mut self, echo: &Message, original: MessageId) -> Result<()> {
        let is_same = self.held_message(original)?.is_some_and(|row| row.identity == echo.identity);
        self.leave_timeline(echo, is_same.then_some(original))?;
        self.store_message(Message { echo_of: Some(original), ..echo.clone() });
        Ok(())
    }

    /// What was said of the echo was said of the message.
    fn take_over(&mut self, echo: &Message, external: &str, original: MessageId) -> Result<()> {
        self.replace_parts(original, |row| row.take_over(echo))?;
        let about = DeliveryScope::Message(external.to_owned());
        for Heard { state, at } in &echo.heard {
            self.apply_update(original, &about, state, *at)?;
        }
        Ok(())
    }

    /// How far a message got that was not sent from here, as far as that is known: it may be an echo.
    pub(crate) fn hear(&mut self, id: MessageId, state: &DeliveryUpdate, at: Millis) -> Result<EventEffect> {
        let is_new = self.change_held(id, |row| row.hear(state, at))?.unwrap_or_default();
        Ok(if is_new { EventEffect::New } else { EventEffect::Duplicate })
    }
}

impl Message {
    /// Whether it was written in the channel's own app, or is the echo of what was sent from here.
    pub(crate) fn may_be_echo(&self) -> bool {
        self.author == MessageAuthor::Account && self.delivery.is_none()
    }

    /// Notes news of a delivery, one of each kind; says whether there was none.
    fn hear(&mut self, state: &DeliveryUpdate, at: Millis) -> bool {
        let same = |heard: &Heard| std::mem::discriminant(&heard.state) == std::mem::discriminant(state);
        if matches!(state, DeliveryUpdate::Other(_)) || self.heard.iter().any(same) {
            return false;
        }
        self.heard.push(Heard { state: state.clone(), at });
        true
    }

    fn take_over(&mut self, echo: &Message) -> bool {
        let mut changed = false;
        for reaction in &echo.reactions {
            changed |= self.react(reaction.identity, Some(&reaction.emoji), reaction.at);
        }
        for reaction in &echo.withdrawn {
            changed |= self.react(reaction.identity, None, reaction.at);
        }
        if let Some(at) = echo.edited_at {
            changed |= self.edit(at, &echo.parts);
        }
        if self.own_reaction.is_none() && echo.own_reaction.is_some() {
            self.own_reaction.clone_from(&echo.own_reaction);
            changed = true;
        }
        if let Some(at) = echo.deleted_at {
            changed |= self.delete(at);
        }
        changed
    }
}
