//! How a version comes to serve, and how it goes. Every step is a fact before it counts.
//!
//! staged → verified → compiled → checked → approved → probing → active → draining → retired. One that asks for more than is granted
//! waits as `pending-approval`; one that fails on the way is `refused`; one that fails while it serves is `rolled-back`. Until a version
//! is active the one before serves, and after that it stands by.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, Outcome, Source};
use jackfield_core::generation::{self, GrantChanges, Missing, Stage, Versions};
use jackfield_core::ids::ChannelId;
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_sandbox::{Connector, Manifest, Sandbox};
use jackfield_store::{AppendError, Store};

use super::artifacts::Artifacts;
use super::generation::{Generation, Line, Lines};
use super::joining::{Obstacles, Side, join};
use super::registry::PullError;
use super::signature;
use super::slot::{Alarm, Slot};
use super::steps::{Consent, Step, about_itself};
use crate::channels::{ChannelRuntime, Channels};
use crate::config::Config;
use crate::start::States;

/// Why nothing came of a command about connectors.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is none of this name.
    #[error("there is no connector {0}")]
    NoConnector(String),
    /// There is none of this number.
    #[error(
        "the connector {connector} has no generation {generation}; `jackfield connector show {connector}` lists them"
    )]
    NoGeneration {
        /// The connector.
        connector: String,
        /// The number.
        generation: u32,
    },
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// Nothing came from a registry.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The disk.
    #[error("the component cannot be kept or read: {0}")]
    Disk(#[from] std::io::Error),
    /// The journal.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The views.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What stands in a version's way, and on which channel.
#[derive(Clone, Debug)]
pub struct Obstacle {
    /// None if it is about the version itself.
    pub channel: Option<ChannelId>,
    /// What, with the remedy.
    pub problem: Problem,
}

/// How far a version has come.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Its number.
    pub generation: u32,
    /// How far.
    pub stage: Stage,
    /// Why no further.
    pub obstacles: Vec<Obstacle>,
}

/// Brings versions to serve, and takes them away again.
pub struct Lifecycle {
    store: Store,
    sandbox: Sandbox,
    artifacts: Artifacts,
    config: ArcSwap<Config>,
    channels: Arc<Channels>,
    /// Held by whoever reads the configuration again.
    pub(super) reload: tokio::sync::Mutex<()>,
}

impl Lifecycle {
    /// Over what is loaded.
    #[must_use]
    pub fn new(
        store: Store,
        sandbox: Sandbox,
        artifacts: Artifacts,
        config: Arc<Config>,
        channels: Arc<Channels>,
    ) -> Self {
        Self {
            store,
            sandbox,
            artifacts,
            config: ArcSwap::new(config),
            channels,
            reload: tokio::sync::Mutex::default(),
        }
    }

