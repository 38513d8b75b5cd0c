//! What follows for channels.

use super::rows::{CHANNELS, CURSORS, Channel, STATE};
use crate::apply::{Applier, DomainEvent, not_found};
use crate::effect::Effect;
use crate::event::Problem;
use crate::fact::{ChannelRules, Outcome, Source, StateChange};
use crate::ids::ChannelId;
use crate::tables::{Bytes, Result};

impl Applier<'_> {
    pub(crate) fn set_channel(
        &mut self,
        id: &ChannelId,
        source: &Source,
        rules: &ChannelRules,
        scope: Option<&str>,
    ) -> Result<Outcome> {
        let before = CHANNELS.get(&self.tables, (id,))?;
        let (parked, paused, known) =
            before.map_or((None, false, None), |before| (before.parked, before.paused, before.scope));
        let scope = scope.map(str::to_owned).or(known);
        let row = Channel { id: id.clone(), source: source.clone(), rules: rules.clone(), scope, parked, paused };
        self.store_channel(&row)?;
        self.emit(DomainEvent::ChannelSet(id.clone()));
        Ok(Outcome::Done)
    }

    pub(crate) fn park_channel(&mut self, id: &ChannelId, problem: &Problem) -> Result<Outcome> {
        let Some(mut row) = CHANNELS.get(&self.tables, (id,))? else {
            return Ok(not_found("channel", id));
        };
        row.parked = Some(problem.clone());
        self.store_channel(&row)?;
        self.emit(DomainEvent::ChannelParked { channel: id.clone(), reason: problem.message.clone() });
        Ok(Outcome::Done)
    }

    pub(crate) fn pause_channel(&mut self, id: &ChannelId) -> Result<Outcome> {
        let Some(mut row) = CHANNELS.get(&self.tables, (id,))? else {
            return Ok(not_found("channel", id));
        };
        // Told even where nothing changes: who repeats a command may never have seen its effects.
        self.affect(Effect::Channel(id.clone()));
        if !std::mem::replace(&mut row.paused, true) {
            self.store_channel(&row)?;
            self.emit(DomainEvent::ChannelPaused(id.clone()));
        }
        Ok(Outcome::Done)
    }

    pub(crate) fn resume_channel(&mut self, id: &ChannelId) -> Result<Outcome> {
        let Some(mut row) = CHANNELS.get(&self.tables, (id,))? else {
            return Ok(not_found("channel", id));
        };
        for effect in [Effect::Channel, Effect::Outbox, Effect::Files] {
            self.affect(effect(id.clone()));
        }
        let paused = std::mem::take(&mut row.paused);
        if row.parked.take().is_some() || paused {
            self.store_channel(&row)?;
            self.emit(DomainEvent::ChannelResumed(id.clone()));
        }
        Ok(Outcome::Done)
    }

    fn store_channel(&mut self, row: &Channel) -> Result<()> {
        self.affect(Effect::Channel(row.id.clone()));
        CHANNELS.put(&mut self.tables, (&row.id,), row)
    }

    pub(crate) fn change_state(&mut self, channel: &ChannelId, changes: &[StateChange]) -> Result<()> {
        for change in changes {
            let key = (channel, change.key.as_bytes());
            match &change.value {
                Some(value) => STATE.put(&mut self.tables, key, &Bytes(value.clone()))?,
                None => STATE.delete(&mut self.tables, key),
            }
        }
        Ok(())
    }

    /// Where the polling of a channel goes on; none leaves it as it was.
    pub(crate) fn set_cursor(&mut self, channel: &ChannelId, cursor: Option<&[u8]>) -> Result<()> {
        match cursor {
            Some(cursor) => CURSORS.put(&mut self.tables, (channel,), &Bytes(cursor.to_vec())),
            None => Ok(()),
        }
    }
}
