//! Webhooks: the one entrance without a key. Everything a request can take of the host is bounded before anything looks at it.
//!
//! What a provider is told is a promise: 200 only after what came in is on stable storage, as events or as a parked delivery.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header, request};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use jackfield_core::canonical;
use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, Outcome, Source};
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::{CallErrorKind, Effects, Failure, Received, Reply, Request};
use jackfield_store::{AppendError, Committed};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::channels::{Answered, ChannelRuntime};
use crate::clock;
use crate::front::pace;
use crate::host::Host;

/// Bytes of a body. Meta's batches stay below 3 MB.
pub const BODY_BYTES: usize = 4 << 20;

/// How long a request may wait for room for its body.
const ROOM_TIME: Duration = Duration::from_secs(2);

/// A short wait that a client is told, for what is over soon.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a provider is told to wait when nothing can be stored.
const STORE_TROUBLE: Duration = Duration::from_secs(10);

/// `ANY /hooks/{channel}`.
pub async fn hook(State(host): State<Arc<Host>>, Path(name): Path<String>, request: http::Request<Body>) -> Response {
    respond(admit(&host, &name, request).await)
}

async fn admit(host: &Host, name: &str, request: http::Request<Body>) -> Reply {
    let Some(channel) = name.parse::<ChannelId>().ok().and_then(|id| host.channels.get(&id)) else {
        host.metrics.webhook("", "unknown_channel");
        return problem(StatusCode::NOT_FOUND, "not_found", "There is no such channel.", None);
    };
    if let Some(paused) = refused_while_paused(host, &channel) {
        return paused;
    }
    if !channel.takes_webhooks() {
        host.metrics.webhook(name, "unknown_channel");
        return problem(StatusCode::NOT_FOUND, "not_found", "This channel has no webhook; it is polled.", None);
    }
    let (head, body) = request.into_parts();
    let (body, _room) = match read_body(host, &channel, &head, body).await {
        Ok(read) => read,
        Err(reply) => {
            host.metrics.webhook(name, "unreadable_body");
            return reply;
        }
    };
    // The body may have come long after its head.
    if let Some(paused) = refused_while_paused(host, &channel) {
        return paused;
    }
    // Not before the body is there: whoever sends slowly must not hold a place.
    let Ok(_place) = channel.webhooks.try_acquire() else {
        host.metrics.webhook(name, "busy");
        return busy();
    };
    receive_on(host, &channel, raw(&channel, head, body)).await
}

fn refused_while_paused(host: &Host, channel: &ChannelRuntime) -> Option<Reply> {
    channel.paused.load(Ordering::Acquire).then(|| {
        host.metrics.webhook(channel.id.as_str(), "paused");
        later("paused", "The operator has paused this channel; come again.", STORE_TROUBLE)
    })
}

/// The room that a body takes up as long as it is there: its share of the channel's, and of the host's.
type Room<'a> = (Option<SemaphorePermit<'a>>, Option<SemaphorePermit<'a>>);

/// The body, and its room, which is taken as the bytes arrive: what only may come takes nothing from anybody.
async fn read_body<'a>(
    host: &'a Host,
    channel: &'a ChannelRuntime,
    head: &request::Parts,
    mut body: Body,
) -> Result<(Vec<u8>, Room<'a>), Reply> {
    let announced = body.size_hint().lower();
    if announced > BODY_BYTES as u64 {
        return Err(too_large(head, &mut body).await);
    }
    let (mut read, mut room): (Vec<u8>, Room<'a>) = (Vec::new(), (None, None));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(&error))?;
        let Some(piece) = frame.data_ref() else { continue };
        if read.len() + piece.len() > BODY_BYTES {
            return Err(too_large(head, &mut body).await);
        }
        let more = kib(read.len() + piece.len()) - kib(read.len());
        let taken = async {
            grow(&mut room.0, &channel.bodies, more).await?;
            grow(&mut room.1, &host.bodies, more).await
        };
        if !matches!(tokio::time::timeout(ROOM_TIME, taken).await, Ok(Some(()))) {
            return Err(busy());
        }
        read.extend_from_slice(piece);
    }
    Ok((read, room))
}

/// KiB, the last one begun counted whole.
fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}

