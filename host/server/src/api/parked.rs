//! Parked deliveries.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jackfield_core::fact::Fact;
use jackfield_core::ids::{ChannelId, ParkedId};
use jackfield_core::views::operations::{self, ParkedView};
use jackfield_core::views::{Page, Time};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::command;
use super::params::{Command, Id, Limit, Nothing, Query};
use super::reader::Reader;
use crate::host::Host;
use crate::problem::{Problem, Result};
use crate::replay::{ReplayError, Replayed, refuse_if_paused, replay};

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

/// A parked delivery without what it holds, which only operators see, one at a time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ParkedSummary {
    /// Its id.
    id: ParkedId,
    /// Where.
    channel: ChannelId,
    /// The connector that could not handle it.
    connector: String,
    /// Its version.
    version: String,
    /// When.
    at: Time,
    /// Why.
    reason: String,
    /// `request`, or `item` where its siblings were stored.
    what: &'static str,
}

impl From<ParkedView> for ParkedSummary {
    fn from(view: ParkedView) -> Self {
        let ParkedView { id, channel, connector, version, at, reason, what, .. } = view;
        Self { id, channel, connector, version, at, reason, what }
    }
}

/// Deliveries that could not be handled, newest first, without their content.
#[utoipa::path(get, path = "/v1/parked", tag = "parked", params(ParkedQuery),
    responses((status = 200, description = "A page of parked deliveries", body = Page<ParkedSummary>)))]
pub(super) async fn list_parked(
    State(reader): State<Reader>,
    Query(query): Query<ParkedQuery>,
) -> Result<Json<Page<ParkedSummary>>> {
    let before = query.before.map(|id| id.to_string());
    let page = reader.read(move |view| operations::parked(view, before.as_deref(), query.limit.0)).await?;
    Ok(Json(Page { items: page.items.into_iter().map(ParkedSummary::from).collect(), next: page.next }))
}

/// One parked delivery.
#[utoipa::path(get, path = "/v1/parked/{id}", tag = "parked", params(("id" = ParkedId, Path, description = "The parked delivery")),
    responses((status = 200, description = "The delivery, without its headers, which can hold credentials", body = ParkedView)))]
pub(super) async fn get_parked(State(reader): State<Reader>, Id(id): Id<ParkedId>) -> Result<Json<ParkedView>> {
    let row = reader.read(move |view| operations::parked_delivery(view, id)).await?;
    row.map(Json).ok_or_else(|| Problem::not_found("parked delivery", id))
}

/// How a delivery is to be handled again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// On this generation of the connector; on the one that serves without it.
    #[schema(nullable = false)]
    generation: Option<u32>,
}

/// A delivery that was handled after all.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayedView {
    /// Which.
    parked: ParkedId,
    /// Events that changed something.
    new: u32,
    /// Events that had been seen.
    duplicate: u32,
    /// Items that could still not be understood, and are parked.
    parked_items: usize,
}

impl ReplayedView {
    fn new(parked: ParkedId, replayed: Replayed) -> Self {
        Self { parked, new: replayed.new, duplicate: replayed.duplicate, parked_items: replayed.parked }
    }
}

/// Handles a parked delivery again. It lands once, or stays parked. A channel that is paused takes nothing in.
#[utoipa::path(post, path = "/v1/parked/{id}/replay", tag = "parked", request_body = ReplayRequest,
    params(("id" = ParkedId, Path, description = "The parked delivery")),
    responses((status = 200, description = "It was handled", body = ReplayedView),
        (status = 409, description = "It stays parked; `paused` if its channel is", body = crate::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn replay_parked(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(id): Id<ParkedId>,
    wanted: Command<ReplayRequest>,
) -> Result<Json<ReplayedView>> {
    let work = async move { replay(&host, id, wanted.body.generation, caller.actor()).await };
    let replayed = command::to_its_end(work).await?;
    Ok(Json(ReplayedView::new(id, replayed)))
}

/// Which deliveries are to be handled again, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayAllRequest {
    /// Those of this channel; of all channels without it.
    #[schema(nullable = false)]
    channel: Option<ChannelId>,
    /// The `next` of the answer before, to go on behind what that one looked at; from the beginning without it.
    #[schema(nullable = false)]
    after: Option<String>,
    /// On this generation of the connector; on the one that serves without it.
    #[schema(nullable = false)]
    generation: Option<u32>,
}

/// A delivery that stays parked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StaysParked {
    /// Which.
    parked: ParkedId,
    /// Why.
    reason: String,
}

/// What handling many deliveries again brought.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayedAll {
    /// Those that were handled.
    replayed: Vec<ReplayedView>,
    /// Those that stay.
    stay: Vec<StaysParked>,
    /// What to give as `after` for those that were not looked at; none if there are no more.
    #[schema(required)]
    next: Option<String>,
}

/// How many deliveries one request handles again.
const AT_ONCE: usize = 100;

/// Handles parked deliveries again, up to 100: those that were verified when they came first, then the others, each oldest first. Repeated
/// with the `next` of each answer it gets to the end, whatever stays parked. A channel that is paused takes nothing in.
#[utoipa::path(post, path = "/v1/parked/replay", tag = "parked", request_body = ReplayAllRequest,
    responses((status = 200, description = "What became of them", body = ReplayedAll)))]
pub(super) async fn replay_all(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    caller: Caller,
    wanted: Command<ReplayAllRequest>,
) -> Result<Json<ReplayedAll>> {
    let ReplayAllRequest { channel, after, generation } = wanted.body;
    if let Some(channel) = &channel {
        refuse_if_paused(&host, channel)?;
    }
    let page = reader.read(move |view| operations::parked_requests(view, channel.as_ref(), after.as_deref(), AT_ONCE));
    let Page { items: ids, next } = page.await?;
    let work = async move {
        let (mut replayed, mut stay) = (Vec::new(), Vec::new());
        for id in ids {
            match replay(&host, id, generation, caller.actor()).await {
                Ok(done) => replayed.push(ReplayedView::new(id, done)),
                Err(ReplayError::Append(error)) => return Err(error),
                Err(error) => stay.push(StaysParked { parked: id, reason: error.to_string() }),
            }
        }
        Ok((replayed, stay))
    };
    let (replayed, stay) = command::to_its_end(work).await?;
    Ok(Json(ReplayedAll { replayed, stay, next }))
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotFound(id) => Self::not_found("parked delivery", id),
            ReplayError::Paused(_) => Self::new(StatusCode::CONFLICT, "paused", error.to_string()),
            ReplayError::Stays(message) => Self::new(StatusCode::CONFLICT, "conflict", message),
            ReplayError::Generation(trouble) => trouble.into(),
            ReplayError::Append(error) => error.into(),
            ReplayError::Read(error) => error.into(),
        }
    }
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
