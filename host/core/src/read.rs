//! What lists that clients read have in common: times, pages, cursors.

use serde::{Serialize, Serializer};

use crate::ids::Millis;

/// A time for people: RFC 3339, UTC, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
pub struct Time(pub Millis);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0.rfc3339())
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give this as `before` for the next page; none on the last one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}

/// A cursor could not be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a cursor that this list gave; use the value of `next` as it was")]
pub struct BadCursor(pub String);

/// What can go wrong when a list is read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ListError {
    /// The views.
    #[error(transparent)]
    Read(#[from] crate::tables::ReadError),
    /// The client's cursor.
    #[error(transparent)]
    Cursor(#[from] BadCursor),
}
