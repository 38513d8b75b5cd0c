//! Whether the host lives and whether it can work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Problem, Result};
use crate::host::Host;

/// How it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// `ok`
    status: &'static str,
}

/// Whether the host lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It lives", body = Status)))]
pub(super) async fn get_health() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Whether the host can take webhooks and commands.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It can", body = Status)))]
pub(super) async fn get_readiness(State(host): State<Arc<Host>>) -> Result<Json<Status>> {
    if host.stop.has_begun() {
        return Err(Problem::unavailable("stopping", "the host is stopping", 5));
    }
    if host.store.stopped().is_some() {
        return Err(Problem::unavailable("unavailable", "nothing can be stored; the log says why", 5));
    }
    Ok(Json(Status { status: "ok" }))
}
