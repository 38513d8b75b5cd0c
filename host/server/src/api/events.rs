//! Events as they happen, as server-sent events.
//!
//! Nothing runs on its own here: the stream looks for events when the client has room for them. So a slow client holds one page of events
//! in memory and no more, and a client that went away costs nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream;
use http::HeaderMap;
use jackfield_core::ids::Seq;
use jackfield_core::views::feed::{self, EventId, EventView};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

use super::Api;
use super::params::{Query, Text};
use super::problem::{Problem, Result};
use crate::host::Host;

/// How many clients may follow at once.
pub(super) const CLIENTS: usize = 1024;

/// How many facts are looked at in one go.
const PAGE: usize = 64;

/// A sign of life for proxies that close what is silent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many types a client may name.
const MOST_TYPES: usize = 50;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Begin after this event; 0 is the beginning of everything. `Last-Event-ID` is over it. Without either, from now on.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[0-9]{1,15}(\\.[0-9]{1,5})?$")]
    after: Option<Text<40>>,
    /// Only these types, divided by commas; `delivery.*` means all that begin like it.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[a-z_.*]{1,64}(,[a-z_.*]{1,64}){0,49}$")]
    types: Option<Text<4000>>,
}

/// Everything that happens, as it happens: server-sent events whose `data` is an `EventView`. A client that comes back with
/// `Last-Event-ID` misses nothing and sees nothing twice.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, nullable = false, pattern = "^[0-9]{1,15}(\\.[0-9]{1,5})?$",
        description = "The id of the last event that was seen")),
    responses((status = 200, description = "The events", body = String, content_type = "text/event-stream")))]
pub(super) async fn follow_events(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let after = begin(&headers, query.after.as_ref())?;
    let types = query.types.map(|types| types_of(&types.0)).transpose()?;
    let Ok(place) = Arc::clone(&api.streams).try_acquire_owned() else {
        return Err(Problem::unavailable(
            "too_many_clients",
            "too many clients follow the events; try again later",
            10,
        ));
    };
    let seen = api.host.store.watch();
    let after = after.unwrap_or_else(|| EventId::after(*seen.borrow()));
    let follower = Follower { host: api.host, seen, after, types, ready: VecDeque::new(), _place: place };
    // Proxies and clients learn at once that the stream is open.
    let hello = stream::iter([Ok(Event::default().comment("open"))]);
    let events = stream::unfold(follower, async |mut follower| Some((Ok(follower.next().await?), follower)));
    let stream = futures_util::StreamExt::chain(hello, events);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")))
}

/// Where to begin, if the client says so.
fn begin(headers: &HeaderMap, after: Option<&Text<40>>) -> Result<Option<EventId>> {
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let Some(text) = last.filter(|text| !text.is_empty()).or_else(|| after.map(|after| after.0.as_str())) else {
        return Ok(None);
    };
    let id = text.parse().map_err(|_| {
        Problem::invalid("`after` and `Last-Event-ID` have to be the id of an event, such as 17 or 17.1")
    })?;
    Ok(Some(id))
}

fn types_of(text: &str) -> Result<Vec<String>> {
    let types: Vec<String> = text.split(',').map(str::to_owned).collect();
    let of_a_type = |b: u8| b.is_ascii_lowercase() || matches!(b, b'_' | b'.' | b'*');
    let fits = |t: &String| (1..=64).contains(&t.len()) && t.bytes().all(of_a_type);
    match types.len() <= MOST_TYPES && types.iter().all(fits) {
        true => Ok(types),
        false => Err(Problem::invalid(
            "`types` has to be 1 to 50 types, divided by commas, such as message.received,delivery.*",
        )),
    }
}

/// A client that follows.
struct Follower {
    host: Arc<Host>,
    seen: watch::Receiver<Seq>,
    after: EventId,
    types: Option<Vec<String>>,
    ready: VecDeque<EventView>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; none when the host stops or cannot read any more. The client comes back and goes on where it was.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return written(&event);
            }
            if self.host.stop.has_begun() {
                return None;
            }
            // Marked as seen before it is read, so that what comes in between wakes us again.
            self.seen.borrow_and_update();
            if self.look()? {
                // A client that reads everything from the beginning must not keep others from running.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                changed = self.seen.changed() => changed.ok()?,
                () = self.host.stop.begun() => return None,
            }
        }
    }

    /// Looks for events, and says whether to look again. None if that is not possible.
    fn look(&mut self) -> Option<bool> {
        let found = feed::events(&self.host.view(), self.after, self.types.as_deref(), PAGE);
        let (events, reached) = found.inspect_err(|error| tracing::error!(%error, "the events cannot be read")).ok()?;
        let moved = reached > self.after;
        self.after = reached;
        self.ready.extend(events.into_iter().map(|(_, event)| event));
        Some(moved)
    }
}

fn written(event: &EventView) -> Option<Event> {
    let sse = Event::default().id(&event.id).event(&event.kind).json_data(event);
    sse.inspect_err(|error| tracing::error!(%error, "an event cannot be written")).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn last_event_id_is_over_after() {
        let mut headers = HeaderMap::new();
        let after = Text(String::from("5"));
        assert_eq!(begin(&headers, None).unwrap(), None);
        assert_eq!(begin(&headers, Some(&after)).unwrap(), Some(EventId { seq: Seq(5), index: 0 }));
        headers.insert("last-event-id", HeaderValue::from_static("17.1"));
        assert_eq!(begin(&headers, Some(&after)).unwrap(), Some(EventId { seq: Seq(17), index: 1 }));
        headers.insert("last-event-id", HeaderValue::from_static("yesterday"));
        assert_eq!(begin(&headers, Some(&after)).unwrap_err().status().as_u16(), 400);
    }

    #[test]
    fn types_are_divided_by_commas() {
        assert_eq!(types_of("a,b.*").unwrap(), ["a", "b.*"]);
        assert!(
            types_of(",").is_err() && types_of("a b").is_err() && types_of(&format!("{}a", "a,".repeat(50))).is_err()
        );
    }
}
