//! Whether the host lives and whether it can work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::ids::ChannelId;
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

/// Whether the host can work, and what of it cannot.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ok`
    status: &'static str,
    /// The channels that no generation serves. The others work.
    not_serving: Vec<NotServing>,
    /// The background work that has panicked and waits to be started again.
    workers_down: Vec<WorkerDown>,
}

/// A channel that no generation serves.
#[derive(Debug, Serialize, ToSchema)]
struct NotServing {
    /// The channel.
    channel: ChannelId,
}

/// Work that waits to be started again.
#[derive(Debug, Serialize, ToSchema)]
struct WorkerDown {
    /// `outbox`, `files` or `poll`.
    work: &'static str,
    /// The channel.
    channel: ChannelId,
}

/// Whether the host lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It lives", body = Status)))]
pub(super) async fn get_health() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Whether the host can take webhooks and commands.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It can", body = Readiness)))]
pub(super) async fn get_readiness(State(host): State<Arc<Host>>) -> Result<Json<Readiness>> {
    if host.stop.has_begun() {
        return Err(Problem::unavailable("stopping", "the host is stopping", 5));
    }
    if host.store.stopped().is_some() {
        return Err(Problem::unavailable("unavailable", "nothing can be stored; the log says why", 5));
    }
    Ok(Json(readiness(&host)))
}

/// Nobody needs a key to read this, so why a channel is not served is not said here: `GET /v1/channels/{id}` does.
fn readiness(host: &Host) -> Readiness {
    let not_serving = host.channels.not_serving().into_iter().map(|(channel, _)| NotServing { channel });
    let workers_down = host.panics.down().into_iter().map(|(work, channel)| WorkerDown { work, channel });
    Readiness { status: "ok", not_serving: not_serving.collect(), workers_down: workers_down.collect() }
}
