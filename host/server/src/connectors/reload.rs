//! The configuration, read again while the host runs: its connectors, its channels, and whom it trusts. Everything is checked before
//! anything is changed, and the channels change at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact};
use jackfield_core::generation::{Generation, Stage};
use jackfield_core::ids::ChannelId;
use jackfield_core::views::{links, operations};

use super::error::{LifecycleError, Rejection};
use super::lifecycle::Lifecycle;
use super::restore::NewComponent;
use super::slot::Slot;
use crate::channels::ChannelRuntime;
use crate::config::{Config, SecretsMark};
use crate::metrics::Metrics;

/// What a new configuration brought.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// Channels that were not there before.
    pub added: Vec<ChannelId>,
    /// Channels whose settings or secrets changed.
    pub changed: Vec<ChannelId>,
    /// Channels that are not there any more.
    pub removed: Vec<ChannelId>,
    /// Connectors that serve and would not be let in any more, each with why. They serve until the host stops.
    pub distrusted: Vec<String>,
}

impl Reloaded {
    /// Whether a channel is new or has new settings.
    fn concerns(&self, channel: &ChannelId) -> bool {
        self.added.contains(channel) || self.changed.contains(channel)
    }
}

/// The channels of a new configuration.
struct Plan {
    channels: Vec<Arc<ChannelRuntime>>,
    reloaded: Reloaded,
}

impl Lifecycle {
    /// Reads the configuration again. What is not about connectors, channels and trust counts from the next start on.
    ///
    /// # Errors
    /// Everything that is wrong with it; no channel is changed then.
    pub async fn reload(&self, metrics: &Arc<Metrics>, public_url: &str) -> Result<Reloaded, LifecycleError> {
        let _alone = self.reload.lock().await;
        let before = self.config();
        let file = before
            .file
            .clone()
            .ok_or_else(|| LifecycleError::Conflict(String::from("the host was not started from a file")))?;
        let config = Arc::new(Config::read(&file).map_err(|error| LifecycleError::Conflict(error.to_string()))?);
        // Whom the operator trusts, and where the paths of secrets start, count for what follows.
        self.configure(Arc::clone(&config));
        let taken = self.take(&config, metrics, public_url).await;
        if taken.is_err() {
            self.configure(before);
        }
        taken
    }

    async fn take(
        &self,
        config: &Config,
        metrics: &Arc<Metrics>,
        public_url: &str,
    ) -> Result<Reloaded, LifecycleError> {
        let Plan { channels, mut reloaded } = self.plan(config, metrics, public_url);
        let new = self.check(config, &channels, &reloaded).await?;
        let mut renewed = Vec::new();
        for (slot, component) in new {
            let rejections = self.install_component(&slot, component).await?;
            if !rejections.is_empty() {
                return Err(rejected(&rejections));
            }
            renewed.push(slot);
        }
        // From the last look on until the channels are there, no other generation comes to serve.
        let slots: BTreeMap<&str, &Arc<Slot>> =
            channels.iter().map(|channel| (channel.slot.name.as_str(), &channel.slot)).collect();
        let mut pointers = Vec::new();
        for slot in slots.into_values() {
            pointers.push(slot.pointer.lock().await);
        }
        self.check_what_serves(&renewed, channels.iter().filter(|channel| reloaded.concerns(&channel.id)))?;
        self.record(config, &channels).await?;
        let gone = self.channels().all().into_iter().filter(|old| !channels.iter().any(|new| Arc::ptr_eq(new, old)));
        let gone: Vec<Arc<ChannelRuntime>> = gone.collect();
        self.reactor().replace_channels(channels.clone()).await;
        drop(pointers);
        gone.iter().for_each(|old| old.gone.cancel());
        reloaded.distrusted = self.distrusted().await?;
        Ok(reloaded)
    }

    fn plan(&self, config: &Config, metrics: &Arc<Metrics>, public_url: &str) -> Plan {
        let (mut channels, mut reloaded) = (Vec::new(), Reloaded::default());
        for (id, section) in &config.channels {
            let known = self.channels().get(id);
            let secrets = SecretsMark::of(&section.secrets, |path| config.resolve(path));
            let is_same = |known: &&Arc<ChannelRuntime>| {
                known.config == *section && known.region == config.region(section) && known.secrets == secrets
            };
            if let Some(same) = known.as_ref().filter(is_same) {
                channels.push(Arc::clone(same));
                continue;
            }
            let slot = self.channels().slot_for(section.connector.get_ref());
            let mut channel = ChannelRuntime::new(config, id, section, slot, metrics, public_url);
            match &known {
                None => reloaded.added.push(id.clone()),
                Some(known) => {
                    channel.continue_from(known);
                    reloaded.changed.push(id.clone());
                }
            }
            channels.push(Arc::new(channel));
        }
        let all = self.channels().all();
        let removed = all.iter().map(|old| old.id.clone()).filter(|id| !config.channels.contains_key(id));
        reloaded.removed = removed.collect();
        Plan { channels, reloaded }
    }

