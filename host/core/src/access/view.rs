//! API keys and repeated commands, as the host and clients read them.

use serde::Serialize;

use super::rows::{ApiKey, BY_HASH, IDEMPOTENCY, KEYS};
use crate::apply::actor_name;
use crate::fact::{Actor, Outcome, Role};
use crate::ids::KeyId;
use crate::read::Time;
use crate::tables::{Read, Result};

/// An API key that is good, by the sha256 of its text.
///
/// # Errors
/// When the tables cannot be read.
pub fn api_key_by_hash(tables: &impl Read, hash: &str) -> Result<Option<ApiKey>> {
    match BY_HASH.get(tables, (hash,))? {
        Some(id) => good_api_key(tables, id),
        None => Ok(None),
    }
}

/// An API key, if it is still good.
///
/// # Errors
/// When the tables cannot be read.
pub fn good_api_key(tables: &impl Read, id: KeyId) -> Result<Option<ApiKey>> {
    Ok(KEYS.get(tables, (id,))?.filter(|key| key.revoked_at.is_none()))
}

/// An API key, as it may be shown.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyView {
    /// Its id.
    pub id: KeyId,
    /// What for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub revoked_at: Option<Time>,
}

/// All API keys, revoked ones too.
///
/// # Errors
/// When the tables cannot be read.
pub fn api_keys(tables: &impl Read) -> Result<Vec<ApiKeyView>> {
    let view = |k: ApiKey| ApiKeyView {
        id: k.id,
        name: k.name,
        role: k.role,
        created_at: Time(k.created_at),
        revoked_at: k.revoked_at.map(Time),
    };
    KEYS.scan(tables, KEYS.all(), false).map(|row| Ok(view(row?.1))).collect()
}

/// What came of an earlier command with the same key of the client's own: the digest of that request, and its result.
///
/// # Errors
/// When the tables cannot be read.
pub fn remembered(tables: &impl Read, actor: &Actor, key: &str) -> Result<Option<(String, Outcome)>> {
    let row = IDEMPOTENCY.get(tables, (&actor_name(actor), key))?;
    Ok(row.map(|r| (r.request, r.outcome)))
}
