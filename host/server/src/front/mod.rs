//! The front door: connections, from `accept` to the router.
//!
//! It is open from before the store is until after the last answer: a host that opens its store, or rebuilds its tables, answers
//! `/healthz` and `/readyz` ([`starting`]) and tells everybody else to come again.
//!
//! Whoever connects has proved nothing, so everything a connection can hold is bounded in time:
//!
//! * [`seats`]: places for connections. A connection that stays silent loses its place after [`FIRST_HEAD`], or at once when the places
//!   run out; places are kept for operators and for health checks.
//! * [`stall`]: a peer that does not read loses its connection.
//! * [`pace`]: a request body arrives at a least rate.
//! * [`entrance`]: hands requests of a connection to the router and notes that the connection is in use.
//!
//! What a request may do is not decided here; see [`crate::api`].

pub(crate) mod entrance;
pub(crate) mod pace;
pub(crate) mod seats;
mod stall;
pub(crate) mod starting;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::entrance::Entrance;
use self::seats::{FIRST_HEAD, Seat, Seats, Taken};
use self::stall::Stalling;
use self::starting::Start;
use crate::config::Config;
use crate::shutdown::Stop;
use crate::tls::{Certificates, TlsError};

/// How long the head of each further HTTP/1 request may take, the wait for it included.
const NEXT_HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head.
const HEAD_BYTES: usize = 64 << 10;

/// Requests of one HTTP/2 connection at the same time. RFC 9113 recommends at least 100.
const STREAMS: u32 = 100;

/// Bytes of request bodies that an HTTP/2 peer may send ahead of what is read: of one stream, and of all streams of a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// How long to wait when no connection can be accepted, because there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that is told to close may take for it.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// What all connections share.
pub struct Front {
    router: Arc<ArcSwap<Router>>,
    pub(crate) start: Start,
    pub(crate) seats: Arc<Seats>,
    /// Certificates and key, if the host speaks TLS itself.
    certificates: Option<Arc<Certificates>>,
    /// The host is stopping, as far as connections are concerned.
    pub(crate) stop: Stop,
    connections: TaskTracker,
}

impl Front {
    /// A front door behind which nothing is ready yet.
    #[must_use]
    pub(crate) fn new(config: &Config, certificates: Option<Arc<Certificates>>) -> Arc<Self> {
        let start = Start::default();
        let router = starting::router(start.clone());
        Arc::new(Self {
            router: Arc::new(ArcSwap::from_pointee(router)),
            start,
            seats: Seats::new(config.server.seats()),
            certificates,
            stop: Stop::default(),
            connections: TaskTracker::new(),
        })
    }

    /// From here on requests go to this router, those of connections that are open already, too.
    pub(crate) fn open(&self, router: Router) {
        self.router.store(Arc::new(router));
    }

    /// Nothing is behind the door any more. What the router holds is let go of.
    pub(crate) fn close(&self) {
        self.start.note("it is stopping");
        self.open(starting::router(self.start.clone()));
    }

    /// Reads the certificate and its key again, if the host speaks TLS itself.
    ///
    /// # Errors
    /// When they cannot be used. What was read before goes on serving.
    pub(crate) fn read_certificate(&self) -> Result<Option<Arc<rustls::ServerConfig>>, TlsError> {
        self.certificates.as_ref().map(|certificates| certificates.read()).transpose()
    }

    /// From here on new connections get this certificate.
    pub(crate) fn use_certificate(&self, read: Option<Arc<rustls::ServerConfig>>) {
        if let (Some(certificates), Some(read)) = (&self.certificates, read) {
            certificates.replace(read);
        }
    }

    /// Accepts connections until the stop begins. The socket is closed then.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.begun() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    // Most likely there is no file descriptor left, and a silent connection holds one.
                    self.seats.make_room();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let Some(taken) = self.seats.take(peer.ip()) else {
            tracing::debug!(%peer, "a connection was closed at once: every place is taken");
            return;
        };
        let front = Arc::clone(self);
        self.connections.spawn(async move { front.connect(stream, &taken).await });
    }

    /// Returns when every connection has ended. Nothing is accepted any more by then.
    pub(crate) async fn ended(&self) {
        self.connections.close();
        self.connections.wait().await;
    }

    async fn connect(self: &Arc<Self>, stream: TcpStream, taken: &Taken) {
        // Answers are small and wait for nothing.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection is gone already: {error}");
            return;
        }
        let (seat, stream) = (taken.seat(), Stalling::new(stream));
        let Some(certificates) = &self.certificates else {
            return self.talk(stream, seat).await;
        };
        let shaken = tokio::select! {
            shaken = tokio::time::timeout_at(seat.accepted() + FIRST_HEAD, certificates.acceptor().accept(stream)) => shaken,
            () = seat.evicted() => return,
            () = self.stop.begun() => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.talk(stream, seat).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn talk(self: &Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seat: &Arc<Seat>) {
        let builder = builder();
        let entrance = Entrance::new(Arc::clone(&self.router), Arc::clone(seat));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), entrance));
        let closing = tokio::select! {
            ended = connection.as_mut() => return note(ended),
            () = seat.evicted() => return,
            () = seat.unused() => Some(Instant::now() + CLOSE_TIME),
            // What runs may end; `due` is the time for that.
            () = self.stop.begun() => None,
        };
        connection.as_mut().graceful_shutdown();
        let late = async {
            match closing {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = connection => note(ended),
            () = late => {}
            () = seat.evicted() => {}
            () = self.stop.due() => {}
        }
    }
}

/// What is the same for every connection.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(NEXT_HEAD).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Duration::from_secs(30));
    builder
}

fn note(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}
