//! Messages: sending one, looking at one, trying one again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jackfield_core::event::Part;
use jackfield_core::fact::{Destination, Fact, Outcome, Via};
use jackfield_core::ids::{ChannelId, CustomerId, IdentityId, MessageId};
use jackfield_core::rows::DeliveryState;
use jackfield_core::views::message::{self, MessageView};
use jackfield_core::views::operations;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::files::find_files;
use super::params::{Command, Id, KeyedCommand, Nothing, Text};
use super::parts::{NewPart, NewTemplate};
use super::reader::Reader;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// How many parts a message may have.
const MOST_PARTS: usize = 10;

/// A message to a customer: `text` or `parts` or `template`, one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    /// Plain text.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 65536)]
    text: Option<Text<65536>>,
    /// Content of several parts, or other than text.
    #[schema(min_items = 1, max_items = 10)]
    parts: Option<Vec<NewPart>>,
    /// A template, where the channel takes nothing else.
    template: Option<NewTemplate>,
    /// Where to: the id of a channel, or of one of the customer's identities. Without it, where the customer last wrote with nobody else
    /// listening.
    #[schema(pattern = "^([a-z0-9-]{1,64}|idn_(0|[1-9][0-9]{0,13})(_[1-9][0-9]{0,3})?)$")]
    via: Option<String>,
    /// The message it answers. Without `via` and `thread` the answer goes where that was written, whoever listens there.
    reply_to: Option<MessageId>,
    /// The thread to write to, by the channel's id of it: one in which the customer wrote last, such as a group.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    thread: Option<Text<512>>,
}

impl NewMessage {
    fn content(&mut self) -> Result<Vec<Part>> {
        match (self.text.take(), self.parts.take(), self.template.take()) {
            (Some(text), None, None) => Ok(vec![Part::Text { text: text.0 }]),
            (None, None, Some(template)) => Ok(vec![template.part()?]),
            (None, Some(parts), None) if (1..=MOST_PARTS).contains(&parts.len()) => {
                parts.into_iter().map(NewPart::part).collect()
            }
            (None, Some(_), None) => Err(Problem::invalid(format!("a message has 1 to {MOST_PARTS} `parts`"))),
            _ => Err(Problem::invalid("give `text` or `parts` or `template`, and only one of them")),
        }
    }

    fn via(&self) -> Result<Option<Via>> {
        let Some(text) = &self.via else {
            return Ok(None);
        };
        let identity = |text: &str| text.parse::<IdentityId>().ok().map(Via::Identity);
        let channel = |text: &str| text.parse::<ChannelId>().ok().map(Via::Channel);
        match identity(text).or_else(|| channel(text)) {
            Some(via) => Ok(Some(via)),
            None => Err(Problem::invalid("`via` has to be the id of a channel or of an identity (`idn_…`)")),
        }
    }
}

/// A message that waits to be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// Its id; `GET /v1/messages/{id}` tells how it goes on.
    message_id: MessageId,
    /// How it stands.
    delivery: AcceptedDelivery,
    /// Where it goes; none where a message that was accepted before is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Destination>,
    /// Why it is not sent at once; none if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
    /// The number of the fact that made the message.
    seq: u64,
}

/// What a message waits for. What has waited for more than a day fails instead of being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Waits {
    /// That its channel stands in the configuration again.
    Off,
    /// That an operator lets its channel go on, who has paused it.
    Paused,
    /// That an operator lets its channel go on, whose credentials or settings do not work.
    Parked,
}

/// How a message stands that was just accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptedDelivery {
    /// `queued`
    state: DeliveryState,
}

pub(super) fn accepted(host: &Host, outcome: &Outcome) -> Result<(StatusCode, Json<Accepted>)> {
    let Outcome::Queued { message, to } = outcome else {
        return Err(command::unexpected(outcome));
    };
    let delivery = AcceptedDelivery { state: DeliveryState::Queued };
    let (to, seq) = (to.as_deref().cloned(), message.seq().0);
    let waits = waits(host, *message)?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { message_id: *message, delivery, to, waits, seq })))
}

