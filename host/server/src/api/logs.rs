//! What a channel's connector logs, as it does, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use http::HeaderMap;
use jackfield_core::ids::ChannelId;
use jackfield_core::views::Time;
use jackfield_sandbox::LogLevel;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::{Caller, Credential};
use super::params::{Id, Query};
use super::sse::{self, Look, Source};
use crate::channels::ChannelRuntime;
use crate::channels::log::Line;
use crate::problem::{Problem, Result};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// How many of the lines that are remembered it begins with, all of them if the client does not say. `Last-Event-ID` is over it.
    lines: Option<u32>,
    /// Whether it ends with what is remembered, and does not go on with what comes.
    #[serde(default)]
    end: bool,
}

/// A line of a connector's log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogLineView {
    /// When its call ended.
    at: Time,
    /// `debug`, `info`, `warn` or `error`.
    level: &'static str,
    /// The function that was called: `receive`, `deliver`, `poll`, …
    function: &'static str,
    /// The line, secrets replaced; or why the call came to nothing.
    message: String,
}

/// What a channel's connector logged last, and then what it logs, as it does: server-sent events whose `data` is a `LogLineView`. A call
/// that came to nothing is a line too. Lines are remembered in memory, the last 500; a client that is too slow misses the oldest.
#[utoipa::path(get, path = "/v1/channels/{id}/log", tag = "channels",
    params(("id" = ChannelId, Path, description = "The channel"), LogQuery,
        ("Last-Event-ID" = Option<String>, Header, nullable = false, pattern = "^[0-9]{1,15}$", description = "The id of the last line that was seen")),
    responses((status = 200, description = "The lines", body = String, content_type = "text/event-stream")))]
pub(super) async fn follow_log(
    State(api): State<Api>,
    caller: Caller,
    credential: Credential,
    headers: HeaderMap,
    Id(id): Id<ChannelId>,
    Query(query): Query<LogQuery>,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let channel = api.host.channels.get(&id).ok_or_else(|| Problem::not_found("channel that is switched on", &id))?;
    let place = api.followers.take(caller.key)?;
    let lines = channel.log.watch();
    let seen = begin(&headers, query.lines, *lines.borrow());
    let source = Lines { channel, lines, seen, ends: query.end };
    Ok(sse::follow(api.host, credential, place, source))
}

/// The number of the line behind which to begin, of `last` lines since the start of the host.
fn begin(headers: &HeaderMap, lines: Option<u32>, last: u64) -> u64 {
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match (seen, lines) {
        // Numbers begin anew with every start, so a larger one is an earlier start's.
        (Some(seen), _) => Some(seen).filter(|seen| *seen <= last).unwrap_or_default(),
        (None, Some(lines)) => last.saturating_sub(lines.into()),
        (None, None) => 0,
    }
}

/// The lines of a channel behind one. They are bounded in number and bytes where they are remembered.
struct Lines {
    channel: Arc<ChannelRuntime>,
    lines: watch::Receiver<u64>,
    seen: u64,
    ends: bool,
}

impl Source for Lines {
    async fn look(&mut self) -> Option<Look> {
        // Marked before it is looked, so that nothing that comes in between is missed.
        self.lines.borrow_and_update();
        let lines = self.channel.log.after(self.seen);
        let Some(last) = lines.iter().map(|line| line.number).next_back() else {
            return Some(if self.ends { Look::End } else { Look::Nothing });
        };
        self.seen = last;
        Some(Look::Page(lines.into_iter().map(event).collect()))
    }

    async fn changed(&mut self) {
        if self.lines.changed().await.is_err() {
            // The channel is gone, and so is its log.
            std::future::pending().await
        }
    }
}

fn event(line: Line) -> Event {
    let level = match line.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let shown = LogLineView { at: Time(line.at), level, function: line.function, message: line.message };
    // Text, an enum's word and a time are always JSON.
    Event::default().id(line.number.to_string()).json_data(shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_begins_where_it_was_or_as_far_back_as_it_wants() {
        let mut headers = HeaderMap::new();
        assert_eq!((begin(&headers, None, 7), begin(&headers, Some(2), 7), begin(&headers, Some(9), 7)), (0, 5, 0));
        headers.insert("last-event-id", http::HeaderValue::from_static("6"));
        assert_eq!((begin(&headers, Some(2), 7), begin(&headers, Some(2), 5)), (6, 0));
    }
}
