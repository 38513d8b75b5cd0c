//! Events as they happen, as server-sent events; see [`sse`].

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use http::{HeaderMap, StatusCode};
use jackfield_core::tables::{self, Read};
use jackfield_core::views::feed::{self, EventId, EventView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::auth::{Caller, Credential};
use super::params::{Query, Text};
use super::reader::Reader;
use super::sse::{self, Look, Source};
use crate::problem::{Problem, Result};

/// How many facts are looked at in one go.
const PAGE_FACTS: usize = 64;

/// How many events a page has at the most, and how many bytes it has before it takes no further one. One fact can have thousands of
/// events, and each of them a message.
const PAGE_EVENTS: usize = 200;
const PAGE_BYTES: usize = 256 << 10;

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
    responses((status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 409, description = "There is no such event: the journal ends before it", body = crate::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn follow_events(
    State(api): State<Api>,
    caller: Caller,
    credential: Credential,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let after = begin(&headers, query.after.as_ref())?;
    let types = query.types.map(|types| types_of(&types.0)).transpose()?.map(Into::into);
    let place = api.followers.take(caller.key)?;
    let last = *api.host.store.watch().borrow();
    if after.is_some_and(|after| after.seq > last) {
        let detail = format!(
            "there is no such event: the journal ends at {last}, perhaps because it was restored from a backup; read what you keep \
             once more and follow from `after={last}`"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "unknown_event", detail));
    }
    let source = Facts { reader: api.stream_reader, after: after.unwrap_or_else(|| EventId::after(last)), types };
    Ok(sse::follow(api.host, credential, place, source))
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

/// The public events behind a place.
struct Facts {
    reader: Reader,
    after: EventId,
    types: Option<Arc<[String]>>,
}

impl Source for Facts {
    async fn look(&mut self) -> Option<Look> {
        let (after, types) = (self.after, self.types.clone());
        let page = self.reader.read(move |view| page(view, after, types.as_deref()));
        let (events, reached) = match page.await {
            Ok(page) => page,
            // Too much is being read. The client is not told to come back for that.
            Err(problem) if problem.code() == "overloaded" => return Some(Look::Page(Vec::new())),
            Err(_) => return None,
        };
        let moved = reached > self.after;
        self.after = reached;
        Some(if moved { Look::Page(events) } else { Look::Nothing })
    }

    async fn changed(&mut self) {
        std::future::pending().await
    }
}

/// The next events, and the place behind them.
fn page(tables: &impl Read, after: EventId, types: Option<&[String]>) -> tables::Result<(Vec<Event>, EventId)> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    let reached = feed::events_until(tables, after, types, PAGE_FACTS, |_, event| {
        // An event that cannot be written is left out; that it happens is in the log.
        if let Some((written, size)) = written(&event) {
            events.push(written);
            bytes += size;
        }
        bytes < PAGE_BYTES && events.len() < PAGE_EVENTS
    })?;
    Ok((events, reached))
}

/// As it is sent, and how many bytes it has.
fn written(event: &EventView) -> Option<(Event, usize)> {
    let data = serde_json::to_string(event);
    let data = data.inspect_err(|error| tracing::error!(%error, "an event cannot be written")).ok()?;
    Some((Event::default().id(&event.id).event(&event.kind).data(&data), data.len()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use jackfield_core::ids::Seq;

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