/// More room from the same semaphore; none if it is closed.
async fn grow<'a>(room: &mut Option<SemaphorePermit<'a>>, of: &'a Semaphore, kib: u32) -> Option<()> {
    if kib == 0 {
        return Some(());
    }
    let more = of.acquire_many(kib).await.ok()?;
    match room {
        Some(room) => room.merge(more),
        None => *room = Some(more),
    }
    Some(())
}

fn unreadable(error: &axum::Error) -> Reply {
    match pace::is_too_slow(error) {
        true => problem(StatusCode::REQUEST_TIMEOUT, "timeout", &sentence(pace::TooSlow), None),
        false => problem(StatusCode::BAD_REQUEST, "invalid_request", "The body broke off.", None),
    }
}

/// Refuses a body. A client that is still writing would see its connection break off instead of the answer, so some of the rest is
/// read, and thrown away, unless the client waits to be told whether to send it.
async fn too_large(head: &request::Parts, body: &mut Body) -> Reply {
    if !head.headers.contains_key(header::EXPECT) {
        pace::drain(body).await;
    }
    problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body has more than 4 MiB.", None)
}

/// The request as the provider saw it: behind a proxy the URL on the wire is another one, and some providers sign theirs.
fn raw(channel: &ChannelRuntime, head: request::Parts, body: Vec<u8>) -> Request {
    let url = match head.uri.query() {
        Some(query) => format!("{}?{query}", channel.hook_url),
        None => channel.hook_url.clone(),
    };
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Request {
        method: head.method.as_str().to_owned(),
        url,
        headers: headers.collect(),
        body,
        received_at: clock::now(),
    }
}

/// One webhook request on a channel.
async fn receive_on(host: &Host, channel: &ChannelRuntime, request: Request) -> Reply {
    let Answered { source, ended } = channel.receive(&request).await;
    let delivery = Delivery { host, channel, source, request };
    match ended {
        Ok(call) => match call.result {
            Ok(received) => delivery.store(received, call.effects).await,
            Err(Failure::Unauthenticated(why)) => delivery.deny(&why.message),
            Err(failure) => delivery.park(failure.problem().clone(), call.effects.authenticated).await,
        },
        // Nothing has run, so nothing is wrong with the request.
        Err(error) if error.kind == CallErrorKind::Busy => delivery.end("busy", busy()),
        Err(error) if error.kind == CallErrorKind::Unverified => delivery.deny(&error.message),
        Err(error) => {
            let why = Problem { message: error.message, code: Some(error.kind.as_str().to_owned()) };
            delivery.park(why, error.authenticated).await
        }
    }
}

/// A request on its way.
struct Delivery<'a> {
    host: &'a Host,
    channel: &'a ChannelRuntime,
    /// The code that answered, or failed to.
    source: Source,
    request: Request,
}