    /// A reader of the views.
    #[must_use]
    pub fn view(&self) -> jackfield_store::View {
        self.store.read()
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// From here on this is the configuration.
    pub(super) fn configure(&self, config: Arc<Config>) {
        self.config.store(config);
    }

    pub(super) fn channels(&self) -> &Arc<Channels> {
        &self.channels
    }

    /// Brings a component to serve as a new generation of a connector.
    ///
    /// # Errors
    /// When it could not be kept. What is wrong with the component itself is no error but the answer.
    pub async fn install(
        &self,
        name: &str,
        component: Vec<u8>,
        origin: &str,
        actor: Actor,
    ) -> Result<Installed, Trouble> {
        let slot = self.channels.slot_for(name);
        let _change = slot.change.lock().await;
        let signature = signature::examine(&component, &self.config().trust);
        let (component, digest) = self.keep(component).await?;
        let source = source(&component, digest);
        let (connector, origin) = (name.to_owned(), origin.to_owned());
        let staged = Fact::GenerationStaged { connector, source, signature: signature.clone(), origin };
        let generation = match self.store.append(actor.clone(), staged).await?.outcome {
            Outcome::Staged { generation } => generation,
            other => return Err(Trouble::Conflict(format!("the store answered with {other:?}"))),
        };
        let step = Step { lifecycle: self, slot: &slot, generation, actor };
        if let Some(why) = signature::refusal(&signature, &self.config().trust) {
            return step.refuse(vec![about_itself("signature", why)]).await;
        }
        step.reach(Stage::Verified).await?;
        match self.sandbox.load(component).await {
            Ok(connector) => step.loaded(connector).await,
            Err(error) => step.refuse(vec![about_itself("component", error.to_string())]).await,
        }
    }

    /// Has a generation that is kept serve: one that waits for approval, or one that served before.
    ///
    /// # Errors
    /// When there is no such generation, or its component cannot be read.
    pub async fn activate(&self, name: &str, generation: u32, actor: Actor) -> Result<Installed, Trouble> {
        self.bring_to_serve(name, generation, Consent::AsBefore, actor).await
    }

    /// The same, for an operator who has seen all that the generation asks for and lets it have that.
    ///
    /// # Errors
    /// As [`Self::activate`].
    pub async fn approve(&self, name: &str, generation: u32, actor: Actor) -> Result<Installed, Trouble> {
        self.bring_to_serve(name, generation, Consent::Given, actor).await
    }

    async fn bring_to_serve(
        &self,
        name: &str,
        generation: u32,
        consent: Consent,
        actor: Actor,
    ) -> Result<Installed, Trouble> {
        let slot = self.channels.slot(name).ok_or_else(|| Trouble::NoConnector(name.to_owned()))?;
        let _change = slot.change.lock().await;
        let versions = self.versions(name)?;
        let unknown = || Trouble::NoGeneration { connector: name.to_owned(), generation };
        let row = versions.get(generation).ok_or_else(unknown)?;
        if versions.active == Some(generation) {
            return Ok(Installed { generation, stage: Stage::Active, obstacles: Vec::new() });
        }
        // What served was approved, whether that was written down then or not.
        let has_served = matches!(row.stage, Stage::Draining | Stage::Retired | Stage::RolledBack);
        let consent = if has_served { Consent::Given } else { consent };
        let step = Step { lifecycle: self, slot: &slot, generation, actor };
        let component = self.read(&row.source.digest).await?;
        if let Some(why) = self.distrusts(&component) {
            return step.refuse(vec![about_itself("signature", why)]).await;
        }
        match self.sandbox.load(component).await {
            Ok(connector) => step.approve(connector, consent).await,
            Err(error) => step.refuse(vec![about_itself("component", error.to_string())]).await,
        }
    }

    /// Brings the generation that stands by back. `failed` is the one it is to take the place of, if only that may go.
    ///
    /// # Errors
    /// When none stands by.
    pub async fn roll_back(&self, name: &str, failed: Option<u32>, why: &str, actor: Actor) -> Result<u32, Trouble> {
        let slot = self.channels.slot(name).ok_or_else(|| Trouble::NoConnector(name.to_owned()))?;
        let _change = slot.change.lock().await;
        let active = slot.active().ok_or_else(|| Trouble::Conflict(format!("nothing of {name} serves")))?;
        if failed.is_some_and(|failed| failed != active.number) {
            return Ok(active.number);
        }
        let before = slot.standby().ok_or_else(|| {
            Trouble::Conflict(format!("no earlier generation of {name} stands by; activate one by its number"))
        })?;
        let problem = Problem { message: why.to_owned(), code: Some(String::from("rolled_back")) };
        let gone = moved(name, active.number, Stage::RolledBack, Some(problem), Vec::new());
        self.publish(&slot, Arc::clone(&before), None, vec![gone], actor).await?;
        tracing::warn!(connector = name, from = active.number, to = before.number, "rolled back: {why}");
        Ok(before.number)
    }

    /// Takes a connector out that no channel uses.
    ///
    /// # Errors
    /// When a channel uses it.
    pub async fn remove(&self, name: &str, actor: Actor) -> Result<(), Trouble> {
        let slot = self.channels.slot(name).ok_or_else(|| Trouble::NoConnector(name.to_owned()))?;
        let _change = slot.change.lock().await;
        let users: Vec<String> = self.channels.of(&slot).iter().map(|channel| channel.id.to_string()).collect();
        if !users.is_empty() || self.config().connectors.contains_key(name) {
            let who = if users.is_empty() { String::from("the configuration") } else { users.join(", ") };
            return Err(Trouble::Conflict(format!("{name} is used by {who}; take it out of the configuration first")));
        }
        self.store.append(actor, Fact::ConnectorRemoved { connector: name.to_owned() }).await?;
        self.channels.drop_slot(name);
        Ok(())
    }

    /// Changes what a channel may do, and has the loaded generations know.
    ///
    /// # Errors
    /// When the change cannot be stored.
    pub async fn change_grants(
        &self,
        channel: &ChannelRuntime,
        changes: GrantChanges,
        actor: Actor,
    ) -> Result<(), Trouble> {
        let _change = channel.slot.change.lock().await;
        let fact = Fact::GrantsChanged { channel: channel.id.clone(), changes: changes.clone() };
        self.store.append(actor, fact).await?;
        for generation in channel.slot.loaded() {
            match self.join(channel, &generation.connector, &changes, false) {
                Ok(line) => generation.join(&channel.id, line),
                Err(obstacles) => {
                    for problem in obstacles.all() {
                        tracing::error!(channel = %channel.id, generation = generation.number, "{}", problem.message);
                    }
                }
            }
        }
        Ok(())
    }

    /// Rolls back whatever fails too often, until nobody can tell of it any more.
    pub async fn guard(&self, mut alarms: tokio::sync::mpsc::UnboundedReceiver<Alarm>) {
        while let Some(alarm) = alarms.recv().await {
            let why = format!("It failed where the generation before it does not. Last: {}", alarm.why);
            if let Err(error) = self.roll_back(&alarm.connector, Some(alarm.generation), &why, Actor::Host).await {
                tracing::error!(connector = alarm.connector, "a generation that fails cannot be rolled back: {error}");
            }
        }
    }

    /// A generation that is kept, loaded for one channel only, to handle something again.
    ///
    /// # Errors
    /// When there is no such generation, or it does not fit the channel.
    pub(crate) async fn borrow(
        &self,
        channel: &ChannelRuntime,
        number: u32,
    ) -> Result<(Arc<Generation>, Arc<Line>), Trouble> {
        if let Some(generation) = channel.slot.loaded().find(|generation| generation.number == number)
            && let Some(line) = generation.line(&channel.id)
        {
            return Ok((generation, line));
        }
        let name = &channel.slot.name;
        let unknown = || Trouble::NoGeneration { connector: name.clone(), generation: number };
        let versions = self.versions(name)?;
        let row = versions.get(number).ok_or_else(unknown)?;
        let component = self.read(&row.source.digest).await?;
        if let Some(why) = self.distrusts(&component) {
            return Err(Trouble::Conflict(why));
        }
        let connector = self.sandbox.load(component).await.map_err(|e| Trouble::Conflict(e.to_string()))?;
        let changes = operations::grant_changes(&self.store.read(), &channel.id)?;
        let line = self.join(channel, &connector, &changes, true).map_err(|obstacles| {
            let told: Vec<String> = obstacles.all().map(|problem| problem.message).collect();
            Trouble::Conflict(told.join(" "))
        })?;
        Ok((Arc::new(Generation::new(number, connector, Lines::new())), Arc::new(line)))
    }

    /// Why a component that is kept is not let in any more: whom the operator trusts may have changed since it was brought.
    pub(super) fn distrusts(&self, component: &[u8]) -> Option<String> {
        let trust = &self.config().trust;
        signature::refusal(&signature::examine(component, trust), trust)
    }

    pub(super) fn versions(&self, name: &str) -> Result<Versions, Trouble> {
        let versions = operations::connector(&self.store.read(), name)?;
        versions.ok_or_else(|| Trouble::NoConnector(name.to_owned()))
    }

    pub(super) async fn keep(&self, component: Vec<u8>) -> Result<(Arc<[u8]>, String), Trouble> {
        let component: Arc<[u8]> = component.into();
        let (artifacts, bytes) = (self.artifacts.clone(), Arc::clone(&component));
        let kept = tokio::task::spawn_blocking(move || artifacts.keep(&bytes)).await;
        let digest = kept.map_err(std::io::Error::other)??;
        Ok((component, digest))
    }

    pub(super) async fn read(&self, digest: &str) -> Result<Vec<u8>, Trouble> {
        let (artifacts, digest) = (self.artifacts.clone(), digest.to_owned());
        let read = tokio::task::spawn_blocking(move || artifacts.read(&digest)).await;
        Ok(read.map_err(std::io::Error::other)??)
    }

    pub(super) fn join(
        &self,
        channel: &ChannelRuntime,
        connector: &Arc<Connector>,
        changes: &GrantChanges,
        strict: bool,
    ) -> Result<Line, Obstacles> {
        let state = self.store.of(&channel.id);
        let side = Side { config: &self.config(), id: &channel.id, channel: &channel.config, changes, state };
        join(connector, &side, strict)
    }

    /// Writes down that a generation serves, together with what goes before it, and then has it serve.
    pub(super) async fn publish(
        &self,
        slot: &Arc<Slot>,
        generation: Arc<Generation>,
        standby: Option<Arc<Generation>>,
        before: Vec<Fact>,
        actor: Actor,
    ) -> Result<(), Trouble> {
        let mut facts = before;
        facts.push(moved(&slot.name, generation.number, Stage::Active, None, Vec::new()));
        let (source, rules) = (generation.source(), generation.rules());
        for channel in self.channels.of(slot) {
            let row = operations::channel(&self.store.read(), &channel.id)?;
            if row.is_none_or(|row| row.source != source || row.rules != rules) {
                let (channel, source, rules) = (channel.id.clone(), source.clone(), rules.clone());
                facts.push(Fact::ChannelSet { channel, source, rules });
            }
        }
        self.store.append_all(facts.into_iter().map(|fact| (actor.clone(), fact)).collect()).await?;
        let old = slot.active();
        slot.publish(generation, standby);
        if let Some(old) = old {
            self.retire_when_idle(Arc::clone(slot), old);
        }
        Ok(())
    }

    /// Writes down that a generation has ended its last call.
    fn retire_when_idle(&self, slot: Arc<Slot>, generation: Arc<Generation>) {
        let store = self.store.clone();
        tokio::spawn(async move {
            generation.idle().await;
            let _change = slot.change.lock().await;
            let stage = operations::connector(&store.read(), &slot.name)
                .ok()
                .flatten()
                .and_then(|versions| versions.get(generation.number).map(|row| row.stage));
            // It may serve again by now, or have been rolled back, which says more.
            if stage == Some(Stage::Draining) {
                let fact = moved(&slot.name, generation.number, Stage::Retired, None, Vec::new());
                if let Err(error) = store.append(Actor::Host, fact).await {
                    tracing::debug!(connector = slot.name, "the end of a generation is not recorded: {error}");
                }
            }
        });
    }
}

impl Obstacle {
    pub(super) fn told(&self) -> String {
        match &self.channel {
            Some(channel) => format!("{channel}: {}", self.problem.message),
            None => self.problem.message.clone(),
        }
    }
}

impl From<&Missing> for Obstacle {
    fn from(missing: &Missing) -> Self {
        let problem = Problem { message: missing.message.clone(), code: Some(missing.code.clone()) };
        Self { channel: Some(missing.channel.clone()), problem }
    }
}

pub(super) fn moved(name: &str, generation: u32, to: Stage, problem: Option<Problem>, missing: Vec<Missing>) -> Fact {
    let (connector, approved, differences) = (name.to_owned(), None, Vec::new());
    Fact::GenerationMoved { connector, generation, to, problem, missing, approved, differences }
}

/// How facts name a component, as far as it says so itself.
fn source(component: &[u8], digest: String) -> Source {
    let (connector, version) = match Manifest::from_component(component) {
        Ok(manifest) => (manifest.id, manifest.version),
        Err(_) => (String::new(), String::new()),
    };
    Source { connector, version, digest }
}

/// The row of a generation, for who is told of it.
///
/// # Errors
/// When it is not there.
pub fn row(store: &Store, name: &str, number: u32) -> Result<generation::Generation, Trouble> {
    let versions = operations::connector(&store.read(), name)?.ok_or_else(|| Trouble::NoConnector(name.to_owned()))?;
    let row = versions.get(number).cloned();
    row.ok_or_else(|| Trouble::NoGeneration { connector: name.to_owned(), generation: number })
}
