//! Files that clients bring, to be sent in messages.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use http_body_util::BodyExt;
use jackfield_core::event::Part;
use jackfield_store::Blob;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use super::problem::{Problem, Result};
use crate::host::Host;
use crate::ingress::drain;

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

/// Brings a file that is to be sent. The answer comes when it is on stable storage. The same content is kept once.
#[utoipa::path(post, path = "/v1/files", tag = "messages",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's content, at most 100 MiB"),
    responses((status = 201, description = "It is kept", body = FileView)))]
pub(super) async fn bring_file(State(host): State<Arc<Host>>, mut body: Body) -> Result<(StatusCode, Json<FileView>)> {
    let mut draft = host.store.blobs().draft().map_err(unstorable)?;
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::invalid("the body broke off"))?;
        let Some(piece) = frame.data_ref() else { continue };
        size += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if size > FILE_BYTES {
            // A client that is still writing would see its connection break off instead of the answer.
            drain(&mut body).await;
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the file has more than 100 MiB"));
        }
        draft.write_all(piece).await.map_err(unstorable)?;
    }
    if size == 0 {
        return Err(Problem::invalid("the body has to be the content of a file"));
    }
    let Blob { sha256, size } = draft.keep().await.map_err(unstorable)?;
    Ok((StatusCode::CREATED, Json(FileView { sha256, size })))
}

/// Looks whether the files that these parts name are here, and notes their sizes.
///
/// # Errors
/// When one is not, or cannot be looked for.
pub(super) async fn find_files(host: &Host, parts: &mut [Part]) -> Result<()> {
    for media in parts.iter_mut().filter_map(Part::media_mut) {
        let Some(sha256) = media.own() else { continue };
        let found = host.store.blobs().find(sha256).await.map_err(unstorable)?;
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
