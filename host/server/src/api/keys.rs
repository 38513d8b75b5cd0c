//! API keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jackfield_core::fact::{Fact, Outcome, Role};
use jackfield_core::ids::KeyId;
use jackfield_core::views::Page;
use jackfield_core::views::operations::{self, ApiKeyView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::params::{Command, Id, Nothing, Text};
use crate::host::Host;
use crate::keys;
use crate::problem::{Problem, Result};

/// All API keys, revoked ones too.
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    responses((status = 200, description = "The keys", body = Page<ApiKeyView>)))]
pub(super) async fn list_keys(State(host): State<Arc<Host>>) -> Result<Json<Page<ApiKeyView>>> {
    Ok(Json(Page { items: operations::api_keys(&host.view())?, next: None }))
}

/// A key that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// What for.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Text<200>,
    /// What it may do.
    role: Role,
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedKey {
    /// Its id.
    id: KeyId,
    /// The key. This is the only time that it is shown.
    #[schema(pattern = "^jf_[A-Za-z0-9_-]{43}$")]
    key: String,
    /// What for.
    name: String,
    /// What it may do.
    role: Role,
}

/// Makes an API key. The key is in the answer and cannot be shown again.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = NewKey,
    responses((status = 201, description = "The key", body = CreatedKey)))]
pub(super) async fn create_key(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Command { body, .. }: Command<NewKey>,
) -> Result<(StatusCode, Json<CreatedKey>)> {
    let made = keys::NewKey::generate().map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Problem::internal()
    })?;
    let (name, role) = (body.name.0, body.role);
    let fact = Fact::KeyCreated { name: name.clone(), role, hash: made.hash };
    match command::run(&host, caller, None, fact).await? {
        Outcome::KeyCreated { key: id } => {
            Ok((StatusCode::CREATED, Json(CreatedKey { id, key: made.text, name, role })))
        }
        other => Err(command::unexpected(&other)),
    }
}

/// Makes a key useless from now on. A key cannot revoke itself, so that nobody locks everybody out.
#[utoipa::path(post, path = "/v1/keys/{id}/revoke", tag = "keys", request_body = Nothing,
    params(("id" = KeyId, Path, description = "The key")),
    responses((status = 200, description = "Revoked", body = ApiKeyView)))]
pub(super) async fn revoke_key(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(key): Id<KeyId>,
    _: Command<Nothing>,
) -> Result<Json<ApiKeyView>> {
    if key == caller.key {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "a key cannot revoke itself; use another admin's key",
        ));
    }
    command::run(&host, caller, None, Fact::KeyRevoked { key }).await?;
    let all = operations::api_keys(&host.view())?;
    all.into_iter().find(|row| row.id == key).map(Json).ok_or_else(|| Problem::not_found("key", key))
}
