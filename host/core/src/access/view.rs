//! API keys and repeated commands, as the host and clients read them.

use serde::Serialize;

use super::rows::{ApiKey, BY_HASH, IDEMPOTENCY, KEYS};
use crate::apply::{actor_name, refuse};
use crate::fact::{Actor, Idempotency, Outcome, Role};
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

/// What came of an earlier command with the same key of the client's own; a refusal if that was another command.
///
/// # Errors
/// When the tables cannot be read.
pub fn remembered(tables: &impl Read, actor: &Actor, idempotency: &Idempotency) -> Result<Option<Outcome>> {
    let Idempotency { key, request } = idempotency;
    let before = IDEMPOTENCY.get(tables, (&actor_name(actor), key))?;
    Ok(before.map(|before| match before.request == *request {
        true => before.outcome,
        false => {
            let message = "this Idempotency-Key was used for another request; use a new key for a new request";
            refuse("idempotency_mismatch", message)
        }
    }))
}
