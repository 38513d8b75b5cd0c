//! From a configuration to what is loaded, and what the journal has to be told at a start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, ClaimPolicy, Fact};
use jackfield_core::generation::GrantChanges;
use jackfield_core::ids::ChannelId;
use jackfield_core::keys;
use jackfield_core::rows::{self, Parked, Policy};
use jackfield_core::tables::{self, Read};
use jackfield_core::views::operations;
use jackfield_sandbox::{Compiler, Connector, Sandbox, SandboxOptions, StateView};
use jackfield_store::{Options, Store};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::activity::Activity;
use crate::channels::{ChannelRuntime, Channels, ParkedRoom};
use crate::config::{ChannelConfig, Code, Config};
use crate::connectors::artifacts::Artifacts;
use crate::connectors::joining::{Side, join};
use crate::connectors::lifecycle::{Lifecycle, Obstacle, Trouble};
use crate::connectors::{Slot, signature};
use crate::ingress;
use crate::metrics::Metrics;

/// Something that has to be mended before the host can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The section of the configuration: `connectors.whatsapp`, `channels.shop`.
    pub place: String,
    /// What is wrong, with the remedy.
    pub message: String,
}

impl Fault {
    fn connector(name: &str, message: impl Into<String>) -> Self {
        Self { place: format!("connectors.{name}"), message: message.into() }
    }

    fn new(connector: &str, obstacle: Obstacle) -> Self {
        match obstacle.channel {
            Some(channel) => Self::channel(&channel, obstacle.problem.message),
            None => Self::connector(connector, obstacle.problem.message),
        }
    }

    fn channel(id: &ChannelId, message: impl Into<String>) -> Self {
        Self { place: format!("channels.{id}"), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.place, self.message)
    }
}

/// The host cannot start; everything that is wrong, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Faults {}

/// The store's options.
#[must_use]
pub fn store_options(config: &Config) -> Options {
    Options { cache_bytes: u64::from(config.store.cache_mib) << 20, ..Options::default() }
}

/// A sandbox whose compiled components are kept under the data folder.
///
/// # Errors
/// When the machine cannot give what it takes.
pub fn sandbox(config: &Config) -> Result<Sandbox, jackfield_sandbox::SandboxError> {
    Sandbox::new(SandboxOptions {
        cache_dir: Some(config.data().join("cache")),
        compiler: Compiler::Child { program: this_program(), args: vec!["compile".into()] },
        ..SandboxOptions::default()
    })
}

/// This very program, also after its file was replaced by a newer one, whose machine code would be another.
fn this_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    match running.exists() {
        true => running,
        false => std::env::current_exe().unwrap_or(running),
    }
}

/// The life of connectors over this store. Components that no generation refers to any more are removed.
///
/// # Errors
/// When the machine cannot give what it takes.
pub fn lifecycle(config: &Arc<Config>, store: &Store, channels: &Arc<Channels>) -> anyhow::Result<Lifecycle> {
    let artifacts = Artifacts::open(config.data().join("artifacts"))?;
    let known = operations::connectors(&store.read())?.into_iter().flat_map(|versions| versions.generations);
    artifacts.keep_only(&known.map(|generation| generation.source.digest).collect())?;
    Ok(Lifecycle::new(store.clone(), sandbox(config)?, artifacts, Arc::clone(config), Arc::clone(channels)))
}

/// Where the committed state of channels comes from.
pub trait States {
    /// That of one channel.
    fn of(&self, channel: &ChannelId) -> Arc<dyn StateView>;
}

impl States for Store {
    fn of(&self, channel: &ChannelId) -> Arc<dyn StateView> {
        Arc::new(Stored { store: self.clone(), channel: channel.clone() })
    }
}

struct Stored {
    store: Store,
    channel: ChannelId,
}

impl StateView for Stored {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        operations::state(&self.store.read(), &self.channel, key).map_err(|e| e.to_string())
    }

    fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        operations::state_keys(&self.store.read(), &self.channel, prefix, limit).map_err(|e| e.to_string())
    }
}

/// No state at all: for checking a configuration without opening the store.
#[derive(Clone, Copy, Debug)]
pub struct NoStates;

