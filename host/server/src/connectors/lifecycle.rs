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
use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::generation::{self, Stage, Versions};
use jackfield_core::ids::{ChannelId, Seq};
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_sandbox::{Connector, Origin, Sandbox};
use jackfield_store::{Committed, Store};
use tokio::sync::RwLockReadGuard;

use super::artifacts::{Artifacts, needed};
use super::error::{LifecycleError, moved};
use super::generation::Generation;
use super::issued::Issued;
use super::prepared::Prepared;
use super::slot::Slot;
use crate::channels::{ChannelRuntime, Channels};
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
    /// Every binding that is used somewhere.
    issued: Issued,
    /// Held for reading while a component is kept that no fact names yet, and for writing while those are removed that none needs.
    kept: tokio::sync::RwLock<()>,
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
            issued: Issued::default(),
            kept: tokio::sync::RwLock::default(),
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

    pub(super) fn issued(&self) -> &Issued {
        &self.issued
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
        let _pointer = slot.pointer.lock().await;
        let users: Vec<String> = self.channels.of(name).iter().map(|channel| channel.id.to_string()).collect();
        if !users.is_empty() || self.config().connectors.contains_key(name) {
            let who = if users.is_empty() { String::from("the configuration") } else { users.join(", ") };
            return Err(LifecycleError::Conflict(format!(
                "{name} is used by {who}; take it out of the configuration first"
            )));
        }
        let removed = self.append(actor, Fact::ConnectorRemoved { connector: name.to_owned() }).await?;
        self.reactor.reached(removed.seq).await;
        self.remove_unused().await;
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

    /// Appends a fact that has to be taken.
    pub(super) async fn append(&self, actor: Actor, fact: Fact) -> Result<Committed, LifecycleError> {
        let committed = self.store.append(actor, fact).await?;
        accepted(std::slice::from_ref(&committed))?;
        Ok(committed)
    }

    /// Appends facts together, and waits until the reactor has acted on them.
    pub(super) async fn append_and_follow(&self, facts: Vec<Fact>, actor: Actor) -> Result<(), LifecycleError> {
        let facts = facts.into_iter().map(|fact| (actor.clone(), fact)).collect();
        let committed = self.store.append_all(facts).await?;
        accepted(&committed)?;
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

    pub(super) fn versions(&self, name: &str) -> Result<Versions, LifecycleError> {
        let versions = operations::connector(&self.store.read(), name)?;
        versions.ok_or_else(|| LifecycleError::NoConnector(name.to_owned()))
    }

    /// Keeps a component. It stays as long as the guard is held, and after that if a fact names it.
    pub(super) async fn keep(&self, component: &Arc<[u8]>) -> Result<RwLockReadGuard<'_, ()>, LifecycleError> {
        let guard = self.kept.read().await;
        let (artifacts, bytes) = (self.artifacts.clone(), Arc::clone(component));
        let kept = tokio::task::spawn_blocking(move || artifacts.keep(&bytes)).await;
        kept.map_err(std::io::Error::other)??;
        Ok(guard)
    }

    /// Removes the components that no generation needs any more.
    pub(crate) async fn remove_unused(&self) {
        let _kept = self.kept.write().await;
        let (artifacts, view, config) = (self.artifacts.clone(), self.view(), self.config());
        let removed = tokio::task::spawn_blocking(move || {
            let needed = needed(&view, &config).map_err(std::io::Error::other)?;
            artifacts.keep_only(&needed)
        });
        match removed.await.map_err(std::io::Error::other) {
            Ok(Ok(())) => {}
            Ok(Err(error)) | Err(error) => tracing::warn!("components that nothing needs cannot be removed: {error}"),
        }
    }

    pub(super) async fn read(&self, digest: &str) -> Result<Vec<u8>, LifecycleError> {
        let (artifacts, digest) = (self.artifacts.clone(), digest.to_owned());
        let read = tokio::task::spawn_blocking(move || artifacts.read(&digest)).await;
        Ok(read.map_err(std::io::Error::other)??)
    }

    /// Has a generation serve: the fact, and then the reactor. It does not if it is not bound to every channel of the connector as that is
    /// now: channels have come, or something was granted or taken back, since it was looked at.
    pub(super) async fn publish(
        &self,
        slot: &Arc<Slot>,
        generation: Arc<Generation>,
        actor: Actor,
    ) -> Result<Published, LifecycleError> {
        let number = generation.number;
        self.prepared.insert(&slot.name, Arc::clone(&generation));
        let published = self.publish_prepared(slot, &generation, actor).await;
        match published {
            Ok(Some(seq)) => {
                self.reactor.reached(seq).await;
                Ok(Published::Serves)
            }
            Ok(None) => {
                self.prepared.remove(&slot.name, number);
                Ok(Published::LookAgain)
            }
            Err(error) => {
                // If it is stored all the same, the reactor loads it again.
                self.prepared.remove(&slot.name, number);
                Err(error)
            }
        }
    }

    async fn publish_prepared(
        &self,
        slot: &Slot,
        generation: &Generation,
        actor: Actor,
    ) -> Result<Option<Seq>, LifecycleError> {
        let _pointer = slot.pointer.lock().await;
        if self.versions(&slot.name)?.active == Some(generation.number) {
            // A rollback was faster.
            return Ok(Some(Seq(0)));
        }
        if !self.is_bound_to_all(slot, generation)? {
            return Ok(None);
        }
        self.append_active(slot, generation, Vec::new(), actor).await.map(Some)
    }

    /// Appends that a generation serves, with what goes before it; the number of the last fact. The caller holds `pointer`.
    pub(super) async fn append_active(
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
        accepted(&committed)?;
        Ok(committed.last().map(|committed| committed.seq).unwrap_or_default())
    }

    /// The facts that say which code speaks for the channels of a connector, where the tables say something else.
    fn unannounced(&self, connector: &str, generation: &Generation) -> Result<Vec<Fact>, ReadError> {
        let channels = self.channels.of(connector);
        let facts = channels.iter().map(|channel| self.channel_set(&channel.id, connector, &generation.connector));
        facts.filter_map(Result::transpose).collect()
    }

    /// The fact that says which code speaks for a channel; none where the tables say so already.
    ///
    /// A channel keeps its scope as long as the same connector serves it, whatever the operator calls that connector: in another scope its
    /// people would be strangers.
    pub(super) fn channel_set(
        &self,
        channel: &ChannelId,
        name: &str,
        connector: &Connector,
    ) -> Result<Option<Fact>, ReadError> {
        let (source, rules) = (connector.source(), connector.manifest().channel_rules(connector.interfaces().send));
        let scope = match operations::channel(&self.store.read(), channel)? {
            Some(row) if row.source == source && row.rules == rules => return Ok(None),
            Some(row) if row.source.connector == source.connector => row.scope().to_owned(),
            _ => name.to_owned(),
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

/// What became of a generation that was ready to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// It serves.
    Serves,
    /// Something it was looked at with has changed.
    LookAgain,
}

/// Whether all that was appended was taken.
fn accepted(committed: &[Committed]) -> Result<(), LifecycleError> {
    committed.iter().try_for_each(|one| match &one.outcome {
        Outcome::Refused(refusal) => Err(LifecycleError::Refused(refusal.clone())),
        Outcome::Skipped { .. } => Err(LifecycleError::Skipped(one.seq)),
        _ => Ok(()),
    })
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
