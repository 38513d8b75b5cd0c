//! The clients: HTTP/1.1 with keep-alive, as many requests as the server takes, or so many a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::numbers::Times;
use crate::shots::Shot;

/// One connection that is kept.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Connection {
    /// Connects to a server such as `http://127.0.0.1:8480`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn open(base: &str) -> Result<Self> {
        let authority = base.parse::<Uri>()?.authority().context("an address")?.to_string();
        let stream = TcpStream::connect(&authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends when the sender is dropped; what goes wrong shows in the answers.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, authority })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        request.headers_mut().insert(header::HOST, self.authority.parse()?);
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    /// Sends a webhook, which has to be taken.
    async fn shoot(&mut self, path: &str, shot: &Shot) -> Result<()> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-hub-signature-256", shot.signature.clone())
            .body(Full::new(shot.body.clone()))?;
        let (status, body) = self.send(request).await?;
        ensure!(status == StatusCode::OK, "a webhook got {status}: {}", String::from_utf8_lossy(&body));
        Ok(())
    }
}

/// Where webhooks go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub base: String,
    /// The hook's path.
    pub path: String,
}

/// What a round came to.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Answers a second.
    pub per_second: f64,
    /// How long each took. At a fixed rate: from when it was due, so that a server that falls behind is not flattered.
    pub times: Times,
}

/// As many as the server takes over this many connections, until the shots or the time are used up.
///
/// # Errors
/// When a request is not answered with 200.
pub async fn closed(target: &Target, shots: &Arc<Vec<Shot>>, connections: usize, most: Duration) -> Result<Round> {
    let end = Instant::now() + most;
    run(target, shots, connections, move |_| async move { (Instant::now() < end).then(Instant::now) }).await
}

/// So many a second, whatever the server does, over this many connections.
///
/// # Errors
/// When a request is not answered with 200.
pub async fn open(target: &Target, shots: &Arc<Vec<Shot>>, connections: usize, per_second: f64) -> Result<Round> {
    let began = tokio::time::Instant::now();
    run(target, shots, connections, move |index| async move {
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let due = began + Duration::from_secs_f64(index as f64 / per_second);
        tokio::time::sleep_until(due).await;
        Some(due.into_std())
    })
    .await
}

/// `pace` says from when a shot counts, when it is its turn; none ends the round.
async fn run<P, F>(target: &Target, shots: &Arc<Vec<Shot>>, connections: usize, pace: P) -> Result<Round>
where
    P: Fn(usize) -> F + Copy + Send + 'static,
    F: Future<Output = Option<Instant>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut lines = Vec::new();
    for _ in 0..connections {
        lines.push(Connection::open(&target.base).await?);
    }
    let mut clients = JoinSet::new();
    let began = Instant::now();
    for mut line in lines {
        let (shots, next, path) = (Arc::clone(shots), Arc::clone(&next), target.path.clone());
        clients.spawn(async move {
            let mut times = Times::default();
            let mut answered = 0_usize;
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(shot) = shots.get(index) else { break };
                let Some(from) = pace(index).await else { break };
                line.shoot(&path, shot).await?;
                times.add(from.elapsed());
                answered += 1;
            }
            anyhow::Ok((answered, times))
        });
    }
    let (mut answered, mut round) = (0, Round::default());
    while let Some(client) = clients.join_next().await {
        let (count, times) = client??;
        answered += count;
        round.times.extend(times);
    }
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let answered = answered as f64;
    round.per_second = answered / began.elapsed().as_secs_f64();
    Ok(round)
}
