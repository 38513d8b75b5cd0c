//! Channels, policies, keys, parked deliveries.

use super::{Applier, not_found, refuse};
use crate::effect::Effect;
use crate::event::Problem;
use crate::fact::{ChannelRules, ClaimPolicy, Outcome, RawRequest, Role, Source, Unreadable};
use crate::ids::{ChannelId, KeyId, ParkedId};
use crate::keys;
use crate::rows::{self, ApiKey, Channel, Parked, ParkedItem, Policy};
use crate::tables::Result;

impl Applier<'_> {
    pub(super) fn set_channel(&mut self, id: &ChannelId, source: &Source, rules: &ChannelRules) -> Result<Outcome> {
        let key = keys::channel(id);
        let (parked, paused) =
            rows::get::<Channel>(self.tables, &key)?.map_or((None, false), |before| (before.parked, before.paused));
        let row = Channel { id: id.clone(), source: source.clone(), rules: rules.clone(), parked, paused };
        self.affect(Effect::Channel(id.clone()));
        rows::put(self.tables, key, &row)?;
        self.tell("channel.updated", None, None, &[("channel", id.to_string())]);
        Ok(Outcome::Done)
    }

    pub(super) fn park_channel(&mut self, id: &ChannelId, problem: &Problem) -> Result<Outcome> {
        let key = keys::channel(id);
        let Some(mut row) = rows::get::<Channel>(self.tables, &key)? else {
            return Ok(not_found("channel", id));
        };
        row.parked = Some(problem.clone());
        self.affect(Effect::Channel(id.clone()));
        rows::put(self.tables, key, &row)?;
        self.tell("channel.parked", None, None, &[("channel", id.to_string()), ("reason", problem.message.clone())]);
        Ok(Outcome::Done)
    }

    pub(super) fn pause_channel(&mut self, id: &ChannelId) -> Result<Outcome> {
        let key = keys::channel(id);
        let Some(mut row) = rows::get::<Channel>(self.tables, &key)? else {
            return Ok(not_found("channel", id));
        };
        self.affect(Effect::Channel(id.clone()));
        if !std::mem::replace(&mut row.paused, true) {
            rows::put(self.tables, key, &row)?;
            self.tell("channel.paused", None, None, &[("channel", id.to_string())]);
        }
        Ok(Outcome::Done)
    }

    pub(super) fn resume_channel(&mut self, id: &ChannelId) -> Result<Outcome> {
        let key = keys::channel(id);
        let Some(mut row) = rows::get::<Channel>(self.tables, &key)? else {
            return Ok(not_found("channel", id));
        };
        for effect in [Effect::Channel, Effect::Outbox, Effect::Files] {
            self.affect(effect(id.clone()));
        }
        let paused = std::mem::take(&mut row.paused);
        if row.parked.take().is_some() || paused {
            rows::put(self.tables, key, &row)?;
            self.tell("channel.resumed", None, None, &[("channel", id.to_string())]);
        }
        Ok(Outcome::Done)
    }

    pub(super) fn set_claims(&mut self, claims: ClaimPolicy) -> Result<Outcome> {
        rows::put(self.tables, keys::policy(), &Policy { claims })?;
        Ok(Outcome::Done)
    }

    pub(super) fn park_delivery(
        &mut self,
        channel: &ChannelId,
        source: &Source,
        request: &RawRequest,
        problem: &Problem,
    ) -> Result<Outcome> {
        let id = ParkedId::new(self.seq, self.next_item()?);
        self.store_parked(Parked {
            id,
            channel: channel.clone(),
            source: source.clone(),
            at: self.at,
            reason: problem.message.clone(),
            request: Some(request.clone()),
            item: None,
        })?;
        Ok(Outcome::Parked { parked: id })
    }

    pub(super) fn park_item(&mut self, channel: &ChannelId, source: &Source, item: &Unreadable) -> Result<ParkedId> {
        let id = ParkedId::new(self.seq, self.next_item()?);
        self.store_parked(Parked {
            id,
            channel: channel.clone(),
            source: source.clone(),
            at: self.at,
            reason: item.reason.clone(),
            request: None,
            item: Some(ParkedItem { raw: item.raw.clone() }),
        })?;
        Ok(id)
    }

    fn store_parked(&mut self, row: Parked) -> Result<()> {
        let about =
            [("channel", row.channel.to_string()), ("parked", row.id.to_string()), ("reason", row.reason.clone())];
        self.tell("delivery.parked", None, None, &about);
        self.affect(Effect::Parked(row.channel.clone()));
        rows::put(self.tables, keys::parked(row.id), &row)
    }

    pub(super) fn discard_parked(&mut self, id: ParkedId) -> Result<Outcome> {
        let key = keys::parked(id);
        let Some(row) = rows::get::<Parked>(self.tables, &key)? else {
            return Ok(not_found("parked delivery", id));
        };
        self.tables.delete(key);
        self.affect(Effect::Parked(row.channel));
        self.tell("delivery.discarded", None, None, &[("parked", id.to_string())]);
        Ok(Outcome::Done)
    }

    pub(super) fn create_key(&mut self, name: &str, role: Role, hash: &str) -> Result<Outcome> {
        let by_hash = keys::api_key_by_hash(hash);
        if self.tables.get(&by_hash)?.is_some() {
            return Ok(refuse("conflict", "a key with this hash exists already"));
        }
        let id = KeyId::new(self.seq, self.next_item()?);
        let row =
            ApiKey { id, name: name.to_owned(), role, hash: hash.to_owned(), created_at: self.at, revoked_at: None };
        rows::put(self.tables, keys::api_key(id), &row)?;
        rows::put(self.tables, by_hash, &id)?;
        Ok(Outcome::KeyCreated { key: id })
    }

    pub(super) fn revoke_key(&mut self, id: KeyId) -> Result<Outcome> {
        self.affect(Effect::Key(id));
        let key = keys::api_key(id);
        let Some(mut row) = rows::get::<ApiKey>(self.tables, &key)? else {
            return Ok(not_found("key", id));
        };
        if row.revoked_at.is_none() {
            row.revoked_at = Some(self.at);
            rows::put(self.tables, key, &row)?;
        }
        Ok(Outcome::Done)
    }
}
