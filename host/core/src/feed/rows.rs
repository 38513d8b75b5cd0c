//! Rows about what facts mean to the outside, and about facts that were skipped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, MessageId, Millis, Seq};
use crate::tables::{Json, Table};

/// The public events of a fact.
pub const PUBLIC_EVENTS: Table<(Seq,), Vec<PublicEvent>> = Table::new(19, "public events");
/// Facts that met a defect.
pub const SKIPPED: Table<(Seq,), Skipped> = Table::new(30, "skipped facts");

/// What a fact means to the outside: a type and what it is about. The content is read when it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicEvent {
    /// `message.received`, `message.updated`, `delivery.updated`, `customer.merged`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: Millis,
    /// The customer, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Anything else: `suggestion`, `parked`, `channel`, `touchpoint`, `state`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

/// A fact that met a defect of `apply` and changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its number.
    pub seq: Seq,
    /// When it was appended.
    pub at: Millis,
    /// Who caused it.
    pub actor: String,
    /// The defect.
    pub reason: String,
}

impl Json for Vec<PublicEvent> {}
impl Json for Skipped {}
