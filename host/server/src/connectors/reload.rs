//! The configuration, read again while the host runs: its connectors, its channels, and whom it trusts. All of it, or nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jackfield_core::generation::GrantChanges;
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;

use super::generation::{Generation, Line};
use super::lifecycle::{Lifecycle, Obstacle, Trouble};
use crate::channels::ChannelRuntime;
use crate::config::Config;
use crate::host::Host;
use crate::start;

/// What a new configuration brought.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// Channels that were not there before.
    pub added: Vec<ChannelId>,
    /// Channels whose settings changed.
    pub changed: Vec<ChannelId>,
    /// Channels that are not there any more.
    pub removed: Vec<ChannelId>,
    /// Connectors that serve and would not be let in any more, each with why. They serve until the host stops.
    pub distrusted: Vec<String>,
}

/// A channel that is to be joined with a generation.
type Joined = (Arc<Generation>, ChannelId, Line);

impl Lifecycle {
    /// Reads the configuration again. What is not about connectors, channels and trust counts from the next start on.
    ///
    /// # Errors
    /// Everything that is wrong with it; nothing is changed then.
    pub async fn reload(&self, host: &Host) -> Result<Reloaded, Trouble> {
        let _alone = self.reload.lock().await;
        let before = self.config();
        let file = before
            .file
            .clone()
            .ok_or_else(|| Trouble::Conflict(String::from("the host was not started from a file")))?;
        let config = Arc::new(Config::read(&file).map_err(|error| Trouble::Conflict(error.to_string()))?);
        self.configure(Arc::clone(&config));
        match self.take(host, &config).await {
            Ok(reloaded) => Ok(reloaded),
            Err(trouble) => {
                self.configure(before);
                Err(trouble)
            }
        }
    }

    async fn take(&self, host: &Host, config: &Config) -> Result<Reloaded, Trouble> {
        self.bring_connectors(config).await?;
        let (mut channels, mut reloaded, mut joined, mut obstacles) =
            (Vec::new(), Reloaded::default(), Vec::new(), Vec::new());
        for (id, section) in &config.channels {
            let known = host.channels.get(id);
            if let Some(same) =
                known.as_ref().filter(|known| known.config == *section && known.region == config.region(section))
            {
                channels.push(Arc::clone(same));
                continue;
            }
            let slot = self.channels().slot_for(section.connector.get_ref());
            let mut runtime = start::runtime(config, id, section, slot, &host.metrics, &host.public_url);
            let row = operations::channel(&self.store().read(), id)?;
            runtime.paused = AtomicBool::new(row.is_some_and(|row| row.paused));
            match &known {
                None => reloaded.added.push(id.clone()),
                Some(known) => {
                    (runtime.activity, runtime.parked) = (Arc::clone(&known.activity), Arc::clone(&known.parked));
                    runtime.log = Arc::clone(&known.log);
                    reloaded.changed.push(id.clone());
                }
            }
            match self.join_all(&runtime).await? {
                Ok(more) => joined.extend(more),
                Err(found) => obstacles.extend(found),
            }
            channels.push(Arc::new(runtime));
        }
        if !obstacles.is_empty() {
            let told: Vec<String> = obstacles.iter().map(Obstacle::told).collect();
            return Err(Trouble::Conflict(format!("no channel was changed: {}", told.join(" "))));
        }
        for (generation, id, line) in joined {
            generation.join(&id, line);
        }
        let gone = host.channels.all().into_iter().filter(|old| !channels.iter().any(|new| Arc::ptr_eq(new, old)));
        let gone: Vec<Arc<ChannelRuntime>> = gone.collect();
        reloaded.removed =
            gone.iter().map(|old| old.id.clone()).filter(|id| !config.channels.contains_key(id)).collect();
        host.channels.replace(channels);
        gone.iter().for_each(|old| old.gone.cancel());
        start::announce(self.store(), &host.channels, config.identity.claims).await?;
        reloaded.distrusted = self.distrusted().await?;
        Ok(reloaded)
    }

    /// What serves although its signature is not trusted any more. It is not stopped at once, so that a slip of the pen silences no channel,
    /// but it does not start again.
    async fn distrusted(&self) -> Result<Vec<String>, Trouble> {
        let mut distrusted = Vec::new();
        for versions in operations::connectors(&self.store().read())? {
            let Some(active) = versions.active() else { continue };
            let Ok(component) = self.read(&active.source.digest).await else { continue };
            if let Some(why) = self.distrusts(&component) {
                tracing::error!(
                    connector = versions.name,
                    "it serves, and will not be loaded at the next start: {why}"
                );
                distrusted.push(format!("{}: {why}", versions.name));
            }
        }
        Ok(distrusted)
    }

    async fn bring_connectors(&self, config: &Config) -> Result<(), Trouble> {
        for (name, connector) in &config.connectors {
            let slot = self.channels().slot_for(name);
            let obstacles = match slot.active() {
                None => self.restore(name, Some(connector)).await?,
                Some(_) => self.bring_configured(&slot, connector).await?,
            };
            if !obstacles.is_empty() {
                let told: Vec<String> = obstacles.iter().map(Obstacle::told).collect();
                return Err(Trouble::Conflict(format!("no channel was changed: {name}: {}", told.join(" "))));
            }
        }
        Ok(())
    }

    /// Joins a channel with the generations of its connector that are loaded. What stands by may get less than it asks for.
    async fn join_all(&self, channel: &ChannelRuntime) -> Result<Result<Vec<Joined>, Vec<Obstacle>>, Trouble> {
        let on_channel = |problem| Obstacle { channel: Some(channel.id.clone()), problem };
        let changes: GrantChanges = operations::grant_changes(&self.store().read(), &channel.id)?;
        let Some(active) = channel.slot.active() else {
            let name = &channel.slot.name;
            let message = format!("nothing of the connector {name} serves; see `jackfield connector show {name}`");
            return Ok(Err(vec![on_channel(jackfield_core::event::Problem { message, code: None })]));
        };
        let mut joined = Vec::new();
        match self.join(channel, &active.connector, &changes, changes.revoked.is_empty()) {
            Ok(line) => joined.push((active, channel.id.clone(), line)),
            Err(obstacles) => return Ok(Err(obstacles.all().map(on_channel).collect())),
        }
        if let Some(standby) = channel.slot.standby()
            && let Ok(line) = self.join(channel, &standby.connector, &changes, false)
        {
            joined.push((standby, channel.id.clone(), line));
        }
        Ok(Ok(joined))
    }
}
