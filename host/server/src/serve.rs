//! The running host: started, served, stopped in order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use jackfield_store::{Options, Store};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::channels::Channels;
use crate::config::Config;
use crate::connectors::slot::Alarm;
use crate::connectors::{folder, rollback};
use crate::hints::{self, HintsQueue};
use crate::host::Host;
use crate::metrics::Metrics;
use crate::reactor::{self, Reactor};
use crate::shutdown::{GRACE, LAST_WORDS};
use crate::{api, attachments, outbox, poller, start, tls};

/// How long a client may take for its handshake, and for the head of each request.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Bytes of a request's head.
const HEAD_BYTES: usize = 64 << 10;

/// Requests of one HTTP/2 connection at the same time.
const STREAMS: u32 = 256;

/// How long to wait when no connection can be accepted, because there are no more file descriptors.
const ACCEPT_TROUBLE: Duration = Duration::from_millis(100);

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
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
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
    /// Opens the store, loads the connectors, and begins to send. Requests wait on the socket meanwhile.
    ///
    /// # Errors
    /// When it cannot start, with everything that is to be mended.
    pub async fn start(config: Config, listener: TcpListener) -> anyhow::Result<Self> {
        let options = start::store_options(&config);
        Self::start_with(config, listener, options).await
    }

    /// [`Running::start`] with a store of the caller's choice: tests slow its disk down.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub async fn start_with(config: Config, listener: TcpListener, options: Options) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the socket has no address")?;
        let tls = tls::acceptor(&config)?;
        let store = open(&config, options).await?;
        match prepare(config, &store, address).await {
            Ok((host, queue, alarms, reactor)) => {
                let host = Arc::new(host);
                let mut tasks = JoinSet::new();
                tasks.spawn(rollback::run(Arc::clone(&host.lifecycle), alarms, host.stop.clone()));
                if let Some(folder) = &host.config.watch.folder {
                    let folder = host.config.resolve(folder);
                    tasks.spawn(folder::watch(folder, Arc::clone(&host.lifecycle), host.stop.clone()));
                }
                tasks.spawn(hints::run(Arc::clone(&host), queue));
                tasks.spawn(outbox::run(Arc::clone(&host)));
                tasks.spawn(poller::run(Arc::clone(&host)));
                tasks.spawn(attachments::run(Arc::clone(&host)));
                Ok(Self { host, listener, address, tls, tasks, reactor })
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
        let Self { host, listener, tls, mut tasks, reactor, .. } = self;
        let connections = serve(&host, listener, tls, shutdown).await;
        host.stop.begin();
        let ended = async {
            let background = async { while tasks.join_next().await.is_some() {} };
            tokio::join!(connections.shutdown(), background);
        };
        tokio::pin!(ended);
        if tokio::time::timeout(GRACE, &mut ended).await.is_err() {
            tracing::warn!("some requests or sends did not end in time and are broken off");
            host.stop.end();
            if tokio::time::timeout(LAST_WORDS, &mut ended).await.is_err() {
                tracing::debug!("connections are closed while they are in use");
            }
        }
        let store = host.store.clone();
        drop(host);
        reactor.end().await;
        store
            .close()
            .await
            .context("the stop does not count as clean, and the next start will look closer; nothing is lost")?;
        tracing::info!("stopped");
        Ok(())
    }
}

async fn open(config: &Config, options: Options) -> anyhow::Result<Store> {
    let folder = config.data();
    tracing::info!(folder = %folder.display(), "opening the store");
    // Progress is in the log already.
    let opened = tokio::task::spawn_blocking(move || jackfield_store::open(&folder, &options, &mut |_| {})).await?;
    let store = opened?;
    tracing::info!(facts = store.applied().0, "the store is open");
    Ok(store)
}

/// What is to be rolled back.
type Alarms = mpsc::UnboundedReceiver<Alarm>;

async fn prepare(
    config: Config,
    store: &Store,
    address: SocketAddr,
) -> anyhow::Result<(Host, HintsQueue, Alarms, AbortOnDrop)> {
    let metrics = Arc::new(Metrics::default());
    let config = Arc::new(config);
    let (alarm, alarms) = mpsc::unbounded_channel();
    let channels = Arc::new(Channels::new(alarm));
    // Before anything is read, so that no fact is missed.
    let effects = store.effects();
    let (handle, orders) = reactor::handle::handle();
    let lifecycle = Arc::new(start::lifecycle(&config, store, &channels, &handle)?);
    let queue = HintsQueue::default();
    let (way, life, all) = ((handle.clone(), orders), Arc::clone(&lifecycle), Arc::clone(&channels));
    let reactor = Reactor::new(store.clone(), effects, life, all, queue.clone(), way);
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

/// Accepts connections until `shutdown`; those that are open then.
async fn serve(
    host: &Arc<Host>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shutdown: impl Future<Output = ()>,
) -> GracefulShutdown {
    let router = api::router(Arc::clone(host));
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(usize::try_from(host.config.server.connections).unwrap_or(usize::MAX)));
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return connections,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let connection = connect(stream, tls.clone(), router.clone(), connections.watcher(), Arc::clone(host));
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!("a connection could not be accepted: {error}");
            tokio::time::sleep(ACCEPT_TROUBLE).await;
            None
        }
    }
}

async fn connect(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, watcher: Watcher, host: Arc<Host>) {
    // Answers are small and wait for nothing.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection is gone already: {error}");
        return;
    }
    match tls {
        None => talk(stream, router, watcher, &host).await,
        Some(tls) => match tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => talk(stream, router, watcher, &host).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: Watcher,
    host: &Host,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Duration::from_secs(30));
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).into_owned();
    let talked = watcher.watch(connection);
    tokio::select! {
        talked = talked => if let Err(error) = talked {
            tracing::debug!("a connection ended: {error}");
        },
        () = host.stop.due() => {}
    }
}
