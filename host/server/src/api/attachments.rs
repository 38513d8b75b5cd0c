//! The files of messages, as downloads.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use jackfield_core::ids::MessageId;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_util::io::ReaderStream;

use super::problem::{Problem, Result};
use crate::attachments::{self, AttachmentError};
use crate::host::Host;

/// What a browser may show by itself: nothing that can run.
const SHOWN: [&str; 12] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "audio/mpeg",
    "audio/ogg",
    "audio/aac",
    "audio/mp4",
    "audio/amr",
    "video/mp4",
    "video/3gpp",
    "text/plain",
];

/// The file of a message's part; `part` counts from 0. Files are fetched from the provider as soon as they are known of, and kept; one that
/// is not here yet is fetched now.
#[utoipa::path(get, path = "/v1/messages/{id}/attachments/{part}", tag = "messages",
    params(("id" = MessageId, Path, description = "The message"), ("part" = u16, Path, description = "Its part, from 0")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 409, description = "The provider does not give it", body = super::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn get_attachment(
    State(host): State<Arc<Host>>,
    Path((message, part)): Path<(String, String)>,
) -> Result<Response> {
    let not_found = || Problem::not_found("attachment", format!("{message}/{part}"));
    let id = message.parse::<MessageId>().map_err(|_| not_found())?;
    let part = part.parse::<u16>().map_err(|_| not_found())?;
    // A client that goes away must not waste what was fetched.
    let blobs = host.store.blobs().clone();
    let got = tokio::spawn(async move { attachments::get(&host, id, part).await }).await;
    let attachment = got.map_err(|_| Problem::internal())??;
    let mime = attachment.mime.as_deref().filter(|mime| SHOWN.contains(mime));
    let mut response = Response::new(Body::from_stream(ReaderStream::new(blobs.read(&attachment.sha256, 0))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Some(mime) = mime.and_then(|mime| HeaderValue::from_str(mime).ok()) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(attachment.size));
    let name = attachment.filename.unwrap_or_else(|| attachment.sha256.clone());
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    if let Ok(sum) = HeaderValue::from_str(&format!("\"{}\"", attachment.sha256)) {
        headers.insert(header::ETAG, sum);
    }
    Ok(response)
}

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Self {
        match error {
            AttachmentError::NotFound(message) => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            AttachmentError::NotGiven(message) => Self::new(StatusCode::CONFLICT, "conflict", message),
            AttachmentError::Append(error) => error.into(),
            AttachmentError::Read(error) => error.into(),
            AttachmentError::Disk(error) => {
                tracing::error!("a file cannot be kept or read: {error}");
                Self::unavailable("unavailable", "the file cannot be kept or read", 10)
            }
        }
    }
}
