//! Parked deliveries.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::fact::Fact;
use jackfield_core::ids::ParkedId;
use jackfield_core::views::Page;
use jackfield_core::views::operations::{self, ParkedView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::command;
use super::params::{Command, Id, Limit, Nothing, Query};
use super::problem::Result;
use crate::host::Host;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ParkedQuery {
    /// The `next` of the page before.
    #[param(value_type = Option<ParkedId>, nullable = false)]
    before: Option<ParkedId>,
    /// How many, at the most.
    #[serde(default)]
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Deliveries that could not be handled, newest first.
#[utoipa::path(get, path = "/v1/parked", tag = "parked", params(ParkedQuery),
    responses((status = 200, description = "A page of parked deliveries", body = Page<ParkedView>)))]
pub(super) async fn list_parked(
    State(host): State<Arc<Host>>,
    Query(query): Query<ParkedQuery>,
) -> Result<Json<Page<ParkedView>>> {
    let before = query.before.map(|id| id.to_string());
    Ok(Json(operations::parked(&host.view(), before.as_deref(), query.limit.0)?))
}

/// A delivery that is parked no more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Discarded {
    /// Which.
    parked: ParkedId,
}

/// Lets go of a parked delivery. It stays in the journal.
#[utoipa::path(post, path = "/v1/parked/{id}/discard", tag = "parked", request_body = Nothing,
    params(("id" = ParkedId, Path, description = "The parked delivery")),
    responses((status = 200, description = "Discarded", body = Discarded)))]
pub(super) async fn discard_parked(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(parked): Id<ParkedId>,
    _: Command<Nothing>,
) -> Result<Json<Discarded>> {
    command::run(&host, caller, None, Fact::ParkedDiscarded { parked }).await?;
    Ok(Json(Discarded { parked }))
}
