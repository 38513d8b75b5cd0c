//! Whether the host lives and whether it can work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_store::Rebuilding;
use serde::Serialize;
use utoipa::ToSchema;

use crate::host::Host;
use crate::problem::{Problem, Result};

/// How it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// `ok`
    status: &'static str,
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
    /// `outbox`, `files`, `poll`, or one for all channels: `hints`, `rollback`, `folder`, `housekeeping`.
    work: &'static str,
    /// The channel, if it is a channel's.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<ChannelId>,
}

/// Whether the host lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It lives", body = Status)))]
pub(super) async fn get_health() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// How it stands, in detail.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ok`
    status: &'static str,
    /// Facts that met a defect of this version and were skipped; a later version applies them again.
    skipped: SkippedFacts,
    /// Tables that are built beside those that serve, such as after an upgrade; none while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilding: Option<RebuildingBeside>,
    /// Whether the disk is nearly full: files are refused, and channels may add little until there is space.
    disk_low: bool,
    /// The channels that no generation serves. The others work.
    not_serving: Vec<NotServing>,
    /// The background work that has panicked and waits to be started again.
    workers_down: Vec<WorkerDown>,
    /// What carries out what follows from facts.
    reactor: ReactorState,
}

/// How what follows from facts is carried out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReactorState {
    /// How often a mistake of the host was contained there, since it started. The log has the reasons.
    panics: u64,
    /// How many things could not be carried out yet, versions that are to serve and cannot be loaded among them. They are looked at again
    /// in time.
    to_look_at_again: usize,
}

/// How far tables are that are built beside those that serve.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RebuildingBeside {
    /// Why they are built.
    why: String,
    /// How many facts are applied.
    done: u64,
    /// Of how many, when it began.
    total: u64,
}

/// Facts that were skipped.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SkippedFacts {
    /// How many, up to 1,000.
    count: usize,
    /// The numbers of the first of them. Nobody needs a key to read this, so the reasons, which may repeat what a fact holds, are in the
    /// log, and in what `jackfield check` prints while the host is stopped.
    first: Vec<u64>,
}

/// How many skipped facts are counted, and how many are shown.
const MOST_SKIPPED: usize = 1_000;
const SHOWN_SKIPPED: usize = 5;

/// Whether the host can take webhooks and commands. While it starts, the answer is 503, and its `detail` says how far it is.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It can", body = Readiness)))]
pub(super) async fn get_readiness(State(host): State<Arc<Host>>) -> Result<Json<Readiness>> {
    if host.stop.has_begun() {
        return Err(Problem::unavailable("stopping", "the host is stopping", 5));
    }
    if host.store.stopped().is_some() {
        return Err(Problem::unavailable("unavailable", "nothing can be stored; the log says why", 5));
    }
    // Few rows, and not the turns of views: this has to be answered under any load.
    let skipped = operations::skipped(&host.view(), MOST_SKIPPED)?;
    let count = skipped.len();
    let first = skipped.iter().take(SHOWN_SKIPPED).map(|skipped| skipped.seq.0).collect();
    // Nobody needs a key to read this, so why a channel is not served is not said here: `GET /v1/channels/{id}` does.
    let not_serving = host.channels.not_serving().into_iter().map(|(channel, _)| NotServing { channel }).collect();
    let workers_down = host.panics.down().into_iter().map(|(work, channel)| WorkerDown { work, channel }).collect();
    let rebuilding = host.store.rebuilding().borrow().clone();
    let rebuilding = rebuilding.map(|Rebuilding { why, done, total }| RebuildingBeside { why, done, total });
    let skipped = SkippedFacts { count, first };
    let disk_low = host.store.is_disk_low().unwrap_or_else(|error| {
        tracing::error!("the free space of the disk cannot be told: {error}");
        false
    });
    let health = host.reactor.health();
    let reactor = ReactorState { panics: health.panics(), to_look_at_again: health.to_look_at_again() };
    Ok(Json(Readiness { status: "ok", skipped, rebuilding, disk_low, not_serving, workers_down, reactor }))
}
