//! From a configuration to what is loaded, and what the journal has to be told at a start.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::generation::GrantChanges;
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::{Compiler, Connector, FreeSpace, Sandbox, SandboxOptions};
use jackfield_store::disk::Reserve;
use jackfield_store::{Options, Store};

use crate::channels::state::NoState;
use crate::channels::{ChannelRuntime, Channels};
use crate::config::{ChannelConfig, Code, Config};
use crate::connectors::artifacts::{Artifacts, needed};
use crate::connectors::binding::{BindInputs, bind};
use crate::connectors::error::Rejection;
use crate::connectors::lifecycle::Lifecycle;
use crate::connectors::signature;
use crate::metrics::Metrics;
use crate::reactor::handle::ReactorHandle;

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

    fn new(connector: &str, rejection: Rejection) -> Self {
        match rejection.channel {
            Some(channel) => Self::channel(&channel, rejection.problem.message),
            None => Self::connector(connector, rejection.problem.message),
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

/// The host cannot start; everything that is wrong, a bound each.
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

/// A sandbox whose compiled components are kept under the data folder, as long as the reserve stays free.
///
/// # Errors
/// When the machine cannot give what it takes.
pub fn sandbox(
    config: &Config,
    compiler: Compiler,
    reserve: Reserve,
) -> Result<Sandbox, jackfield_sandbox::SandboxError> {
    let cache_dir = Some(config.data().join("cache"));
    let cache_space: Option<Arc<dyn FreeSpace>> = Some(Arc::new(LeftToTheJournal(reserve)));
    Sandbox::new(SandboxOptions { cache_dir, cache_space, compiler, ..SandboxOptions::default() })
}

/// The free space that the journal needs, as the sandbox asks for it.
#[derive(Debug)]
struct LeftToTheJournal(Reserve);

impl FreeSpace for LeftToTheJournal {
    fn check(&self, more: u64) -> std::io::Result<()> {
        self.0.check(more)
    }
}

/// Components are compiled by a child process that is this very program.
#[must_use]
pub fn compiler() -> Compiler {
    Compiler::Child { program: this_program(), args: vec!["compile".into()] }
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
pub fn lifecycle(
    config: &Arc<Config>,
    store: &Store,
    channels: &Arc<Channels>,
    reactor: &ReactorHandle,
    compiler: Compiler,
) -> anyhow::Result<Lifecycle> {
    let reserve = store.blobs().reserve();
    let artifacts = Artifacts::open(config.data().join("artifacts"), reserve.clone())?;
    artifacts.keep_only(&needed(&store.read(), config)?)?;
    let (config, channels, reactor) = (Arc::clone(config), Arc::clone(channels), reactor.clone());
    Ok(Lifecycle::new(
        store.clone(),
        sandbox(&config, compiler, reserve.clone())?,
        artifacts,
        config,
        channels,
        reactor,
    ))
}

/// Switches the channels of the configuration on, and has every connector serve. What stands in the way of one connector, or of one
/// channel, keeps only that one down.
///
/// # Errors
/// Everything that is wrong, if no channel can be served; or that the store or the disk fails.
pub async fn load(
    config: &Config,
    lifecycle: &Lifecycle,
    channels: &Channels,
    reactor: &ReactorHandle,
    metrics: &Arc<Metrics>,
    public_url: &str,
) -> anyhow::Result<()> {
    let made = config.channels.iter().map(|(id, channel)| {
        let slot = channels.slot_for(channel.connector.get_ref());
        Arc::new(ChannelRuntime::new(config, id, channel, slot, metrics, public_url))
    });
    reactor.replace_channels(made.collect()).await;
    let mut faults = Vec::new();
    for (name, connector) in &config.connectors {
        let rejections = lifecycle.restore(name, Some(connector)).await?;
        faults.extend(rejections.into_iter().map(|rejection| Fault::new(name, rejection)));
    }
    for versions in operations::connectors(&lifecycle.view())? {
        if !config.connectors.contains_key(&versions.name) {
            // Installed while the host ran. No channel of the configuration depends on it.
            for rejection in lifecycle.restore(&versions.name, None).await? {
                tracing::warn!(connector = versions.name, "cannot serve: {}", rejection.problem.message);
            }
        }
    }
    let serves = |channel: &Arc<ChannelRuntime>| channel.serving().is_some();
    if !faults.is_empty() && !channels.all().iter().any(serves) {
        return Err(Faults(faults).into());
    }
    for fault in faults {
        tracing::error!("cannot be served: {fault}");
    }
    lifecycle.record(config, &channels.all()).await?;
    lifecycle.remove_unused().await;
    Ok(())
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
    let inputs = BindInputs {
        config,
        id,
        channel,
        made: 0,
        changes: &GrantChanges::default(),
        to_another: false,
        state: Arc::new(NoState),
    };
    let bound = match bind(connector, &inputs, true) {
        Ok(bound) => bound,
        Err(rejections) => return rejections.all().map(fault).collect(),
    };
    match bound.channel.validate(&channel.config).await {
        Ok(call) => match call.result {
            Ok(problems) => problems.into_iter().map(fault).collect(),
            Err(failure) => vec![fault(failure.problem().clone())],
        },
        Err(error) => {
            vec![Fault::channel(id, format!("the connector could not check the configuration: {error}"))]
        }
    }
}
