//! The running host: started, served, stopped in order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jackfield_sandbox::Compiler;
use jackfield_store::{Options, Store};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use crate::channels::Channels;
use crate::config::Config;
use crate::connectors::slot::Alarm;
use crate::connectors::{folder, rollback};
use crate::front::Front;
use crate::front::starting::Start;
use crate::hints::{self, HintsQueue};
use crate::host::Host;
use crate::housekeeping::{self, Housekeeping};
use crate::jobs::supervisor::one_for_all;
use crate::metrics::Metrics;
use crate::reactor::{self, Reactor};
use crate::shutdown::{GRACE, LAST_WORDS};
use crate::tls::{self, Certificates};
use crate::{api, attachments, outbox, poller, start};

/// Starts a host on a socket, serves until `shutdown`, and stops it in order.
///
/// # Errors
/// When it cannot start, with everything that is to be mended, or did not stop cleanly.
pub async fn run(config: Config, listener: TcpListener, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    Running::start(config, listener).await?.until(shutdown).await
}

/// A host that is started.
pub struct Running {
    host: Arc<Host>,
    address: SocketAddr,
    door: Door,
    /// What goes on besides requests.
    tasks: JoinSet<()>,
    /// Carries out what follows from facts, to the very end.
    reactor: AbortOnDrop,
}

/// A task that ends with this.
struct AbortOnDrop(JoinHandle<()>);

impl AbortOnDrop {
    /// Ends the task and waits until nothing of it is left.
    async fn end(mut self) {
        self.0.abort();
        // Whether it was cancelled or had ended by itself is all the same.
        let _ = (&mut self.0).await;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    /// Opens the store, loads the connectors, and begins to send. Meanwhile health checks are answered, and everybody else is told to come
    /// again.
    ///
    /// # Errors
    /// When it cannot start, with everything that is to be mended.
    pub async fn start(config: Config, listener: TcpListener) -> anyhow::Result<Self> {
        let options = start::store_options(&config);
        Self::start_with(config, listener, options, start::compiler()).await
    }

    /// [`Running::start`] for another program: tests slow the store's disk down, and only `jackfield` itself compiles as a child of
    /// itself.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub async fn start_with(
        config: Config,
        listener: TcpListener,
        options: Options,
        compiler: Compiler,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the socket has no address")?;
        let door = Door::open(&config, listener)?;
        tracing::info!(%address, "listening");
        let start = door.front.start.clone();
        let store = open(&config, options, start.clone()).await?;
        start.note("the connectors are loaded");
        let housekeeping = Housekeeping::default();
        match prepare(config, &store, address, compiler, housekeeping.clone()).await {
            Ok((host, queue, alarms, reactor)) => {
                let host = Arc::new(host);
                let mut tasks = JoinSet::new();
                let background = background(&host, alarms, queue, housekeeping);
                background.into_iter().for_each(|work| drop(tasks.spawn(work)));
                door.front.open(api::router(Arc::clone(&host), Arc::clone(&door.front)));
                Ok(Self { host, address, door, tasks, reactor })
            }
            Err(error) => {
                close(store).await;
                Err(error)
            }
        }
    }

