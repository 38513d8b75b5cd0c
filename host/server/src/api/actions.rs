//! What is done to messages that are on their channel already: reactions, read marks, edits, deletions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jackfield_core::event::Part;
use jackfield_core::fact::{Fact, Idempotency, MessageAction};
use jackfield_core::ids::MessageId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::messages::{Accepted, accepted};
use super::params::{Id, KeyedCommand, Nothing, Text};
use crate::host::Host;
use crate::problem::Result;

/// A reaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReaction {
    /// An emoji; null takes the reaction back.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    emoji: Option<Text<64>>,
}

/// New content for a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewContent {
    /// Plain text.
    #[schema(value_type = String, min_length = 1, max_length = 65536)]
    text: Text<65536>,
}

async fn act(
    host: &Host,
    caller: Caller,
    message: MessageId,
    action: MessageAction,
    idempotency: Option<Idempotency>,
) -> Result<(StatusCode, Json<Accepted>)> {
    let fact = Fact::ActionRequested { message, action, idempotency: idempotency.clone() };
    accepted(host, &command::run(host, caller, idempotency.as_ref(), fact).await?)
}

/// Reacts to a message, in place of the last reaction. The answer names what was put in the outbox.
#[utoipa::path(post, path = "/v1/messages/{id}/reaction", tag = "messages", request_body = NewReaction,
    params(("id" = MessageId, Path, description = "The message")),
    responses((status = 202, description = "It will be sent", body = Accepted)))]
pub(super) async fn react(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(message): Id<MessageId>,
    KeyedCommand { body, idempotency }: KeyedCommand<NewReaction>,
) -> Result<(StatusCode, Json<Accepted>)> {
    let action = MessageAction::React { emoji: body.emoji.map(|text| text.0) };
    act(&host, caller, message, action, idempotency).await
}

/// Tells the customer that a message was read.
#[utoipa::path(post, path = "/v1/messages/{id}/read", tag = "messages", request_body = Nothing,
    params(("id" = MessageId, Path, description = "The message")),
    responses((status = 202, description = "It will be sent", body = Accepted)))]
pub(super) async fn mark_read(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(message): Id<MessageId>,
    KeyedCommand { idempotency, .. }: KeyedCommand<Nothing>,
) -> Result<(StatusCode, Json<Accepted>)> {
    act(&host, caller, message, MessageAction::MarkRead, idempotency).await
}

/// Gives a message that was sent from here another text.
#[utoipa::path(post, path = "/v1/messages/{id}/edit", tag = "messages", request_body = NewContent,
    params(("id" = MessageId, Path, description = "The message")),
    responses((status = 202, description = "It will be sent", body = Accepted)))]
pub(super) async fn edit(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(message): Id<MessageId>,
    KeyedCommand { body, idempotency }: KeyedCommand<NewContent>,
) -> Result<(StatusCode, Json<Accepted>)> {
    let action = MessageAction::Edit { parts: vec![Part::Text { text: body.text.0 }] };
    act(&host, caller, message, action, idempotency).await
}

/// Takes back a message that was sent from here.
#[utoipa::path(post, path = "/v1/messages/{id}/delete", tag = "messages", request_body = Nothing,
    params(("id" = MessageId, Path, description = "The message")),
    responses((status = 202, description = "It will be sent", body = Accepted)))]
pub(super) async fn delete(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(message): Id<MessageId>,
    KeyedCommand { idempotency, .. }: KeyedCommand<Nothing>,
) -> Result<(StatusCode, Json<Accepted>)> {
    act(&host, caller, message, MessageAction::Delete, idempotency).await
}
