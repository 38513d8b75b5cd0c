//! Files that clients bring, to be sent in messages.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use http_body_util::BodyExt;
use jackfield_core::event::Part;
use jackfield_core::ids::KeyId;
use jackfield_store::{Blob, Blobs};
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use super::command;
use crate::config::Config;
use crate::front::pace::drain;
use crate::host::Host;
use crate::jobs::bucket::Bucket;
use crate::problem::{Problem, Result};

/// Bytes of a file: what the most generous channel takes. A channel's own limit is looked at when it is sent.
pub(super) const FILE_BYTES: u64 = 100 << 20;

/// A file that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileView {
    /// The sum of its content, hexadecimal: what a part of a message names as its `file`.
    sha256: String,
    /// Bytes.
    size: u64,
}

/// What clients may bring, and have fetched.
pub(super) struct FileBounds {
    /// Bytes of all files that clients brought, at the most.
    quota: u64,
    /// Bytes of those that are kept or on their way; none before the first was brought since the start.
    brought: Mutex<Option<u64>>,
    fetches: Mutex<HashMap<KeyId, Bucket>>,
    began: Instant,
}

/// How many files that are not here a key may have fetched in a second, and so at once. What comes in is fetched by itself; this is for
/// what could not be.
const FETCHES_A_SECOND: f64 = 10.0;

impl FileBounds {
    pub(super) fn new(config: &Config) -> Self {
        let quota = config.files.quota_mib << 20;
        Self { quota, brought: Mutex::default(), fetches: Mutex::default(), began: Instant::now() }
    }

    /// Lets a key have one file fetched.
    ///
    /// # Errors
    /// When it had too many fetched just now.
    pub(super) fn fetch(&self, key: KeyId) -> Result<()> {
        let now = self.began.elapsed();
        let mut all = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = all.entry(key).or_insert_with(|| Bucket::new(FETCHES_A_SECOND, now));
        if bucket.available(now) == 0 {
            let detail = "this key has too many files fetched at once that are not here yet; try again in a moment";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_fetches", detail);
            return Err(problem.coming_again(Some(1)));
        }
        bucket.take();
        Ok(())
    }

    /// Counts what was brought before the start, once, and takes off what was removed since.
    async fn count(&self, blobs: &Blobs) -> Result<()> {
        let given_back = blobs.take_given_back();
        if let Some(brought) = self.lock().as_mut() {
            *brought = brought.saturating_sub(given_back);
            return Ok(());
        }
        let counted = blobs.brought_bytes().await.map_err(unstorable)?;
        // Another request may have counted, and added to it.
        self.lock().get_or_insert(counted);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<u64>> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let mut brought = self.lock();
        let after = brought.unwrap_or_default().saturating_add(bytes);
        if after > self.quota {
            let detail = "the files that were brought fill the quota ([files] quota-mib); the operator can raise it";
            return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "quota_exceeded", detail));
        }
        *brought = Some(after);
        Ok(())
    }
}

/// Bytes of the quota, given back unless they are kept.
struct Share {
    bounds: Arc<FileBounds>,
    bytes: u64,
}

impl Share {
    fn grow(&mut self, bytes: u64) -> Result<()> {
        self.bounds.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(brought) = self.bounds.lock().as_mut() {
            *brought = brought.saturating_sub(self.bytes);
        }
    }
}

/// Brings a file that is to be sent. The answer comes when it is on stable storage. The same content is kept once, so the request can be
/// repeated. All files that were brought share a quota, which the operator sets.
#[utoipa::path(post, path = "/v1/files", tag = "messages",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's content, at most 100 MiB"),
    responses((status = 201, description = "It is kept", body = FileView),
        (status = 507, description = "The quota is full", body = crate::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn bring_file(
    State(host): State<Arc<Host>>,
    State(bounds): State<Arc<FileBounds>>,
    mut body: Body,
) -> Result<(StatusCode, Json<FileView>)> {
    let blobs = host.store.blobs();
    bounds.count(blobs).await?;
    let mut draft = blobs.draft().map_err(unstorable)?;
    let mut share = Share { bounds, bytes: 0 };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::broken_off(&error))?;
        let Some(piece) = frame.data_ref() else { continue };
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let refused = match share.bytes.saturating_add(bytes) > FILE_BYTES {
            true => Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the file has more than 100 MiB")),
            false => share.grow(bytes),
        };
        if let Err(problem) = refused {
            // A client that is still writing would see its connection break off instead of the answer.
            drain(&mut body).await;
            return Err(problem);
        }
        draft.write_all(piece).await.map_err(unstorable)?;
    }
    if share.bytes == 0 {
        return Err(Problem::invalid("the body has to be the content of a file"));
    }
    // From here on the file comes to be kept whether or not its client is still there, so the share of the quota goes along.
    let work = async move {
        let (blob, is_new) = draft.keep_brought().await.map_err(unstorable)?;
        if is_new {
            share.keep();
        }
        Ok::<_, Problem>(blob)
    };
    let Blob { sha256, size } = command::to_its_end(work).await?;
    Ok((StatusCode::CREATED, Json(FileView { sha256, size })))
}

/// Looks whether the files that these parts name are here, has them stay, and notes their sizes.
///
/// # Errors
/// When one is not, or cannot be looked for.
pub(super) async fn find_files(host: &Host, parts: &mut [Part]) -> Result<()> {
    for media in parts.iter_mut().filter_map(Part::media_mut) {
        let Some(sha256) = media.own() else { continue };
        let found = host.store.blobs().renew(sha256).await.map_err(unstorable)?;
        let blob = found.ok_or_else(|| {
            let detail = format!("there is no file {sha256}; bring it first: `POST /v1/files` gives its `sha256`");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_file", detail)
        })?;
        media.size = Some(blob.size);
    }
    Ok(())
}

fn unstorable(error: io::Error) -> Problem {
    tracing::error!("a file cannot be kept or read: {error}");
    Problem::unavailable("unavailable", "the file cannot be kept or read", 10)
}
