//! From a configuration to what is loaded, and what the journal has to be told at a start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, ClaimPolicy, Fact};
use jackfield_core::ids::ChannelId;
use jackfield_core::keys;
use jackfield_core::rows::{self, Parked, Policy};
use jackfield_core::tables::{self, Read};
use jackfield_core::views::operations;
use jackfield_sandbox::{Binding, Channel, Grants, Sandbox, SandboxOptions, StateView};
use jackfield_store::{Options, Store};
use tokio::sync::{Notify, Semaphore};

use crate::channels::{Activity, ChannelRuntime, Channels, LoadedConnector, ParkedRoom};
use crate::clock;
use crate::config::{ChannelConfig, Config, ConnectorConfig};
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
    Sandbox::new(SandboxOptions { cache_dir: Some(config.data().join("cache")), ..SandboxOptions::default() })
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

impl States for NoStates {
    fn of(&self, _: &ChannelId) -> Arc<dyn StateView> {
        Arc::new(Self)
    }
}

impl StateView for NoStates {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn list(&self, _: &str, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

/// Loads every connector and binds every channel.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub async fn load(
    config: &Config,
    sandbox: &Sandbox,
    states: &impl States,
    metrics: &Arc<Metrics>,
    public_url: &str,
) -> Result<Channels, Faults> {
    let mut faults = Vec::new();
    let mut connectors = BTreeMap::new();
    for (name, connector) in &config.connectors {
        match load_connector(config, sandbox, name, connector).await {
            Ok(loaded) => {
                connectors.insert(name.as_str(), Arc::new(loaded));
            }
            Err(fault) => faults.push(fault),
        }
    }
    let mut channels = Vec::new();
    for (id, channel) in &config.channels {
        // Without its connector, what is wrong with the connector is all that can be said.
        let Some(connector) = connectors.get(channel.connector.get_ref().as_str()) else {
            continue;
        };
        match bind(config, id, channel, connector, states.of(id)).await {
            Ok(bound) => channels.push(Arc::new(runtime(config, channel, connector, bound, metrics, public_url))),
            Err(more) => faults.extend(more),
        }
    }
    match faults.is_empty() {
        true => Ok(Channels::new(connectors.into_values().collect(), channels)),
        false => Err(Faults(faults)),
    }
}

async fn load_connector(
    config: &Config,
    sandbox: &Sandbox,
    name: &str,
    connector: &ConnectorConfig,
) -> Result<LoadedConnector, Fault> {
    let path = config.resolve(&connector.path);
    let bytes = read(&path).await.map_err(|message| Fault::connector(name, message))?;
    let connector = sandbox.load(bytes).await;
    let connector = connector.map_err(|e| Fault::connector(name, format!("{}: {e}", path.display())))?;
    tracing::info!(
        connector = name,
        version = connector.manifest().version,
        digest = connector.digest(),
        "a connector is loaded"
    );
    Ok(LoadedConnector { name: name.to_owned(), path, connector, generation: 1, loaded_at: clock::now() })
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let shown: PathBuf = path.to_owned();
    let read = tokio::fs::read(path).await;
    read.map_err(|e| format!("the component {} cannot be read: {e}; build it, or mend `path`", shown.display()))
}

async fn bind(
    config: &Config,
    id: &ChannelId,
    channel: &ChannelConfig,
    connector: &Arc<LoadedConnector>,
    state: Arc<dyn StateView>,
) -> Result<Channel, Vec<Fault>> {
    let fault = |problem: Problem| Fault::channel(id, problem.message);
    let mut faults = Vec::new();
    let mut secrets = BTreeMap::new();
    for (name, source) in &channel.secrets {
        match source.fetch(|path| config.resolve(path)) {
            Ok(secret) => {
                secrets.insert(name.clone(), secret);
            }
            Err(why) => faults.push(Fault::channel(id, format!("the secret {name}: {why}"))),
        }
    }
    let unfetched = !faults.is_empty();
    let binding = Binding {
        channel: id.clone(),
        config: channel.config.clone(),
        secrets,
        grants: Grants::from(&channel.grants),
        limits: channel.limits.limits(),
        state,
    };
    let bound = connector.connector.bind(binding).map_err(|problems| {
        // What could not be fetched is missing; it need not be said twice.
        let told = problems.into_iter().filter(|p| !unfetched || p.code.as_deref() != Some("missing_secret"));
        faults.extend(told.map(fault));
    });
    let Ok(bound) = bound else { return Err(faults) };
    match bound.validate(&channel.config).await {
        Ok(call) => match call.result {
            Ok(problems) => faults.extend(problems.into_iter().map(fault)),
            Err(failure) => faults.push(fault(failure.problem().clone())),
        },
        Err(error) => {
            faults.push(Fault::channel(id, format!("the connector could not check the configuration: {error}")))
        }
    }
    match faults.is_empty() {
        true => Ok(bound),
        false => Err(faults),
    }
}

fn runtime(
    config: &Config,
    channel: &ChannelConfig,
    connector: &Arc<LoadedConnector>,
    bound: Channel,
    metrics: &Arc<Metrics>,
    public_url: &str,
) -> ChannelRuntime {
    let id = bound.id().clone();
    let sends = connector.connector.interfaces().send;
    ChannelRuntime {
        hook_url: format!("{public_url}/hooks/{id}"),
        id,
        connector: Arc::clone(connector),
        grants: Grants::from(&channel.grants),
        limits: channel.limits.limits(),
        rules: connector.connector.manifest().channel_rules(sends),
        region: config.region(channel),
        activity: Activity::default(),
        parked: ParkedRoom::default(),
        webhooks: Semaphore::new(usize::try_from(channel.limits.webhooks()).unwrap_or(usize::MAX)),
        wake: Notify::new(),
        #[cfg(feature = "native-connector")]
        native: Default::default(),
        channel: bound,
        metrics: Arc::clone(metrics),
    }
}

/// Tells the journal what is new in the configuration; nothing if nothing is.
///
/// # Errors
/// When the store cannot be read or appended to.
pub async fn announce(store: &Store, channels: &Channels, claims: ClaimPolicy) -> anyhow::Result<()> {
    for channel in channels.iter() {
        let row = operations::channel(&store.read(), &channel.id)?;
        let (source, rules) = (channel.source(), channel.rules.clone());
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