    /// What serves although its signature is not trusted any more. It is not stopped at once, so that a slip of the pen silences no channel,
    /// but it does not start again.
    async fn distrusted(&self) -> Result<Vec<String>, LifecycleError> {
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

    /// Looks whether every connector, and every channel that is new or changed, can be served. The components that are to be installed.
    async fn check(
        &self,
        config: &Config,
        channels: &[Arc<ChannelRuntime>],
        reloaded: &Reloaded,
    ) -> Result<Vec<(Arc<Slot>, NewComponent)>, LifecycleError> {
        let mut unchecked: Vec<Arc<ChannelRuntime>> =
            channels.iter().filter(|channel| reloaded.concerns(&channel.id)).map(Arc::clone).collect();
        let (mut new, mut rejections) = (Vec::new(), Vec::new());
        for (name, connector) in &config.connectors {
            let slot = self.channels().slot_for(name);
            match self.new_component(&slot, connector).await? {
                Ok(None) => {}
                Ok(Some(component)) => {
                    let of_it = unchecked.extract_if(.., |channel| channel.slot.name == *name).collect::<Vec<_>>();
                    let found = self.examine(&component, &of_it).await?;
                    match slot.active().is_some() && found.iter().any(|rejection| rejection.channel.is_none()) {
                        // It is refused when it is installed, with a fact that says so, and the one that serves goes on.
                        true => unchecked.extend(of_it),
                        false => rejections.extend(found),
                    }
                    new.push((slot, component));
                }
                Err(rejection) => rejections.push(rejection),
            }
        }
        for channel in unchecked {
            rejections.extend(self.check_channel(&channel)?);
        }
        match rejections.is_empty() {
            true => Ok(new),
            false => Err(rejected(&rejections)),
        }
    }

    /// Looks whether channels can be served by what serves now: a new version may wait for approval or have been refused, and another one
    /// may have come to serve meanwhile.
    fn check_what_serves<'a>(
        &self,
        renewed: &[Arc<Slot>],
        channels: impl Iterator<Item = &'a Arc<ChannelRuntime>>,
    ) -> Result<(), LifecycleError> {
        let mut rejections = Vec::new();
        for channel in channels {
            let mut found = self.check_channel(channel)?;
            if !found.is_empty() && renewed.iter().any(|slot| Arc::ptr_eq(slot, &channel.slot)) {
                found.extend(self.why_not_the_newest(&channel.slot.name)?);
            }
            rejections.extend(found);
        }
        match rejections.is_empty() {
            true => Ok(()),
            false => Err(rejected(&rejections)),
        }
    }

    /// What became of the newest version of a connector, if another one serves.
    fn why_not_the_newest(&self, name: &str) -> Result<Option<Rejection>, LifecycleError> {
        let versions = self.versions(name)?;
        let newest = versions.generations.last().filter(|newest| Some(newest.number) != versions.active);
        Ok(newest.map(|Generation { number, stage, .. }| {
            let message = match stage {
                Stage::PendingApproval => format!(
                    "The new version of {name} asks for more than was approved, so it does not serve yet; approve it with `jackfield \
                     connector approve {name} {number}`, and reload again."
                ),
                _ => format!("The new version of {name} does not serve; `jackfield connector show {name}` says why."),
            };
            Rejection { channel: None, problem: Problem { message, code: None } }
        }))
    }

    /// What stands in the way of a channel on the generation that serves.
    fn check_channel(&self, channel: &ChannelRuntime) -> Result<Vec<Rejection>, LifecycleError> {
        let Some(active) = channel.slot.active() else {
            let name = &channel.slot.name;
            let message = format!("nothing of the connector {name} serves; see `jackfield connector show {name}`");
            let problem = Problem { message, code: None };
            return Ok(vec![Rejection { channel: Some(channel.id.clone()), problem }]);
        };
        Ok(self.obstacles(channel, &active.connector)?)
    }

    /// Tells the journal what is new in the configuration; nothing if nothing is.
    ///
    /// # Errors
    /// When the store cannot be read or appended to.
    pub async fn record(&self, config: &Config, channels: &[Arc<ChannelRuntime>]) -> Result<(), LifecycleError> {
        let mut facts = Vec::new();
        for channel in channels {
            let Some(generation) = channel.slot.loaded().next() else { continue };
            facts.extend(self.channel_set(&channel.id, &channel.slot.name, &generation.connector)?);
        }
        if !operations::ids_by_place(&self.store().read())? {
            facts.insert(0, Fact::IdsByPlace);
        }
        let claims = links::claims_policy(&self.store().read())?;
        if claims != config.identity.claims {
            facts.push(Fact::ClaimsSet { policy: config.identity.claims });
        }
        self.store().append_all(facts.into_iter().map(|fact| (Actor::Host, fact)).collect()).await?;
        Ok(())
    }
}

fn rejected(rejections: &[Rejection]) -> LifecycleError {
    let reasons: Vec<String> = rejections.iter().map(ToString::to_string).collect();
    LifecycleError::Conflict(format!("no channel was changed: {}", reasons.join(" ")))
}
