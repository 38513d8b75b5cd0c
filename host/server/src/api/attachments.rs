//! The files of messages, as downloads.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jackfield_core::fact::Attachment;
use jackfield_core::ids::MessageId;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::auth::Caller;
use super::command;
use super::files::FileBounds;
use crate::attachments::{self, AttachmentError};
use crate::host::Host;
use crate::problem::{Problem, Result};

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
/// is not here yet is fetched now. A file never changes, so it may be kept, and `If-None-Match` and a single `Range` are honoured.
#[utoipa::path(get, path = "/v1/messages/{id}/attachments/{part}", tag = "messages",
    params(("id" = MessageId, Path, description = "The message"), ("part" = u16, Path, description = "Its part, from 0")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of the file that was asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it"),
        (status = 409, description = "The provider does not give it", body = crate::problem::Document<'_>, content_type = "application/problem+json"),
        (status = 416, description = "The file is not that long", body = crate::problem::Document<'_>, content_type = "application/problem+json"),
        (status = 429, description = "The key has too many files fetched at once", body = crate::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn get_attachment(
    State(host): State<Arc<Host>>,
    State(bounds): State<Arc<FileBounds>>,
    caller: Caller,
    headers: HeaderMap,
    Path((message, part)): Path<(String, String)>,
) -> Result<Response> {
    let not_found = || Problem::not_found("attachment", format!("{message}/{part}"));
    let id = message.parse::<MessageId>().map_err(|_| not_found())?;
    let part = part.parse::<u16>().map_err(|_| not_found())?;
    let blobs = host.store.blobs().clone();
    let attachment = match attachments::kept(&host, id, part).await? {
        Some(attachment) => attachment,
        None => {
            bounds.fetch(caller.key)?;
            // A client that goes away must not waste what was fetched.
            command::to_its_end(async move { attachments::get(&host, id, part).await }).await?
        }
    };
    let tag = format!("\"{}\"", attachment.sha256);
    let mut response = match (has(&headers, &tag), range(&headers, &tag, attachment.size)) {
        (true, _) => with_status(StatusCode::NOT_MODIFIED, Body::empty()),
        (false, Range::Whole) => {
            let mut response = Response::new(Body::from_stream(ReaderStream::new(blobs.read(&attachment.sha256, 0))));
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(attachment.size));
            response
        }
        (false, Range::Part(first, last)) => {
            let length = last - first + 1;
            let piece = blobs.read(&attachment.sha256, first).take(length);
            let mut response = with_status(StatusCode::PARTIAL_CONTENT, Body::from_stream(ReaderStream::new(piece)));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            insert(headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", attachment.size));
            response
        }
        (false, Range::Nowhere) => {
            let detail = format!("the file has {} bytes", attachment.size);
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
            let mut response = problem.into_response();
            insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", attachment.size));
            return Ok(response);
        }
    };
    describe(response.headers_mut(), attachment, &tag);
    Ok(response)
}

/// What a browser may do with the file.
fn describe(headers: &mut HeaderMap, attachment: Attachment, tag: &str) {
    let mime = attachment.mime.as_deref().filter(|mime| SHOWN.contains(mime));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Some(mime) = mime {
        insert(headers, header::CONTENT_TYPE, mime);
    }
    let name = attachment.filename.unwrap_or(attachment.sha256);
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    insert(headers, header::CONTENT_DISPOSITION, &format!("attachment; filename*=UTF-8''{name}"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(headers, header::ETAG, tag);
}

fn with_status(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Sets a header, where the value can be one.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whether the client says that it has the file already.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let all = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).map(str::trim).any(|one| {
        // Weak comparison, as RFC 9110 has it for this header.
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

/// The bytes that are asked for.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// The first and the last.
    Part(u64, u64),
    /// Behind the end.
    Nowhere,
}

/// The one range of `Range`. Several, other units and what cannot be read count as none, as RFC 9110 allows, and so does a range of a file
/// that the client has in another version.
fn range(headers: &HeaderMap, tag: &str, size: u64) -> Range {
    let same = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == tag.as_bytes());
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let divided = asked.and_then(|text| text.strip_prefix("bytes=")).and_then(|text| text.split_once('-'));
    let Some((first, last)) = divided.filter(|_| same) else { return Range::Whole };
    let (first, last) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, u64::MAX),
        (Err(_), Ok(count)) if first.trim().is_empty() => match count {
            0 => return Range::Nowhere,
            count => (size.saturating_sub(count), u64::MAX),
        },
        _ => return Range::Whole,
    };
    match first < size {
        true => Range::Part(first, last.min(size.saturating_sub(1))),
        false => Range::Nowhere,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn one_range_of_bytes_is_honoured_and_everything_else_is_the_whole_file() {
        let of = |text| range(&headers(&[(header::RANGE, text)]), "\"x\"", 10);
        assert_eq!(of("bytes=0-3"), Range::Part(0, 3));
        assert_eq!(of("bytes=4-"), Range::Part(4, 9));
        assert_eq!(of("bytes=-3"), Range::Part(7, 9));
        assert_eq!(of("bytes=-30"), Range::Part(0, 9));
        assert_eq!(of("bytes=5-500"), Range::Part(5, 9));
        for beyond in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(of(beyond), Range::Nowhere, "{beyond}");
        }
        for other in ["bytes=3-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,3-4", ""] {
            assert_eq!(of(other), Range::Whole, "{other}");
        }
        let other = headers(&[(header::RANGE, "bytes=0-3"), (header::IF_RANGE, "\"y\"")]);
        assert_eq!(range(&other, "\"x\"", 10), Range::Whole);
        assert_eq!(range(&headers(&[(header::RANGE, "bytes=0-")]), "\"x\"", 0), Range::Nowhere);
    }

    #[test]
    fn a_client_that_has_the_file_is_known_by_its_tag() {
        for value in ["\"x\"", "W/\"x\"", "\"a\", \"x\"", "*"] {
            assert!(has(&headers(&[(header::IF_NONE_MATCH, value)]), "\"x\""), "{value}");
        }
        assert!(!has(&headers(&[(header::IF_NONE_MATCH, "\"a\"")]), "\"x\"") && !has(&HeaderMap::new(), "\"x\""));
    }
}
