//! The HTTP client of one channel: pooled connections, checked addresses, no proxies, no redirects.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::resolver::{self, CheckedResolver, Names};

/// Name resolution, TCP and TLS together.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than the idle time-outs of the providers' servers, so that a connection is seldom closed from the other side just when it
/// is to be used again.
const IDLE: Duration = Duration::from_secs(30);

/// Idle connections kept for one origin.
const IDLE_CONNECTIONS: usize = 8;

/// Headers of a response: number, and bytes of all.
const RESPONSE_HEADERS: usize = 100;
const RESPONSE_HEADER_BYTES: u32 = 64 << 10;

/// The body of a request: of a guest's whole, of a file in pieces.
pub(crate) type Outbound = UnsyncBoxBody<Bytes, std::io::Error>;

/// A channel's connections. Origins at private addresses have their own, because the resolver has to know.
pub(crate) struct Client {
    public: HyperClient<Timed<HttpsConnector<HttpConnector<CheckedResolver>>>, Outbound>,
    private: HyperClient<Timed<HttpsConnector<HttpConnector<CheckedResolver>>>, Outbound>,
}

impl Client {
    pub(crate) fn new(tls: &Arc<rustls::ClientConfig>) -> Self {
        Self::with_names(tls, &resolver::system())
    }

    fn with_names(tls: &Arc<rustls::ClientConfig>, names: &Names) -> Self {
        let places = CheckedResolver::places();
        let build = |private| {
            let resolver = CheckedResolver::new(private, names.clone(), places.clone());
            let mut http = HttpConnector::new_with_resolver(resolver);
            http.enforce_http(false);
            http.set_nodelay(true);
            let https = hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config((**tls).clone())
                .https_or_http()
                .enable_http1()
                .enable_http2()
                .wrap_connector(http);
            // A pooled connection may have been closed by the other side. hyper then gives a request back only if not a byte of it was
            // written, and only such a request is sent again, so nothing is ever sent twice (tests/egress.rs holds it to that).
            HyperClient::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .retry_canceled_requests(true)
                .http1_max_headers(RESPONSE_HEADERS)
                .http2_max_header_list_size(RESPONSE_HEADER_BYTES)
                .build(Timed(https))
        };
        Self { public: build(false), private: build(true) }
    }

    /// Sends one request, once.
    pub(crate) async fn send(
        &self,
        request: http::Request<Outbound>,
        private: bool,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        match private {
            true => self.private.request(request).await,
            false => self.public.request(request).await,
        }
    }
}

/// The trust in servers' certificates: the operating system's. `SSL_CERT_FILE` and `SSL_CERT_DIR` take its place where they are set.
pub(crate) fn tls() -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(errors = ?found.errors, "no certificate authorities were found: no HTTPS server will be trusted");
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A connector with a time-out over everything it does.
#[derive(Clone)]
struct Timed<C>(C);

/// Nothing was sent: the connection was not there in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
pub(crate) struct ConnectTimeout;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ConnectTimeout.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::{BodyExt, Empty};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::resolver::Unresolved;
    use super::*;

    /// A server that counts its connections and answers one request on each.
    async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
        (address, connections)
    }

    /// Names whose answer is another one each time; the last goes on for ever. And how often it was asked.
    fn changing(answers: &'static [&'static str]) -> (Names, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let names: Names = Arc::new(move |_, _| {
            let at = count.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let answer = answers[at].split(' ').map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(answer) })
        });
        (names, asked)
    }

    async fn get(client: &Client, port: u16, private: bool) -> Result<u16, hyper_util::client::legacy::Error> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::get(format!("http://rebinds.example:{port}/")).body(body).unwrap();
        client.send(request, private).await.map(|response| response.status().as_u16())
    }

    fn is_prohibited(error: &hyper_util::client::legacy::Error) -> bool {
        let mut cause = error.source();
        while let Some(at) = cause {
            if matches!(at.downcast_ref(), Some(Unresolved::Prohibited { .. })) {
                return true;
            }
            cause = at.source();
        }
        false
    }

    #[tokio::test]
    async fn an_answer_that_changes_after_the_check_changes_nothing() {
        let (address, connections) = server().await;
        // The first answer is checked, and good. Whoever asked again to connect would go elsewhere, where nobody answers.
        let (names, asked) = changing(&["127.0.0.1", "127.0.0.77"]);
        let client = Client::with_names(&tls().unwrap(), &names);
        assert_eq!(get(&client, address.port(), true).await.unwrap(), 200);
        assert_eq!((connections.load(Ordering::Relaxed), asked.load(Ordering::Relaxed)), (1, 1));
    }

    #[tokio::test]
    async fn a_name_that_turns_private_is_refused_without_a_connection() {
        let (address, connections) = server().await;
        for answers in [&["127.0.0.1"][..], &["::ffff:127.0.0.1"], &["64:ff9b::7f00:1"], &["::1 127.0.0.1 10.0.0.1"]] {
            let (names, _) = changing(answers);
            let client = Client::with_names(&tls().unwrap(), &names);
            let error = get(&client, address.port(), false).await.unwrap_err();
            assert!(is_prohibited(&error), "{answers:?}: {error:?}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn every_new_connection_is_checked_again() {
        let (address, connections) = server().await;
        let (names, asked) = changing(&["127.0.0.1", "0.0.0.0", "255.255.255.255"]);
        let client = Client::with_names(&tls().unwrap(), &names);
        assert_eq!(get(&client, address.port(), true).await.unwrap(), 200);
        for _ in 0..2 {
            assert!(is_prohibited(&get(&client, address.port(), true).await.unwrap_err()));
        }
        assert_eq!((connections.load(Ordering::Relaxed), asked.load(Ordering::Relaxed)), (1, 3));
    }
}
