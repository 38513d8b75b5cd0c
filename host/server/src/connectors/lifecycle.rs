//! How a version comes to serve, and how it goes. Every step is a fact before it counts.
//!
//! staged → verified → compiled → checked → approved → probing → active → draining → retired. One that asks for more than is granted
//! waits as `pending-approval`; one that fails on the way is `refused`; one that fails while it serves is `rolled-back`. Until a version
//! is active the one before serves, and after that it stands by.
//!
//! Nothing here changes what serves: a fact says which generation does, and the reactor makes it so. A generation that was made ready is
//! kept here until the fact is applied ([`Prepared`]).

use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::generation::{self, GrantChanges, Stage, Versions};
use jackfield_core::ids::{ChannelId, Seq};
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_sandbox::{Connector, Origin, Sandbox};
use jackfield_store::{Committed, Store};

use super::artifacts::Artifacts;
use super::binding::{BindInputs, BindRejection, bind};
use super::error::{LifecycleError, moved};
use super::generation::{Binding, Bindings, BoundChannel, Generation};
use super::prepared::Prepared;
use super::slot::Slot;
use super::{grants, signature};
use crate::channels::{ChannelRuntime, Channels, state};
use crate::config::Config;
use crate::reactor::handle::ReactorHandle;

/// Brings versions to serve, and takes them away again.
pub struct Lifecycle {
    store: Store,
    sandbox: Sandbox,
    artifacts: Artifacts,
    config: ArcSwap<Config>,
    channels: Arc<Channels>,
    reactor: ReactorHandle,
    /// Generations that are ready, and of which no applied fact says yet that they serve.
    pub(crate) prepared: Prepared,
    /// Held by whoever reads the configuration again.
    pub(super) reload: tokio::sync::Mutex<()>,
}

