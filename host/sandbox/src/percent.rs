//! Percent-encoding for URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986's unreserved characters stay.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a segment of a path, the sub-delimiters, `:` and `@` stay too: Telegram wants its token's colon as it is.
const SEGMENT: &AsciiSet = &COMPONENT
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// As the value of a query parameter.
pub(crate) fn percent_encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// As a segment of a path.
pub(crate) fn percent_encode_segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}
