//! Headers that a guest may not set.

use http::HeaderName;
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

/// Headers that belong to the connection or that only the host may set, besides wasmtime's own list.
const FORBIDDEN: [HeaderName; 5] =
    [http::header::EXPECT, http::header::FORWARDED, http::header::TE, http::header::TRAILER, http::header::VIA];

pub(crate) fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || FORBIDDEN.contains(name) || name.as_str().starts_with("x-forwarded-")
}