    /// What everything shares.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Where it listens, as an URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.host.config.server.local_url(self.address)
    }

    /// Serves until `shutdown`, then stops in order: nothing new is accepted, what runs gets ten seconds, what is sent after that is
    /// recorded as uncertain, and the store is closed.
    ///
    /// # Errors
    /// When the stop does not count as clean. Nothing is lost then.
    pub async fn until(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self { host, door, mut tasks, reactor, .. } = self;
        shutdown.await;
        door.front.stop.begin();
        host.stop.begin();
        let front = Arc::clone(&door.front);
        let ended = async {
            let background = async { while tasks.join_next().await.is_some() {} };
            tokio::join!(front.ended(), background);
        };
        tokio::pin!(ended);
        if tokio::time::timeout(GRACE, &mut ended).await.is_err() {
            tracing::warn!("some requests or sends did not end in time and are broken off");
            host.stop.end();
            door.front.stop.end();
            if tokio::time::timeout(LAST_WORDS, &mut ended).await.is_err() {
                tracing::debug!("connections are closed while they are in use");
            }
        }
        let store = host.store.clone();
        // The router holds the host, and with it the store.
        drop((door, host));
        reactor.end().await;
        store
            .close()
            .await
            .context("the stop does not count as clean, and the next start will look closer; nothing is lost")?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The open socket, closed when this is dropped, whatever came of the start.
struct Door {
    front: Arc<Front>,
    // Aborts what it holds when it is dropped.
    _tasks: JoinSet<()>,
}

impl Door {
    fn open(config: &Config, listener: TcpListener) -> Result<Self, tls::TlsError> {
        let certificates = Certificates::load(config)?;
        let front = Front::new(config, certificates.clone());
        let mut tasks = JoinSet::new();
        if let Some(certificates) = certificates {
            tasks.spawn(certificates.watch(front.stop.clone()));
        }
        tasks.spawn(Arc::clone(&front).run(listener));
        Ok(Self { front, _tasks: tasks })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.front.stop.end();
        // The router holds the front door, too.
        self.front.close();
    }
}

async fn open(config: &Config, options: Options, start: Start) -> anyhow::Result<Store> {
    let folder = config.data();
    tracing::info!(folder = %folder.display(), "opening the store");
    let opened = tokio::task::spawn_blocking(move || {
        jackfield_store::open(&folder, &options, &mut |progress| start.progress(&progress))
    });
    let opened = opened.await?;
    let store = opened?;
    tracing::info!(facts = store.applied().0, "the store is open");
    Ok(store)
}

/// The work in the background, every kind of it supervised.
fn background(
    host: &Arc<Host>,
    alarms: Alarms,
    queue: HintsQueue,
    wanted: Housekeeping,
) -> Vec<BoxFuture<'static, ()>> {
    let alarms = Arc::new(Mutex::new(alarms));
    let rollbacks = move |host: Arc<Host>| {
        let alarms = Arc::clone(&alarms);
        async move { rollback::run(Arc::clone(&host.lifecycle), &mut *alarms.lock().await, host.stop.clone()).await }
    };
    let mut all = vec![
        one_for_all(Arc::clone(host), "rollback", rollbacks).boxed(),
        one_for_all(Arc::clone(host), "hints", move |host| hints::run(host, queue.clone())).boxed(),
        one_for_all(Arc::clone(host), "housekeeping", move |host| housekeeping::run(host, wanted.clone())).boxed(),
        outbox::run(Arc::clone(host)).boxed(),
        poller::run(Arc::clone(host)).boxed(),
        attachments::run(Arc::clone(host)).boxed(),
    ];
    if let Some(folder) = &host.config.watch.folder {
        let folder = host.config.resolve(folder);
        let watch =
            move |host: Arc<Host>| folder::watch(folder.clone(), Arc::clone(&host.lifecycle), host.stop.clone());
        all.push(one_for_all(Arc::clone(host), "folder", watch).boxed());
    }
    all
}

/// What is to be rolled back.
type Alarms = mpsc::UnboundedReceiver<Alarm>;

async fn prepare(
    config: Config,
    store: &Store,
    address: SocketAddr,
    compiler: Compiler,
    housekeeping: Housekeeping,
) -> anyhow::Result<(Host, HintsQueue, Alarms, AbortOnDrop)> {
    let metrics = Arc::new(Metrics::default());
    let config = Arc::new(config);
    let (alarm, alarms) = mpsc::unbounded_channel();
    let channels = Arc::new(Channels::new(alarm));
    // Before anything is read, so that no fact is missed.
    let effects = store.effects();
    let (handle, orders) = reactor::handle::handle();
    let lifecycle = Arc::new(start::lifecycle(&config, store, &channels, &handle, compiler)?);
    let queue = HintsQueue::default();
    let (way, life, all) = ((handle.clone(), orders), Arc::clone(&lifecycle), Arc::clone(&channels));
    let reactor = Reactor::new(store.clone(), effects, life, all, (queue.clone(), housekeeping), way);
    let running = AbortOnDrop(tokio::spawn(reactor.run()));
    let prepared = async {
        let public_url = config.server.public_url(address);
        start::load(&config, &lifecycle, &channels, &handle, &metrics, &public_url).await?;
        Ok(outbox::settle(store).await?)
    };
    let settled = match prepared.await {
        Ok(settled) => settled,
        Err(error) => {
            running.end().await;
            return Err(error);
        }
    };
    if settled > 0 {
        tracing::warn!(
            messages = settled,
            "the host had stopped in the middle of sending; see deliveries that are uncertain"
        );
    }
    let host = Host::new(store.clone(), channels, lifecycle, config, metrics, address, handle);
    Ok((host, queue, alarms, running))
}

async fn close(store: Store) {
    if let Err(error) = store.close().await {
        tracing::warn!("the stop does not count as clean: {error}");
    }
}
