//! What follows for channels.

use super::rows::{CHANNELS, CURSORS, Channel, STATE, longer_pause};
use crate::apply::{Applier, DomainEvent, not_found, refuse};
use crate::effect::Effect;
use crate::event::Problem;
use crate::fact::{ChannelRules, Outcome, Source, StateChange};
use crate::ids::{ChannelId, Millis, Seq};
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
        let (id, source, rules) = (id.clone(), source.clone(), rules.clone());
        let (scope, scope_since) = (scope.map(str::to_owned), None);
        let mut row = Channel { id, source, rules, scope, scope_since, parked: None, paused: false, held_until: None };
        if let Some(before) = before {
            (row.parked, row.paused, row.scope_since) = (before.parked.clone(), before.paused, before.scope_since);
            row.scope = row.scope.or_else(|| before.scope.clone());
            // Another connector has another provider.
            row.held_until = before.held_until.filter(|_| before.source.connector == row.source.connector);
            // What facts of old journals made is numbered by what was taken for a repetition then.
            if before.scope() != row.scope() && self.ids.by_place() {
                row.scope_since = Some(self.seq);
                self.forget_state(&row.id)?;
                self.forget_grants(&row.id)?;
                self.give_up_files(&row.id)?;
            }
        }
        self.store_channel(&row)?;
        let id = row.id;
        self.emit(DomainEvent::ChannelSet(id));
        Ok(Outcome::Done)
    }

    /// What a connector kept is its own: another one that comes to serve the channel begins without.
    fn forget_state(&mut self, channel: &ChannelId) -> Result<()> {
        let state: Vec<_> = STATE.scan(&self.tables, STATE.with((channel,)), false).collect::<Result<_>>()?;
        for ((channel, key), _) in state {
            STATE.delete(&mut self.tables, (&channel, key.0.as_slice()));
        }
        CURSORS.delete(&mut self.tables, (channel,));
        Ok(())
    }

    /// Whether who serves a channel now knows what a fact made.
    pub(crate) fn is_known_on(&self, channel: &ChannelId, made_by: Seq) -> Result<bool> {
        Ok(CHANNELS.get(&self.tables, (channel,))?.is_none_or(|row| row.knows(made_by)))
    }

    /// Whether the code that made a call serves the channel still: a call may end after another connector took over. Old facts do not say
    /// whose call it was.
    pub(crate) fn is_served_by(&self, channel: &ChannelId, source: Option<&Source>) -> Result<bool> {
        let Some(source) = source else { return Ok(true) };
        let row = CHANNELS.get(&self.tables, (channel,))?;
        Ok(row.is_none_or(|row| row.scope_since.is_none() || row.source.connector == source.connector))
    }

    /// The refusal of what a call of a former connector brought: its words would be about people of the one that serves the channel now.
    pub(crate) fn former_source(&self, channel: &ChannelId, source: Option<&Source>) -> Result<Option<Outcome>> {
        if self.is_served_by(channel, source)? {
            return Ok(None);
        }
        let message = format!(
            "another connector serves the channel {channel} now, and what this one says is about nobody of that one"
        );
        Ok(Some(refuse("conflict", &message)))
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

    /// A pause that the provider asked for.
    pub(crate) fn hold_channel(&mut self, id: &ChannelId, until: Millis) -> Result<Outcome> {
        let Some(mut row) = CHANNELS.get(&self.tables, (id,))? else {
            return Ok(not_found("channel", id));
        };
        row.held_until = Some(longer_pause(row.held_until, until));
        self.store_channel(&row)?;
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
        let held = row.held_until.take().is_some();
        if row.parked.take().is_some() || paused || held {
            self.store_channel(&row)?;
            self.emit(DomainEvent::ChannelResumed(id.clone()));
        }
        Ok(Outcome::Done)
    }

    fn store_channel(&mut self, row: &Channel) -> Result<()> {
        self.affect(Effect::Channel(row.id.clone()));
        CHANNELS.put(&mut self.tables, (&row.id,), row)
    }

    /// What a call wrote to the channel's state, if who made it serves the channel still.
    pub(crate) fn change_state(
        &mut self,
        channel: &ChannelId,
        source: Option<&Source>,
        changes: &[StateChange],
    ) -> Result<()> {
        if changes.is_empty() || !self.is_served_by(channel, source)? {
            return Ok(());
        }
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
