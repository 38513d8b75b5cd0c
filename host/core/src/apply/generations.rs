//! Connectors and their generations, and what channels are allowed while the host runs.

use super::{Applier, not_found};
use crate::ask::{Ask, Difference};
use crate::effect::Effect;
use crate::event::Problem;
use crate::fact::{Outcome, Source};
use crate::generation::{GrantChanges, Missing, Signature, Stage, Versions};
use crate::ids::ChannelId;
use crate::keys;
use crate::rows;
use crate::tables::Result;

impl Applier<'_> {
    pub(super) fn stage_generation(
        &mut self,
        connector: &str,
        source: &Source,
        signature: &Signature,
        origin: &str,
    ) -> Result<Outcome> {
        let key = keys::connector(connector);
        let mut row = rows::get(self.tables, &key)?.unwrap_or_else(|| Versions::new(connector));
        let generation = row.stage(source, signature, origin, self.at);
        rows::put(self.tables, key, &row)?;
        self.tell_of_generation(connector, generation, Stage::Staged);
        Ok(Outcome::Staged { generation })
    }

    pub(super) fn move_generation(
        &mut self,
        connector: &str,
        generation: u32,
        to: Stage,
        problem: Option<&Problem>,
        missing: &[Missing],
        (approved, differences): (Option<&Ask>, &[Difference]),
    ) -> Result<Outcome> {
        let key = keys::connector(connector);
        let Some(mut row) = rows::get::<Versions>(self.tables, &key)? else {
            return Ok(not_found("connector", connector));
        };
        if !row.advance(generation, to, problem, missing, self.at) {
            return Ok(not_found("generation", generation));
        }
        row.asked(generation, approved, differences);
        rows::put(self.tables, key, &row)?;
        self.affect(Effect::Connector(connector.to_owned()));
        self.tell_of_generation(connector, generation, to);
        Ok(Outcome::Done)
    }

    pub(super) fn remove_connector(&mut self, connector: &str) -> Result<Outcome> {
        let key = keys::connector(connector);
        if self.tables.get(&key)?.is_none() {
            return Ok(not_found("connector", connector));
        }
        self.tables.delete(key);
        self.affect(Effect::Connector(connector.to_owned()));
        self.tell("connector.removed", None, None, &[("connector", connector.to_owned())]);
        Ok(Outcome::Done)
    }

    pub(super) fn change_grants(&mut self, channel: &ChannelId, changes: &GrantChanges) -> Result<Outcome> {
        rows::put(self.tables, keys::grants(channel), changes)?;
        self.affect(Effect::Grants(channel.clone()));
        self.tell("channel.updated", None, None, &[("channel", channel.to_string())]);
        Ok(Outcome::Done)
    }

    fn tell_of_generation(&mut self, connector: &str, generation: u32, stage: Stage) {
        let about = [
            ("connector", connector.to_owned()),
            ("generation", generation.to_string()),
            ("stage", stage.word().to_owned()),
        ];
        self.tell("connector.updated", None, None, &about);
    }
}
