//! Errors as problem documents (RFC 9457). `type` and `code` are for programs and stay; `title` and `detail` are for people. What went on
//! inside the host is in its log, never in a document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jackfield_core::fact::Refusal;
use jackfield_core::tables::ReadError;
use jackfield_core::views::ListError;
use jackfield_store::AppendError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::front::pace;
use crate::keys;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// How long a client is told to wait when nothing can be stored or read, seconds.
const STORE_TROUBLE: u32 = 5;

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    more: BTreeMap<String, String>,
    retry_after: Option<u32>,
}

/// What every request handler gives.
pub type Result<T> = std::result::Result<T, Problem>;

/// Why a request came to nothing (RFC 9457). Some codes bring further members, such as `closed_at` and `instead` of `window_closed`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    /// `urn:jackfield:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence with the remedy, as far as there is one.
    detail: &'a str,
    /// For programs: `invalid_request`, `not_found`, `window_closed`, …
    code: &'a str,
    #[serde(flatten)]
    #[schema(ignore)]
    more: &'a BTreeMap<String, String>,
}

impl Problem {
    /// A problem. `detail` is a sentence.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), more: BTreeMap::new(), retry_after: None }
    }

    /// 400: the request is not what it should be.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// 404.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what} {id}"))
    }

    /// 500: we are at fault. The log has to say why.
    pub fn internal() -> Self {
        let detail = "the host has made a mistake; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// 503: not now.
    pub fn unavailable(code: &'static str, detail: &str, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail) }
    }

    /// The same, with how long a client is told to wait, seconds.
    #[must_use]
    pub(crate) fn coming_again(self, retry_after: Option<u32>) -> Self {
        Self { retry_after, ..self }
    }

    /// A body could not be read to its end: 408 if it came too slowly, 401 if its key was revoked meanwhile.
    pub(crate) fn broken_off(error: &(dyn std::error::Error + 'static)) -> Self {
        if keys::is_revoked(error) {
            return Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", keys::Revoked.to_string());
        }
        match pace::is_too_slow(error) {
            true => Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", pace::TooSlow.to_string()),
            false => Self::invalid("the body broke off"),
        }
    }

    /// For a status that nobody gave a problem.
    pub fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => {
                ("no_such_route", "there is nothing at this path; GET /v1/openapi.json lists what there is")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method_not_allowed", "this path does not take this method; `Allow` says which")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "send application/json"),
            status if status.is_server_error() => {
                return Self { status, ..Self::internal() };
            }
            _ => ("invalid_request", "the request cannot be understood"),
        };
        Self::new(status, code, detail)
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code.as_str() {
            "not_found" => StatusCode::NOT_FOUND,
            "unauthenticated" => StatusCode::UNAUTHORIZED,
            "unsupported" | "too_long" | "idempotency_mismatch" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        };
        Self { more: refusal.details, ..Self::new(status, refusal.code, refusal.message) }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Self::unavailable("unavailable", "the views cannot be read at the moment; the log says why", STORE_TROUBLE)
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Read(error) => error.into(),
            ListError::Cursor(bad) => Self::new(StatusCode::BAD_REQUEST, "invalid_cursor", bad.to_string()),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::TooLarge { .. } => Self::of_status(StatusCode::PAYLOAD_TOO_LARGE),
            AppendError::Unwritable(_) => Self::invalid("the request holds a value that cannot be stored"),
            AppendError::Overloaded { .. } => Self::unavailable(
                "overloaded",
                "too much waits for the disk; nothing was stored, try again in a moment",
                1,
            ),
            AppendError::Full(_) | AppendError::Reserved { .. } => {
                tracing::error!(%error, "a command could not be stored");
                Self::unavailable("disk_full", "the disk is full; nothing was stored, try again later", STORE_TROUBLE)
            }
            AppendError::Io(_) | AppendError::Poisoned(_) | AppendError::Closed => {
                tracing::error!(%error, "a command could not be stored");
                let detail = "nothing can be stored at the moment; nothing was stored, try again later";
                Self::unavailable("unavailable", detail, STORE_TROUBLE)
            }
            AppendError::Unknown(_) => {
                tracing::error!(%error, "a command may be stored, and its outcome is not known");
                let detail =
                    "it cannot be said whether this was stored; try again later, with the same Idempotency-Key";
                Self::unavailable("unavailable", detail, STORE_TROUBLE)
            }
        }
    }
}

impl Problem {
    /// The document, with the headers that belong to it.
    pub(crate) fn written(&self) -> (HeaderMap, Vec<u8>) {
        let document = Document {
            kind: format!("urn:jackfield:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: &self.code,
            more: &self.more,
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // Texts and a number can always be written.
        (headers, serde_json::to_vec(&document).unwrap_or_default())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (headers, document) = self.written();
        let mut response = Response::new(Body::from(document));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"jackfield\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn parts(problem: Problem) -> (StatusCode, http::HeaderMap, serde_json::Value) {
        let (head, body) = problem.into_response().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_closed_window_says_what_to_send_instead() {
        let refusal = Refusal {
            code: String::from("window_closed"),
            message: String::from("too late"),
            details: BTreeMap::from([(String::from("instead"), String::from("template"))]),
        };
        let (status, headers, document) = parts(refusal.into()).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(headers["content-type"], MEDIA_TYPE);
        let wanted = serde_json::json!({
            "type": "urn:jackfield:problem:window_closed", "title": "Conflict", "status": 409,
            "detail": "too late", "code": "window_closed", "instead": "template",
        });
        assert_eq!(document, wanted);
    }

    #[test]
    fn each_refusal_has_its_status() {
        let cases = [
            ("not_found", 404),
            ("unauthenticated", 401),
            ("conflict", 409),
            ("window_closed", 409),
            ("no_address", 409),
            ("not_own_identity", 409),
            ("recipient_gone", 409),
            ("unsupported", 422),
            ("too_long", 422),
            ("idempotency_mismatch", 422),
        ];
        for (code, status) in cases {
            let refusal = Refusal { code: code.to_owned(), message: String::new(), details: BTreeMap::new() };
            assert_eq!(Problem::from(refusal).status().as_u16(), status, "{code}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_told_to_come_again_and_nothing_else() {
        for error in [
            AppendError::Full(String::from("/secret/path")),
            AppendError::Poisoned(String::from("row 7")),
            AppendError::Unknown(String::from("row 7")),
            AppendError::Closed,
        ] {
            let (status, headers, document) = parts(error.into()).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(headers.contains_key("retry-after"));
            let text = document.to_string();
            assert!(!text.contains("/secret/path") && !text.contains("row 7"), "{text}");
        }
    }

    #[tokio::test]
    async fn who_has_no_key_is_told_how_to_bring_one() {
        let (_, headers, _) = parts(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "no")).await;
        assert_eq!(headers["www-authenticate"], "Bearer realm=\"jackfield\"");
    }
}
