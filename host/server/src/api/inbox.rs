//! Conversations by last activity.

use axum::Json;
use axum::extract::State;
use jackfield_core::ids::ChannelId;
use jackfield_core::views::Page;
use jackfield_core::views::inbox::{self, Filter, InboxEntry};
use serde::Deserialize;
use utoipa::IntoParams;

use super::params::{Limit, Query, Text};
use super::reader::Reader;
use crate::problem::Result;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InboxQuery {
    /// Only conversations with messages on this channel.
    #[param(value_type = Option<ChannelId>, nullable = false)]
    channel: Option<ChannelId>,
    /// Only those where the customer waits for an answer, or only the others.
    #[param(nullable = false)]
    waiting: Option<bool>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>, nullable = false, min_length = 7, max_length = 60,
        pattern = "^[0-9]{1,13}-idn_(0|[1-9][0-9]{0,13})(_[1-9][0-9]{0,3})?$")]
    before: Option<Text<60>>,
    /// How many, at the most.
    #[serde(default)]
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Conversations, those with the latest activity first. A page can be short, and even empty, and still have a `next`.
#[utoipa::path(get, path = "/v1/inbox", tag = "inbox", params(InboxQuery),
    responses((status = 200, description = "A page of conversations", body = Page<InboxEntry>)))]
pub(super) async fn get_inbox(
    State(reader): State<Reader>,
    Query(query): Query<InboxQuery>,
) -> Result<Json<Page<InboxEntry>>> {
    let filter = Filter { channel: query.channel, waiting: query.waiting };
    let before = query.before.map(|cursor| cursor.0);
    reader.read(move |view| inbox::inbox(view, &filter, before.as_deref(), query.limit.0)).await.map(Json)
}