fn waits(host: &Host, message: MessageId) -> Result<Option<Waits>> {
    let view = host.view();
    let Some(message) = operations::message(&view, message)? else { return Ok(None) };
    if host.channels.get(&message.channel).is_none() {
        return Ok(Some(Waits::Off));
    }
    let row = operations::channel(&view, &message.channel)?;
    Ok(row.and_then(|row| match (row.paused, row.parked) {
        (true, _) => Some(Waits::Paused),
        (false, Some(_)) => Some(Waits::Parked),
        (false, None) => None,
    }))
}

/// Sends a message to a customer. The answer comes when it is safely stored; sending goes on by itself, and where it cannot for now the
/// answer says what it `waits` for.
#[utoipa::path(post, path = "/v1/customers/{id}/messages", tag = "messages", request_body = NewMessage,
    params(("id" = CustomerId, Path, description = "The customer")),
    responses((status = 202, description = "It will be sent", body = Accepted)))]
pub(super) async fn send_message(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(customer): Id<CustomerId>,
    KeyedCommand { mut body, idempotency }: KeyedCommand<NewMessage>,
) -> Result<(StatusCode, Json<Accepted>)> {
    if operations::erasure_of(&host.view(), customer)?.is_some() {
        // Also what is refused would be in the journal.
        return Err(Problem::not_found("customer", customer));
    }
    let mut parts = body.content()?;
    find_files(&host, &mut parts).await?;
    let fact = Fact::MessageRequested {
        customer,
        parts,
        via: body.via()?,
        reply_to: body.reply_to,
        thread: body.thread.take().map(|thread| thread.0),
        idempotency: idempotency.clone(),
    };
    accepted(&host, &command::run(&host, caller, idempotency.as_ref(), fact).await?)
}

/// A message with the history of its delivery.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages", params(("id" = MessageId, Path, description = "The message")),
    responses((status = 200, description = "The message", body = MessageView)))]
pub(super) async fn get_message(State(reader): State<Reader>, Id(id): Id<MessageId>) -> Result<Json<MessageView>> {
    let found = reader.read(move |view| message::message(view, id)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("message", id))
}

/// Tries a message again whose delivery is failed or uncertain. What is uncertain may have arrived, so this can send it twice.
#[utoipa::path(post, path = "/v1/messages/{id}/retry", tag = "messages", request_body = Nothing,
    params(("id" = MessageId, Path, description = "The message")),
    responses((status = 202, description = "It will be tried again", body = Accepted)))]
pub(super) async fn retry_message(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(message): Id<MessageId>,
    _: Command<Nothing>,
) -> Result<(StatusCode, Json<Accepted>)> {
    accepted(&host, &command::run(&host, caller, None, Fact::RetryRequested { message }).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: serde_json::Value) -> std::result::Result<(Vec<Part>, Option<Via>), String> {
        let mut message: NewMessage = serde_json::from_value(body).map_err(|e| e.to_string())?;
        let problem = |problem: Problem| format!("{problem:?}");
        Ok((message.content().map_err(problem)?, message.via().map_err(problem)?))
    }

    #[test]
    fn text_is_one_part() {
        assert_eq!(read(json!({"text": "x"})).unwrap().0, [Part::Text { text: String::from("x") }]);
        assert_eq!(read(json!({"text": "x", "parts": null})).unwrap().0.len(), 1);
    }

    #[test]
    fn one_kind_of_content_is_needed_and_only_one() {
        let part = json!({"type": "text", "text": "x"});
        for body in [
            json!({}),
            json!({"text": null}),
            json!({"text": "x", "parts": [part]}),
            json!({"parts": []}),
            json!({"parts": vec![part.clone(); 11]}),
            json!({"text": "x".repeat(65_537)}),
            json!({"text": "x", "team": 1}),
        ] {
            assert!(read(body.clone()).is_err(), "{}", body.to_string().chars().take(80).collect::<String>());
        }
        assert_eq!(read(json!({"parts": vec![part; 10]})).unwrap().0.len(), 10);
    }

    #[test]
    fn via_is_a_channel_or_an_identity() {
        let via = |text: &str| read(json!({"text": "x", "via": text})).map(|(_, via)| via);
        assert!(matches!(via("idn_7"), Ok(Some(Via::Identity(_)))));
        assert!(matches!(via("shop-1"), Ok(Some(Via::Channel(_)))));
        assert!(via("Shop").is_err() && via("idn_07").is_err() && via("").is_err());
    }
}
