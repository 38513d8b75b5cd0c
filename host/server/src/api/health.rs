//! Whether the host lives and whether it can work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::rows::Skipped;
use jackfield_core::views::operations;
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

/// How it stands, in detail.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ok`
    status: &'static str,
    /// Facts that met a defect of this version and were skipped; a later version applies them again.
    skipped: SkippedFacts,
}

/// Facts that were skipped.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SkippedFacts {
    /// How many, up to 1,000.
    count: usize,
    /// The first of them. What they hold is not shown.
    first: Vec<SkippedFact>,
}

/// A fact that was skipped.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SkippedFact {
    /// Its number.
    seq: u64,
    /// The defect.
    reason: String,
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
    let shown = |skipped: Skipped| SkippedFact { seq: skipped.seq.0, reason: skipped.reason };
    let first = skipped.into_iter().take(SHOWN_SKIPPED).map(shown).collect();
    Ok(Json(Readiness { status: "ok", skipped: SkippedFacts { count, first } }))
}
