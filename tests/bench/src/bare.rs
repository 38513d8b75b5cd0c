//! A server that verifies the signature, parses the JSON, and has the bytes on stable storage before it answers: what any receiver of
//! signed webhooks has to do, and nothing more. No sandbox, no identities, no views. Its group commit is the journal's: one write and
//! one `fdatasync` for everything that waits.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::Result;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use jackfield_tests::webhooks::APP_SECRET;
use ring::hmac;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::child;

/// How many bodies share one sync at most, as in the journal.
const GROUP: usize = 512;

/// How many may wait, as in the journal.
const QUEUE: usize = 4096;

struct Job {
    bytes: Bytes,
    done: oneshot::Sender<bool>,
}

struct Server {
    key: hmac::Key,
    queue: mpsc::Sender<Job>,
}

/// Serves until it is killed.
///
/// # Errors
/// When it cannot listen, or the file cannot be opened.
pub async fn run(file: &Path) -> Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(file)?;
    let (queue, jobs) = mpsc::channel(QUEUE);
    thread::spawn(move || append(file, jobs));
    let key = hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes());
    let server = Arc::new(Server { key, queue });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    child::say_ready(&format!("http://{}", listener.local_addr()?));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(answer(server.take(request).await)) }
            });
            // A client that is gone has nobody to be told.
            drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

impl Server {
    async fn take(&self, request: Request<Incoming>) -> StatusCode {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return StatusCode::BAD_REQUEST;
        };
        let bytes = body.to_bytes();
        let signature =
            head.headers.get("x-hub-signature-256").and_then(|value| value.as_bytes().strip_prefix(b"sha256="));
        let tag = signature.and_then(|hex| HEXLOWER.decode(hex).ok()).unwrap_or_default();
        if hmac::verify(&self.key, &bytes, &tag).is_err() {
            return StatusCode::UNAUTHORIZED;
        }
        if serde_json::from_slice::<serde_json::Value>(&bytes).is_err() {
            return StatusCode::BAD_REQUEST;
        }
        let (done, stored) = oneshot::channel();
        if self.queue.send(Job { bytes, done }).await.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        match stored.await {
            Ok(true) => StatusCode::OK,
            Ok(false) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

fn append(mut file: File, mut jobs: mpsc::Receiver<Job>) {
    let mut bytes = Vec::new();
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        bytes.clear();
        for job in &group {
            bytes.extend_from_slice(&job.bytes);
            bytes.push(b'\n');
        }
        let stored = file.write_all(&bytes).and_then(|()| file.sync_data()).is_ok();
        for job in group {
            // A client that is gone has nobody to be told.
            let _ = job.done.send(stored);
        }
    }
}