impl Lifecycle {
    /// Over a store, with the channels that are switched on. `reactor` carries out what the facts say.
    #[must_use]
    pub fn new(
        store: Store,
        sandbox: Sandbox,
        artifacts: Artifacts,
        config: Arc<Config>,
        channels: Arc<Channels>,
        reactor: ReactorHandle,
    ) -> Self {
        Self {
            store,
            sandbox,
            artifacts,
            config: ArcSwap::new(config),
            channels,
            reactor,
            prepared: Prepared::default(),
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

    pub(super) fn reactor(&self) -> &ReactorHandle {
        &self.reactor
    }

    /// Brings the generation that stands by back. `failed` is the one it is to take the place of, if only that may go. Waits for no
    /// installation.
    ///
    /// # Errors
    /// When none stands by.
    pub async fn roll_back(
        &self,
        name: &str,
        failed: Option<u32>,
        why: &str,
        actor: Actor,
    ) -> Result<u32, LifecycleError> {
        let slot = self.channels.slot(name).ok_or_else(|| LifecycleError::NoConnector(name.to_owned()))?;
        let pointer = slot.pointer.lock().await;
        let versions = self.versions(name)?;
        let active = versions.active.ok_or_else(|| LifecycleError::Conflict(format!("nothing of {name} serves")))?;
        if failed.is_some_and(|failed| failed != active) {
            return Ok(active);
        }
        let before = versions.standby.and_then(|number| slot.loaded().find(|generation| generation.number == number));
        let before = before.ok_or_else(|| {
            LifecycleError::Conflict(format!("no earlier generation of {name} stands by; activate one by its number"))
        })?;
        let problem = Problem { message: why.to_owned(), code: Some(String::from("rolled_back")) };
        let gone = moved(name, active, Stage::RolledBack, Some(problem), Vec::new());
        let seq = self.append_active(&slot, &before, vec![gone], actor).await?;
        drop(pointer);
        self.reactor.reached(seq).await;
        tracing::warn!(connector = name, from = active, to = before.number, "rolled back: {why}");
        Ok(before.number)
    }

    /// Whether a generation still serves and another one stands by.
    pub(super) fn can_roll_back(&self, name: &str, generation: u32) -> bool {
        self.channels.slot(name).is_some_and(|slot| {
            slot.active().is_some_and(|active| active.number == generation) && slot.standby().is_some()
        })
    }

    /// Takes a connector out that no channel uses.
    ///
    /// # Errors
    /// When a channel uses it.
    pub async fn remove(&self, name: &str, actor: Actor) -> Result<(), LifecycleError> {
        // A configuration that is read at the same time may bring a channel that uses it.
        let _reload = self.reload.lock().await;
        let slot = self.channels.slot(name).ok_or_else(|| LifecycleError::NoConnector(name.to_owned()))?;
        let _install = slot.install.lock().await;
        let users: Vec<String> = self.channels.of(name).iter().map(|channel| channel.id.to_string()).collect();
        if !users.is_empty() || self.config().connectors.contains_key(name) {
            let who = if users.is_empty() { String::from("the configuration") } else { users.join(", ") };
            return Err(LifecycleError::Conflict(format!(
                "{name} is used by {who}; take it out of the configuration first"
            )));
        }
        let removed = self.store.append(actor, Fact::ConnectorRemoved { connector: name.to_owned() }).await?;
        self.reactor.reached(removed.seq).await;
        Ok(())
    }

    /// Allows a channel more.
    ///
    /// # Errors
    /// When the change cannot be stored, or no generation can serve the channel with it.
    pub async fn grant(
        &self,
        channel: &ChannelRuntime,
        http: &[Origin],
        private_addresses: &[Origin],
        public_webhook: Option<bool>,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let text = |origins: &[Origin]| origins.iter().map(ToString::to_string).collect::<Vec<_>>();
        let channel_id = channel.id.clone();
        let mut facts = Vec::new();
        if !(http.is_empty() && private_addresses.is_empty()) {
            let (http, private) = (text(http), text(private_addresses));
            facts.push(Fact::OriginsGranted { channel: channel_id.clone(), http, private });
        }
        if let Some(allowed) = public_webhook {
            facts.push(Fact::PublicWebhookSet { channel: channel_id, allowed: Some(allowed) });
        }
        self.append_and_follow(facts, actor).await?;
        self.expect_served(channel)
    }

    /// Takes grants of a channel back. Calls that run with them end.
    ///
    /// # Errors
    /// When the change cannot be stored, or no generation can serve the channel with what is left: then none does, and the error says why.
    pub async fn revoke(
        &self,
        channel: &ChannelRuntime,
        origins: &[Origin],
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let origins = origins.iter().map(ToString::to_string).collect();
        let revoked = Fact::OriginsRevoked { channel: channel.id.clone(), origins };
        self.append_and_follow(vec![revoked], actor).await?;
        self.expect_served(channel)
    }

    /// Appends facts together, and waits until the reactor has acted on them.
    pub(super) async fn append_and_follow(&self, facts: Vec<Fact>, actor: Actor) -> Result<(), LifecycleError> {
        let facts = facts.into_iter().map(|fact| (actor.clone(), fact)).collect();
        let committed = self.store.append_all(facts).await?;
        for one in &committed {
            if let Outcome::Refused(refusal) = &one.outcome {
                return Err(LifecycleError::Conflict(refusal.message.clone()));
            }
        }
        if let Some(Committed { seq, .. }) = committed.last() {
            self.reactor.reached(*seq).await;
        }
        Ok(())
    }

    /// Says so when a change of grants has left a channel that no generation can serve.
    fn expect_served(&self, channel: &ChannelRuntime) -> Result<(), LifecycleError> {
        let served = self.channels.get(&channel.id);
        match served.and_then(|channel| channel.why_not_serving()) {
            None => Ok(()),
            Some(why) => Err(LifecycleError::Conflict(format!(
                "the change is stored, and the channel {} is not served until this is mended: {why}",
                channel.id
            ))),
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
    ) -> Result<(Arc<Generation>, Arc<BoundChannel>), LifecycleError> {
        if let Some(generation) = channel.slot.loaded().find(|generation| generation.number == number)
            && let Some(bound) = generation.bound(&channel.id)
        {
            return Ok((generation, bound));
        }
        let name = &channel.slot.name;
        let unknown = || LifecycleError::NoGeneration { connector: name.clone(), generation: number };
        let versions = self.versions(name)?;
        let row = versions.get(number).ok_or_else(unknown)?;
        let component = self.read(&row.source.digest).await?;
        if let Some(why) = self.distrusts(&component) {
            return Err(LifecycleError::Conflict(why));
        }
        let connector = self.sandbox.load(component).await.map_err(|e| LifecycleError::Conflict(e.to_string()))?;
        let changes = operations::grant_changes(&self.store.read(), &channel.id)?;
        let bound = self.bind(channel, &connector, &changes, true).map_err(|rejection| {
            let messages: Vec<String> = rejection.all().map(|problem| problem.message).collect();
            LifecycleError::Conflict(messages.join(" "))
        })?;
        Ok((Arc::new(Generation::new(number, connector, Bindings::new())), Arc::new(bound)))
    }

    /// Why a component that is kept is not let in any more: whom the operator trusts may have changed since it was installed.
    pub(super) fn distrusts(&self, component: &[u8]) -> Option<String> {
        let trust = &self.config().trust;
        signature::refusal(&signature::examine(component, trust), trust)
    }

    pub(super) fn versions(&self, name: &str) -> Result<Versions, LifecycleError> {
        let versions = operations::connector(&self.store.read(), name)?;
        versions.ok_or_else(|| LifecycleError::NoConnector(name.to_owned()))
    }

    pub(super) async fn keep(&self, component: Vec<u8>) -> Result<(Arc<[u8]>, String), LifecycleError> {
        let component: Arc<[u8]> = component.into();
        let (artifacts, bytes) = (self.artifacts.clone(), Arc::clone(&component));
        let kept = tokio::task::spawn_blocking(move || artifacts.keep(&bytes)).await;
        let digest = kept.map_err(std::io::Error::other)??;
        Ok((component, digest))
    }

    pub(super) async fn read(&self, digest: &str) -> Result<Vec<u8>, LifecycleError> {
        let (artifacts, digest) = (self.artifacts.clone(), digest.to_owned());
        let read = tokio::task::spawn_blocking(move || artifacts.read(&digest)).await;
        Ok(read.map_err(std::io::Error::other)??)
    }

    pub(super) fn bind(
        &self,
        channel: &ChannelRuntime,
        connector: &Arc<Connector>,
        changes: &GrantChanges,
        strict: bool,
    ) -> Result<BoundChannel, BindRejection> {
        let state = state::of(&self.store, &channel.id);
        let inputs = BindInputs { config: &self.config(), id: &channel.id, channel: &channel.config, changes, state };
        bind(connector, &inputs, strict)
    }

    /// Binds a generation to a channel as configuration and grants are now, unless it is bound so. What cannot be bound is not served:
    /// a revocation must not leave the old grants in place. `active` refuses what asks for more than is granted, unless that was taken
    /// back on purpose. Called by the reactor.
    pub(crate) fn rebind(&self, generation: &Generation, channel: &ChannelRuntime, active: bool) {
        let binding = match operations::grant_changes(&self.store.read(), &channel.id) {
            Ok(changes) => {
                let grants = grants::effective(&channel.config.grants, &changes);
                if generation.is_bound_as(&channel.id, &channel.config, &grants) {
                    return;
                }
                let strict = active && changes.revoked.is_empty();
                let bound = self.bind(channel, &generation.connector, &changes, strict);
                bound.map(Arc::new).map_err(|rejection| rejection.all().collect::<Vec<_>>())
            }
            Err(error) => Err(vec![Problem { message: format!("its grants cannot be read: {error}"), code: None }]),
        };
        let binding: Binding = binding.map_err(|problems| {
            let known = generation.refusal(&channel.id);
            for problem in problems.iter().filter(|problem| known.as_ref().is_none_or(|known| !known.contains(problem))) {
                let (connector, number) = (&channel.slot.name, generation.number);
                tracing::error!(channel = %channel.id, connector, generation = number, "not served: {}", problem.message);
            }
            problems.into()
        });
        generation.bind(&channel.id, binding);
    }

    /// Has a generation serve: the fact, and then the reactor.
    pub(super) async fn publish(
        &self,
        slot: &Arc<Slot>,
        generation: Arc<Generation>,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let number = generation.number;
        self.prepared.insert(&slot.name, Arc::clone(&generation));
        let appended = {
            let _pointer = slot.pointer.lock().await;
            self.append_active(slot, &generation, Vec::new(), actor).await
        };
        match appended {
            Ok(seq) => {
                self.reactor.reached(seq).await;
                Ok(())
            }
            Err(error) => {
                // If it is stored all the same, the reactor loads it again.
                self.prepared.remove(&slot.name, number);
                Err(error)
            }
        }
    }

    /// Appends that a generation serves, with what goes before it; the number of the last fact. The caller holds `pointer`.
    async fn append_active(
        &self,
        slot: &Slot,
        generation: &Generation,
        before: Vec<Fact>,
        actor: Actor,
    ) -> Result<Seq, LifecycleError> {
        let mut facts = before;
        facts.push(moved(&slot.name, generation.number, Stage::Active, None, Vec::new()));
        facts.extend(self.unannounced(&slot.name, generation)?);
        let committed = self.store.append_all(facts.into_iter().map(|fact| (actor.clone(), fact)).collect()).await?;
        Ok(committed.last().map(|committed| committed.seq).unwrap_or_default())
    }

    /// The facts that say which code speaks for the channels of a connector, where the tables say something else.
    fn unannounced(&self, connector: &str, generation: &Generation) -> Result<Vec<Fact>, ReadError> {
        let channels = self.channels.of(connector);
        let facts = channels.iter().map(|channel| self.channel_set(&channel.id, connector, generation));
        facts.filter_map(Result::transpose).collect()
    }

    /// The fact that says which code speaks for a channel; none where the tables say so already.
    ///
    /// A channel keeps its scope as long as the same connector serves it, whatever the operator calls that connector: in
    /// another scope its people would be strangers.
    pub(super) fn channel_set(
        &self,
        channel: &ChannelId,
        connector: &str,
        generation: &Generation,
    ) -> Result<Option<Fact>, ReadError> {
        let (source, rules) = (generation.source(), generation.rules());
        let scope = match operations::channel(&self.store.read(), channel)? {
            Some(row) if row.source == source && row.rules == rules => return Ok(None),
            Some(row) if row.source.connector == source.connector => row.scope().to_owned(),
            _ => connector.to_owned(),
        };
        Ok(Some(Fact::ChannelSet { channel: channel.clone(), source, rules, scope: Some(scope) }))
    }

    /// Has the tables say which code speaks for every channel of a connector.
    ///
    /// # Errors
    /// When the store cannot be read or appended to.
    pub(crate) async fn announce(&self, slot: &Slot) -> Result<(), LifecycleError> {
        let _pointer = slot.pointer.lock().await;
        let Some(active) = slot.active() else { return Ok(()) };
        let facts = self.unannounced(&slot.name, &active)?;
        self.store.append_all(facts.into_iter().map(|fact| (Actor::Host, fact)).collect()).await?;
        Ok(())
    }

    /// Records that a generation which gave way has ended its last call.
    pub(crate) async fn retire_when_idle(&self, slot: &Slot, generation: &Generation) {
        generation.idle().await;
        let _pointer = slot.pointer.lock().await;
        let stage = operations::connector(&self.store.read(), &slot.name)
            .ok()
            .flatten()
            .and_then(|versions| versions.get(generation.number).map(|row| row.stage));
        // It may serve again by now, or have been rolled back, which says more.
        if stage == Some(Stage::Draining) {
            let fact = moved(&slot.name, generation.number, Stage::Retired, None, Vec::new());
            if let Err(error) = self.store.append(Actor::Host, fact).await {
                tracing::debug!(connector = slot.name, "the end of a generation is not recorded: {error}");
            }
        }
    }
}

/// The row of a generation, for who is told of it.
///
/// # Errors
/// When it is not there.
pub fn row(store: &Store, name: &str, number: u32) -> Result<generation::Generation, LifecycleError> {
    let versions =
        operations::connector(&store.read(), name)?.ok_or_else(|| LifecycleError::NoConnector(name.to_owned()))?;
    let row = versions.get(number).cloned();
    row.ok_or_else(|| LifecycleError::NoGeneration { connector: name.to_owned(), generation: number })
}
