//! What every part of the running host shares, and how facts are appended.

use std::net::SocketAddr;
use std::sync::Arc;

use jackfield_core::fact::{Actor, Fact};
use jackfield_core::ids::Millis;
use jackfield_store::{AppendError, Committed, Store, View};
use tokio::sync::Semaphore;

use crate::attachments::locks::KeyedLocks;
use crate::channels::Channels;
use crate::clock;
use crate::config::Config;
use crate::connectors::lifecycle::Lifecycle;
use crate::jobs::panics::Panics;
use crate::metrics::Metrics;
use crate::reactor::handle::ReactorHandle;
use crate::shutdown::Stop;

/// The running host. Shared as `Arc<Host>`.
pub struct Host {
    /// The journal, the views and the files.
    pub store: Store,
    /// The channels and connectors that are loaded.
    pub channels: Arc<Channels>,
    /// The life of connectors.
    pub lifecycle: Arc<Lifecycle>,
    /// The configuration it was started with.
    pub config: Arc<Config>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Since when it runs.
    pub started_at: Millis,
    /// What providers and clients call, without a slash at the end.
    pub public_url: String,
    /// Whether it is stopping. Streams end when it says so.
    pub stop: Stop,
    /// Held while a file is fetched.
    pub fetching: KeyedLocks,
    /// Carries out what follows from facts.
    pub reactor: ReactorHandle,
    /// The workers that have panicked.
    pub panics: Panics,
    /// KiB of webhook bodies that may be in memory at once.
    pub(crate) bodies: Semaphore,
}

/// MiB of webhook bodies that may be in memory at once.
const BODIES_MIB: usize = 128;

impl Host {
    /// Puts the parts together. Nothing runs yet; see [`crate::serve`].
    #[must_use]
    pub fn new(
        store: Store,
        channels: Arc<Channels>,
        lifecycle: Arc<Lifecycle>,
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        bound: SocketAddr,
        reactor: ReactorHandle,
    ) -> Self {
        Self {
            public_url: config.server.public_url(bound),
            store,
            fetching: KeyedLocks::default(),
            channels,
            lifecycle,
            config,
            metrics,
            started_at: clock::now(),
            stop: Stop::default(),
            reactor,
            panics: Panics::default(),
            bodies: Semaphore::new(BODIES_MIB << 10),
        }
    }

    /// Appends a fact; returns when it is on stable storage, applied and visible. What follows from it is carried out by the reactor,
    /// whether the caller waits for this or not.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, actor: Actor, fact: Fact) -> Result<Committed, AppendError> {
        self.store.append(actor, fact).await
    }

    /// [`Host::append`], and waits until the reactor has carried out what follows.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn command(&self, actor: Actor, fact: Fact) -> Result<Committed, AppendError> {
        let committed = self.store.append(actor, fact).await?;
        self.reactor.reached(committed.seq).await;
        Ok(committed)
    }

    /// Appends facts together, all or none; otherwise as [`Host::append`].
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append_together(&self, facts: Vec<(Actor, Fact)>) -> Result<Vec<Committed>, AppendError> {
        self.store.append_all(facts).await
    }

    /// A reader of the views as they are, and as they become.
    #[must_use]
    pub fn view(&self) -> View {
        self.store.read()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}
