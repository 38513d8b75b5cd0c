//! What a channel may do: shown, granted, revoked, and why something was denied.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::{Grants, Origin};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::command;
use super::params::{Command, Id, Query};
use crate::channels::ChannelRuntime;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// What the operator allows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantsView {
    /// Origins that it may reach.
    http: Vec<String>,
    /// Of these, origins that may be at private addresses.
    private_addresses: Vec<String>,
    /// Whether requests that nobody signed count.
    public_webhook: bool,
}

impl From<&Grants> for GrantsView {
    fn from(grants: &Grants) -> Self {
        Self {
            http: grants.http.iter().map(ToString::to_string).collect(),
            private_addresses: grants.private_addresses.iter().map(ToString::to_string).collect(),
            public_webhook: grants.public_webhook,
        }
    }
}

/// What a channel may do, and what its connector asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantsState {
    /// What it may do.
    granted: GrantsView,
    /// The origins that the connector that serves wants to reach.
    asks_for: Vec<String>,
    /// Of these, the origins that are not granted: a call that wants them is denied.
    denied: Vec<String>,
}

/// What is to be allowed besides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantRequest {
    /// Origins that it may reach: `https://api.example.com`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    http: Vec<Origin>,
    /// Origins that it may reach even if they are at private addresses.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    private_addresses: Vec<Origin>,
    /// Whether requests that nobody signed count.
    #[schema(nullable = false)]
    public_webhook: Option<bool>,
}

/// What is to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeRequest {
    /// Origins that it may reach no more, whatever the configuration says.
    #[schema(value_type = Vec<String>)]
    http: Vec<Origin>,
}

/// What a channel may do, and what its connector asks for.
#[utoipa::path(get, path = "/v1/channels/{id}/grants", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "The grants", body = GrantsState)))]
pub(super) async fn get_grants(State(host): State<Arc<Host>>, Id(id): Id<ChannelId>) -> Result<Json<GrantsState>> {
    let channel = running(&host, &id)?;
    state(&channel)
}

/// Allows a channel more, at once.
#[utoipa::path(post, path = "/v1/channels/{id}/grants", tag = "channels", request_body = GrantRequest,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "The grants as they are now", body = GrantsState)))]
pub(super) async fn grant(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    wanted: Command<GrantRequest>,
) -> Result<Json<GrantsState>> {
    let channel = running(&host, &id)?;
    let GrantRequest { http, private_addresses, public_webhook } = wanted.body;
    let (lifecycle, granted) = (Arc::clone(&host.lifecycle), Arc::clone(&channel));
    let work =
        async move { lifecycle.grant(&granted, &http, &private_addresses, public_webhook, caller.actor()).await };
    command::to_its_end(work).await?;
    state(&channel)
}

/// Takes grants of a channel back, at once, whatever the configuration says.
#[utoipa::path(post, path = "/v1/channels/{id}/grants/revoke", tag = "channels", request_body = RevokeRequest,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "The grants as they are now", body = GrantsState)))]
pub(super) async fn revoke(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    wanted: Command<RevokeRequest>,
) -> Result<Json<GrantsState>> {
    let channel = running(&host, &id)?;
    let (lifecycle, revoked) = (Arc::clone(&host.lifecycle), Arc::clone(&channel));
    let work = async move { lifecycle.revoke(&revoked, &wanted.body.http, caller.actor()).await };
    command::to_its_end(work).await?;
    state(&channel)
}

/// Which origin is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainQuery {
    /// `https://api.example.com`
    #[param(value_type = String)]
    origin: Origin,
}

/// Why a channel may or may not reach an origin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// Whether it may.
    allowed: bool,
    /// A sentence, with the remedy.
    because: String,
}

/// Says why a channel may or may not reach an origin.
#[utoipa::path(get, path = "/v1/channels/{id}/grants/explain", tag = "channels",
    params(("id" = ChannelId, Path, description = "The channel"), ExplainQuery),
    responses((status = 200, description = "The reason", body = Explanation)))]
pub(super) async fn explain(
    State(host): State<Arc<Host>>,
    Id(id): Id<ChannelId>,
    Query(query): Query<ExplainQuery>,
) -> Result<Json<Explanation>> {
    let channel = running(&host, &id)?;
    let (generation, bound) = channel.serving().ok_or_else(|| Problem::not_found("serving generation of", &id))?;
    let origin = query.origin;
    let asked = generation.connector.asks_for(&channel.config.config).contains(&origin);
    let revoked = operations::grant_changes(&host.view(), &id)?.revoked.contains(&origin.to_string());
    let granted = bound.grants.http.contains(&origin);
    let private = bound.grants.private_addresses.contains(&origin);
    let because = match (asked, granted, revoked) {
        (false, ..) => format!(
            "The connector's manifest does not ask for {origin}, and a connector reaches only what it asks for. Its author has to add it."
        ),
        (true, false, true) => {
            format!("It was revoked while the host ran. Grant it again with `jackfield channel grant {id} {origin}`.")
        }
        (true, false, false) => format!(
            "The manifest asks for it and nobody granted it. Grant it with `jackfield channel grant {id} {origin}`."
        ),
        (true, true, _) if private => String::from("It is asked for and granted, at private addresses too."),
        (true, true, _) => String::from(
            "It is asked for and granted. If its name leads to a private or loopback address it is denied all the same, unless that is granted too.",
        ),
    };
    Ok(Json(Explanation { allowed: asked && granted, because }))
}

pub(super) fn running(host: &Host, id: &ChannelId) -> Result<Arc<ChannelRuntime>> {
    host.channels.get(id).ok_or_else(|| Problem::not_found("channel that is switched on:", id))
}

fn state(channel: &ChannelRuntime) -> Result<Json<GrantsState>> {
    let (generation, bound) =
        channel.serving().ok_or_else(|| Problem::not_found("serving generation of", &channel.id))?;
    let asked = generation.connector.asks_for(&channel.config.config);
    let denied = asked.iter().filter(|origin| !bound.grants.http.contains(origin)).map(ToString::to_string);
    Ok(Json(GrantsState {
        denied: denied.collect(),
        asks_for: asked.iter().map(ToString::to_string).collect(),
        granted: GrantsView::from(&bound.grants),
    }))
}
