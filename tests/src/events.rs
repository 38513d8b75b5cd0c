//! The live feed, as a client of server-sent events reads it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place in the feed.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its content.
    pub data: Value,
}

/// An open feed.
pub struct Feed {
    body: Incoming,
    buffer: String,
    // The connection lives as long as its pool.
    _pool: Pooled<HttpConnector, Empty<Bytes>>,
}

impl Feed {
    /// Opens the feed at `path`, from after `last` if that is given.
    ///
    /// # Errors
    /// When the host does not open it.
    pub async fn open(base: &str, key: &str, path: &str, last: Option<&str>) -> Result<Self> {
        let pool = Pooled::builder(TokioExecutor::new()).build(HttpConnector::new());
        let mut request = Request::builder().uri(format!("{base}{path}"));
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = pool.request(request.body(Empty::new())?).await?;
        ensure!(response.status() == StatusCode::OK, "the feed was not opened: {}", response.status());
        Ok(Self { body: response.into_body(), buffer: String::new(), _pool: pool })
    }

    /// The next event; none when the host ended the feed.
    ///
    /// # Errors
    /// When none comes in ten seconds, or the feed breaks.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        tokio::time::timeout(Duration::from_secs(10), self.read()).await.context("no event came")?
    }

    /// The next event of a type.
    ///
    /// # Errors
    /// When none comes in time, or the feed ends.
    pub async fn next_of(&mut self, kind: &str) -> Result<Event> {
        loop {
            let event = self.next().await?.with_context(|| format!("the feed ended before a {kind}"))?;
            if event.kind == kind {
                return Ok(event);
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Event>> {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&block) {
                    return Ok(Some(event));
                }
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.push_str(&String::from_utf8_lossy(&data));
                    }
                }
            }
        }
    }
}

/// An event from its lines; none for a heartbeat.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.strip_prefix(' ').unwrap_or(line).to_owned())
    };
    let data = serde_json::from_str(&field("data")?).ok()?;
    Some(Event { id: field("id").unwrap_or_default(), kind: field("event").unwrap_or_default(), data })
}
