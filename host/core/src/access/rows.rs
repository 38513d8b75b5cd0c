//! Rows about API keys, and about commands that must not be done twice.

use serde::{Deserialize, Serialize};

use crate::fact::{Outcome, Role};
use crate::ids::{KeyId, Millis};
use crate::tables::{Json, Present, Table, Text};

/// API keys.
pub const KEYS: Table<(KeyId,), ApiKey> = Table::new(16, "API keys");
/// API keys by their hash.
pub const BY_HASH: Table<(Text,), KeyId> = Table::new(17, "API keys by hash");
/// What came of commands that bore a key of the client's own, by actor and key.
pub const IDEMPOTENCY: Table<(Text, Text), IdempotencyRecord> = Table::new(18, "idempotency records");
/// The same by time.
pub const IDEMPOTENCY_BY_TIME: Table<(Millis, Text, Text), Present> = Table::new(39, "idempotency records by time");

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The sha256 of the key.
    pub hash: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Millis>,
}

/// What came of a command that bore a key of the client's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// The request's digest.
    pub request: String,
    /// The result.
    pub outcome: Outcome,
    /// When; none in rows of edition 2.
    #[serde(default)]
    pub at: Millis,
}

impl Json for ApiKey {}
impl Json for KeyId {}
impl Json for IdempotencyRecord {}