impl Delivery<'_> {
    async fn store(&self, received: Received, effects: Effects) -> Reply {
        let Received { reply, events, unreadable } = received;
        let events = canonical::events(events, &self.channel.context());
        let nothing_else = effects.state.is_empty() && unreadable.is_empty();
        match operations::all_seen(&self.host.view(), &self.channel.id, &self.source.connector, &events) {
            Ok(true) if nothing_else => return self.end("nothing_new", reply),
            Ok(_) => {}
            Err(error) => return self.cannot_store(&error, NOTHING_STORED),
        }
        let fact = Fact::Received {
            channel: self.channel.id.clone(),
            source: self.source.clone(),
            events,
            state: effects.state,
            unreadable,
        };
        match self.host.append(Actor::Channel(self.channel.id.clone()), fact).await {
            // Another connector took the channel over while this one worked. The provider is told to come again, to that one.
            Ok(Committed { outcome: Outcome::Refused(refusal), .. }) => {
                self.cannot_store(&refusal.message, NOTHING_STORED)
            }
            Ok(_) => self.end("stored", reply),
            // The events cannot become a fact, whatever the state of the disk; the request they came in can.
            Err(error @ (AppendError::TooLarge { .. } | AppendError::Unwritable(_))) => {
                let why = Problem { message: error.to_string(), code: Some(String::from("unwritable")) };
                self.park(why, effects.authenticated).await
            }
            Err(error) => self.cannot_store(&error, what_is_stored(&error)),
        }
    }

    /// Keeps the request, and tells the provider that all is well, so that it does not send the same for ever and then gives up on the
    /// webhook altogether. What was not verified can be anybody's, so only a bounded amount of it is kept; beyond that the provider is
    /// told to come again.
    async fn park(&self, why: Problem, verified: bool) -> Reply {
        let code = why.code.as_deref().unwrap_or_default();
        if let Some(left_out) = self.channel.lines.next() {
            let (channel, why) = (&self.channel.id, &why.message);
            tracing::warn!(%channel, verified, code, left_out, "a webhook could not be handled: {why}");
        }
        let Some((_, bound)) = self.channel.serving() else {
            let said = "The channel serves nothing at the moment.";
            return self.end("not_stored", later("unavailable", said, STORE_TROUBLE));
        };
        let request = bound.channel.conceal(&self.request);
        let room = match verified {
            true => None,
            false => self.channel.parked.reserve(request.size_bytes()),
        };
        if !verified && room.is_none() {
            if let Some(left_out) = self.channel.lines.next() {
                let channel = &self.channel.id;
                tracing::warn!(%channel, left_out, "no room to park an unverified delivery; discard or replay some");
            }
            let said = "The delivery could not be handled, and there is no room to keep it.";
            return self.end("no_room", later("unavailable", said, STORE_TROUBLE));
        }
        let (channel, source) = (self.channel.id.clone(), self.source.clone());
        let fact = Fact::DeliveryParked { channel: channel.clone(), source, request, problem: why, verified };
        match self.host.append(Actor::Channel(channel), fact).await {
            Ok(committed) => {
                // From here on the reactor counts it among what is stored.
                self.host.reactor.reached(committed.seq).await;
                drop(room);
                self.end("parked", Reply { status: 200, headers: Vec::new(), body: Vec::new() })
            }
            Err(error) => self.cannot_store(&error, what_is_stored(&error)),
        }
    }

    fn deny(&self, why: &str) -> Reply {
        if let Some(left_out) = self.channel.lines.next() {
            tracing::info!(channel = %self.channel.id, left_out, "a webhook was refused: {why}");
        }
        let said = "The request did not prove that it comes from the provider.";
        self.end("unauthenticated", problem(StatusCode::UNAUTHORIZED, "unauthenticated", said, None))
    }

    fn cannot_store(&self, error: &dyn std::fmt::Display, said: &str) -> Reply {
        if let Some(left_out) = self.channel.lines.next() {
            tracing::error!(channel = %self.channel.id, left_out, "a webhook could not be stored: {error}");
        }
        self.end("not_stored", later("unavailable", said, STORE_TROUBLE))
    }

    fn end(&self, result: &str, reply: Reply) -> Reply {
        self.host.metrics.webhook(self.channel.id.as_str(), result);
        reply
    }
}

const NOTHING_STORED: &str = "Nothing can be stored at the moment; nothing of this request was.";

/// What is known of a request whose append failed.
fn what_is_stored(error: &AppendError) -> &'static str {
    match error.is_unknown() {
        false => NOTHING_STORED,
        true => "Nothing can be stored at the moment, and it cannot be said whether this request was.",
    }
}

fn busy() -> Reply {
    later("overloaded", "Too much at once; come again.", BUSY_RETRY_AFTER)
}

fn later(code: &'static str, detail: &str, after: Duration) -> Reply {
    problem(StatusCode::SERVICE_UNAVAILABLE, code, detail, Some(after))
}

/// A problem document of the API, as a reply.
fn problem(status: StatusCode, code: &'static str, detail: &str, retry_after: Option<Duration>) -> Reply {
    let retry_after = retry_after.map(|after| u32::try_from(after.as_secs().max(1)).unwrap_or(u32::MAX));
    let (headers, body) = crate::problem::Problem::new(status, code, detail).coming_again(retry_after).written();
    let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Reply { status: status.as_u16(), headers: headers.collect(), body }
}

fn sentence(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// The reply as an HTTP response. What a connector answers is shown under the same origin as the API, so a browser must not take it
/// for a page of ours.
pub fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
            headers.append(name, value);
        }
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_told_that_nothing_was_stored_only_where_that_is_known() {
        let known = [AppendError::Closed, AppendError::Poisoned(String::new()), AppendError::Full(String::new())];
        assert!(known.iter().all(|error| what_is_stored(error) == NOTHING_STORED));
        assert_ne!(what_is_stored(&AppendError::Unknown(String::new())), NOTHING_STORED);
    }
}
