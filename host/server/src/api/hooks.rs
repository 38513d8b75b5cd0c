//! Webhooks, as providers call them. What a connector answers is sent as it is; see [`crate::ingress`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::Request;
use jackfield_core::ids::ChannelId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use crate::host::Host;
use crate::ingress;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(verify_webhook, receive_webhook))
}

/// A provider asks whether the webhook is ours.
#[utoipa::path(get, path = "/hooks/{channel}", tag = "hooks", params(("channel" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "What the connector answers"), (status = "default", description = "What the connector answers")))]
async fn verify_webhook(host: State<Arc<Host>>, channel: Path<String>, request: Request<Body>) -> Response {
    ingress::hook(host, channel, request).await
}

/// A provider delivers something. 200 means that it is on stable storage.
#[utoipa::path(post, path = "/hooks/{channel}", tag = "hooks", params(("channel" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "What the connector answers"), (status = "default", description = "What the connector answers")))]
async fn receive_webhook(host: State<Arc<Host>>, channel: Path<String>, request: Request<Body>) -> Response {
    ingress::hook(host, channel, request).await
}