impl StateView for NoStates {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn list(&self, _: &str, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

/// Has every connector serve, and every channel be served.
///
/// # Errors
/// Everything that is wrong, not only the first; or that the store or the disk fails.
pub async fn load(
    config: &Config,
    lifecycle: &Lifecycle,
    channels: &Channels,
    metrics: &Arc<Metrics>,
    public_url: &str,
) -> anyhow::Result<()> {
    let made = config.channels.iter().map(|(id, channel)| {
        let slot = channels.slot_for(channel.connector.get_ref());
        Arc::new(runtime(config, id, channel, slot, metrics, public_url))
    });
    channels.replace(made.collect());
    let mut faults = Vec::new();
    for (name, connector) in &config.connectors {
        let obstacles = lifecycle.restore(name, Some(connector)).await?;
        faults.extend(obstacles.into_iter().map(|obstacle| Fault::new(name, obstacle)));
    }
    for versions in operations::connectors(&lifecycle.view())? {
        if !config.connectors.contains_key(&versions.name) {
            // Brought while the host ran. No channel of the configuration depends on it.
            for obstacle in lifecycle.restore(&versions.name, None).await? {
                tracing::warn!(connector = versions.name, "cannot serve: {}", obstacle.problem.message);
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Faults(faults).into()),
    }
}

/// Looks whether every connector can be loaded and every channel be served, without a store.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub async fn examine(config: &Config, sandbox: &Sandbox) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let mut connectors = BTreeMap::new();
    for (name, connector) in &config.connectors {
        // Nothing outside is asked, so what lies in a registry cannot be looked at, nor its channels.
        let Code::Path(path) = &connector.code else { continue };
        match load_connector(config, sandbox, &config.resolve(path)).await {
            Ok(loaded) => {
                connectors.insert(name.as_str(), loaded);
            }
            Err(message) => faults.push(Fault::connector(name, message)),
        }
    }
    for (id, channel) in &config.channels {
        // Without its connector, what is wrong with the connector is all that can be said.
        if let Some(connector) = connectors.get(channel.connector.get_ref().as_str()) {
            faults.extend(examine_channel(config, id, channel, connector).await);
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Faults(faults)),
    }
}

async fn load_connector(config: &Config, sandbox: &Sandbox, path: &Path) -> Result<Arc<Connector>, String> {
    let shown = path.display();
    let read = tokio::fs::read(path).await;
    let bytes = read.map_err(|e| format!("the component {shown} cannot be read: {e}; build it, or mend `path`"))?;
    if let Some(why) = signature::refusal(&signature::examine(&bytes, &config.trust), &config.trust) {
        return Err(format!("{shown}: {why}"));
    }
    sandbox.load(bytes).await.map_err(|e| format!("{shown}: {e}"))
}

async fn examine_channel(
    config: &Config,
    id: &ChannelId,
    channel: &ChannelConfig,
    connector: &Arc<Connector>,
) -> Vec<Fault> {
    let fault = |problem: Problem| Fault::channel(id, problem.message);
    let side = Side { config, id, channel, changes: &GrantChanges::default(), state: Arc::new(NoStates) };
    let line = match join(connector, &side, true) {
        Ok(line) => line,
        Err(obstacles) => return obstacles.all().map(fault).collect(),
    };
    match line.channel.validate(&channel.config).await {
        Ok(call) => match call.result {
            Ok(problems) => problems.into_iter().map(fault).collect(),
            Err(failure) => vec![fault(failure.problem().clone())],
        },
        Err(error) => {
            vec![Fault::channel(id, format!("the connector could not check the configuration: {error}"))]
        }
    }
}

pub(crate) fn runtime(
    config: &Config,
    id: &ChannelId,
    channel: &ChannelConfig,
    slot: Arc<Slot>,
    metrics: &Arc<Metrics>,
    public_url: &str,
) -> ChannelRuntime {
    ChannelRuntime {
        hook_url: format!("{public_url}/hooks/{id}"),
        id: id.clone(),
        slot,
        config: channel.clone(),
        limits: channel.limits.limits(),
        region: config.region(channel),
        activity: Arc::new(Activity::default()),
        log: Arc::default(),
        parked: Arc::new(ParkedRoom::default()),
        webhooks: Semaphore::new(usize::try_from(channel.limits.webhooks()).unwrap_or(usize::MAX)),
        paused: AtomicBool::new(false),
        gone: CancellationToken::new(),
        wake: Notify::new(),
        files: Notify::new(),
        #[cfg(feature = "native-connector")]
        native: Default::default(),
        metrics: Arc::clone(metrics),
    }
}

/// Tells the journal what is new in the configuration; nothing if nothing is.
///
/// # Errors
/// When the store cannot be read or appended to.
pub async fn announce(store: &Store, channels: &Channels, claims: ClaimPolicy) -> Result<(), Trouble> {
    for channel in channels.all() {
        let Some((generation, _)) = channel.serving() else { continue };
        let row = operations::channel(&store.read(), &channel.id)?;
        let (source, rules) = (generation.source(), generation.rules());
        if let Some(row) = &row {
            channel.paused.store(row.paused, Ordering::Relaxed);
        }
        if row.is_none_or(|row| row.source != source || row.rules != rules) {
            store.append(Actor::Host, Fact::ChannelSet { channel: channel.id.clone(), source, rules }).await?;
        }
    }
    let policy = rows::get::<Policy>(&store.read(), &keys::policy())?.unwrap_or_default();
    if policy.claims != claims {
        store.append(Actor::Host, Fact::ClaimsSet { policy: claims }).await?;
    }
    Ok(())
}

/// Counts what is parked, so that the room for it is known.
///
/// # Errors
/// When the views cannot be read.
pub fn count_parked(store: &Store, channels: &Channels) -> tables::Result<()> {
    for row in store.read().scan(keys::parked_before(None), false) {
        let parked: Parked = rows::decode(&row?.1)?;
        if let (Some(channel), Some(request)) = (channels.get(&parked.channel), parked.request) {
            channel.parked.add(ingress::weight(&request));
        }
    }
    Ok(())
}
