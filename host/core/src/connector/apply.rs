//! Connectors and their generations, and what channels are allowed while the host runs.

use super::rows::{CONNECTORS, FORMER, Former, GRANTS};
use crate::apply::{Applier, DomainEvent, not_found};
use crate::ask::{Ask, Difference};
use crate::effect::Effect;
use crate::event::Problem;
use crate::fact::{Outcome, Source};
use crate::generation::{GrantChanges, Missing, Signature, Stage, Versions};
use crate::ids::ChannelId;
use crate::tables::Result;

impl Applier<'_> {
    pub(crate) fn stage_generation(
        &mut self,
        connector: &str,
        source: &Source,
        signature: &Signature,
        origin: &str,
    ) -> Result<Outcome> {
        let mut row = CONNECTORS.get(&self.tables, (connector,))?.unwrap_or_else(|| Versions::new(connector));
        let generation = row.stage(source, signature, origin, self.at);
        self.store_versions(&row, generation, Stage::Staged)?;
        Ok(Outcome::Staged { generation })
    }

    pub(crate) fn move_generation(
        &mut self,
        connector: &str,
        generation: u32,
        to: Stage,
        problem: Option<&Problem>,
        missing: &[Missing],
        (approved, differences): (Option<&Ask>, &[Difference]),
    ) -> Result<Outcome> {
        let Some(mut row) = CONNECTORS.get(&self.tables, (connector,))? else {
            return Ok(not_found("connector", connector));
        };
        if !row.advance(generation, to, problem, missing, self.at) {
            return Ok(not_found("generation", generation));
        }
        row.asked(generation, approved, differences);
        self.store_versions(&row, generation, to)?;
        Ok(Outcome::Done)
    }

    fn store_versions(&mut self, row: &Versions, generation: u32, stage: Stage) -> Result<()> {
        CONNECTORS.put(&mut self.tables, (&row.name,), row)?;
        self.affect(Effect::Connector(row.name.clone()));
        self.emit(DomainEvent::GenerationMoved { connector: row.name.clone(), generation, stage });
        Ok(())
    }

    pub(crate) fn remove_connector(&mut self, connector: &str) -> Result<Outcome> {
        let Some(row) = CONNECTORS.get(&self.tables, (connector,))? else {
            return Ok(not_found("connector", connector));
        };
        if let Some(served) = row.serves_or_served() {
            FORMER.put(&mut self.tables, (connector,), &Former { connector: served.source.connector.clone() })?;
        }
        CONNECTORS.delete(&mut self.tables, (connector,));
        self.affect(Effect::Connector(connector.to_owned()));
        self.emit(DomainEvent::ConnectorRemoved(connector.to_owned()));
        Ok(Outcome::Done)
    }

    pub(crate) fn grant_origins(
        &mut self,
        channel: &ChannelId,
        http: &[String],
        private: &[String],
    ) -> Result<Outcome> {
        let mut grants = GRANTS.get(&self.tables, (channel,))?.unwrap_or_default();
        grants.allow(http, private);
        self.set_grants(channel, &grants)
    }

    pub(crate) fn revoke_origins(&mut self, channel: &ChannelId, origins: &[String]) -> Result<Outcome> {
        let mut grants = GRANTS.get(&self.tables, (channel,))?.unwrap_or_default();
        grants.revoke(origins);
        self.set_grants(channel, &grants)
    }

    pub(crate) fn set_public_webhook(&mut self, channel: &ChannelId, allowed: Option<bool>) -> Result<Outcome> {
        let mut grants = GRANTS.get(&self.tables, (channel,))?.unwrap_or_default();
        grants.public_webhook = allowed;
        self.set_grants(channel, &grants)
    }

    /// Another connector comes to serve a channel: what the operator allowed while the host ran was for the one before. What was refused
    /// stays refused. Approving what another connector asks for says first that it comes, and allows it then.
    pub(crate) fn forget_grants(&mut self, channel: &ChannelId) -> Result<()> {
        let Some(changes) = GRANTS.get(&self.tables, (channel,))? else { return Ok(()) };
        GRANTS.put(&mut self.tables, (channel,), &changes.without_what_was_allowed())?;
        self.affect(Effect::Grants(channel.clone()));
        Ok(())
    }

    pub(crate) fn set_grants(&mut self, channel: &ChannelId, changes: &GrantChanges) -> Result<Outcome> {
        GRANTS.put(&mut self.tables, (channel,), changes)?;
        self.affect(Effect::Grants(channel.clone()));
        self.emit(DomainEvent::ChannelSet(channel.clone()));
        Ok(Outcome::Done)
    }
}
