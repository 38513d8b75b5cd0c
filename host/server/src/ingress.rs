//! Webhooks: the one entrance without a key. Everything a request can take of the host is bounded before anything looks at it.
//!
//! What a provider is told is a promise: 200 only after what came in is on stable storage, as events or as a parked delivery.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header, request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use jackfield_core::canonical;
use jackfield_core::event::{Event, EventBody, Identifier, Problem};
use jackfield_core::fact::{Actor, Fact, RawRequest, Source};
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::{CallErrorKind, Effects, Failure, Received, Reply, Request};
use jackfield_store::AppendError;
use tokio::sync::SemaphorePermit;

use crate::channels::{Answered, ChannelRuntime, SOON};
use crate::clock;
use crate::host::Host;

/// Bytes of a body. Meta's batches stay below 3 MB.
pub const BODY_BYTES: usize = 4 << 20;

/// Bytes of a body that is too large which are read to no purpose.
const DRAINED_BYTES: usize = 16 << 20;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// How long a request may wait for room for its body.
const ROOM_TIME: Duration = Duration::from_secs(2);

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
    if channel.paused.load(Ordering::Relaxed) {
        host.metrics.webhook(name, "paused");
        return later("paused", "The operator has paused this channel; come again.", STORE_TROUBLE);
    }
    let Ok(_place) = channel.webhooks.try_acquire() else {
        host.metrics.webhook(name, "busy");
        return busy();
    };
    let (head, body) = request.into_parts();
    let (body, _room) = match read_body(host, &head, body).await {
        Ok(read) => read,
        Err(reply) => {
            host.metrics.webhook(name, "unreadable_body");
            return reply;
        }
    };
    receive_on(host, &channel, raw(&channel, head, body)).await
}

/// The body, and the room it takes up as long as it is there.
async fn read_body<'a>(
    host: &'a Host,
    head: &request::Parts,
    mut body: Body,
) -> Result<(Vec<u8>, SemaphorePermit<'a>), Reply> {
    let expected = body.size_hint().upper().map_or(BODY_BYTES, |n| usize::try_from(n).unwrap_or(usize::MAX));
    if expected > BODY_BYTES {
        return Err(too_large(head, &mut body).await);
    }
    let kib = u32::try_from(expected.div_ceil(1 << 10)).unwrap_or(u32::MAX);
    let room = match tokio::time::timeout(ROOM_TIME, host.bodies.acquire_many(kib)).await {
        Ok(Ok(room)) => room,
        Ok(Err(_)) | Err(_) => return Err(busy()),
    };
    let read = tokio::time::timeout(BODY_TIME, Limited::new(&mut body, BODY_BYTES).collect()).await;
    match read {
        Ok(Ok(collected)) => Ok((collected.to_bytes().into(), room)),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(head, &mut body).await),
        Ok(Err(_)) => {
            let said = "The body broke off.";
            Err(problem(StatusCode::BAD_REQUEST, "invalid_request", said, None))
        }
        Err(_) => {
            let said = "The body took longer than 10 s to arrive.";
            Err(problem(StatusCode::REQUEST_TIMEOUT, "timeout", said, None))
        }
    }
}

/// Reads some of what is left of a body, and throws it away.
pub(crate) async fn drain(body: &mut Body) {
    let read = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > DRAINED_BYTES {
                return;
            }
        }
    };
    // Whether it came to its end or not, the answer is the same.
    let _ = tokio::time::timeout(ROOM_TIME, read).await;
}

/// Refuses a body. A client that is still writing would see its connection break off instead of the answer, so some of the rest is
/// read, and thrown away, unless the client waits to be told whether to send it.
async fn too_large(head: &request::Parts, body: &mut Body) -> Reply {
    if !head.headers.contains_key(header::EXPECT) {
        drain(body).await;
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
pub(crate) async fn receive(host: &Host, channel: &ChannelId, request: Request) -> Reply {
    match host.channels.get(channel) {
        Some(channel) => receive_on(host, &channel, request).await,
        None => problem(StatusCode::NOT_FOUND, "not_found", "There is no such channel.", None),
    }
}

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
        match operations::all_seen(&self.host.view(), &self.channel.id, &events) {
            Ok(true) if nothing_else => return self.end("nothing_new", reply),
            Ok(_) => {}
            Err(error) => return self.cannot_store(&error, false),
        }
        let people = people(&events);
        let fact = Fact::Received {
            channel: self.channel.id.clone(),
            source: self.source.clone(),
            events,
            state: effects.state,
            unreadable,
        };
        match self.host.append(Actor::Channel(self.channel.id.clone()), fact).await {
            Ok(_) => {
                self.host.hints.ask(&self.channel.id, people);
                self.end("stored", reply)
            }
            // The events cannot become a fact, whatever the state of the disk; the request they came in can.
            Err(error @ (AppendError::TooLarge { .. } | AppendError::Unwritable(_))) => {
                let why = Problem { message: error.to_string(), code: Some(String::from("unwritable")) };
                self.park(why, effects.authenticated).await
            }
            Err(error) => self.cannot_store(&error, error.is_unknown()),
        }
    }

    /// Keeps the request, and tells the provider that all is well, so that it does not send the same for ever and then gives up on the
    /// webhook altogether. What was not verified can be anybody's, so only a bounded amount of it is kept; beyond that the provider is
    /// told to come again.
    async fn park(&self, why: Problem, verified: bool) -> Reply {
        let code = why.code.as_deref().unwrap_or_default();
        tracing::warn!(channel = %self.channel.id, verified, code, "a webhook could not be handled: {}", why.message);
        let request = keep(&self.request);
        let bytes = weight(&request);
        let room = &self.channel.parked;
        if !verified && !room.take(bytes) {
            tracing::warn!(channel = %self.channel.id, "no room to park an unverified delivery; discard or replay some");
            let said = "The delivery could not be handled, and there is no room to keep it.";
            return self.end("no_room", later("unavailable", said, STORE_TROUBLE));
        }
        let (channel, source) = (self.channel.id.clone(), self.source.clone());
        let fact = Fact::DeliveryParked { channel: channel.clone(), source, request, problem: why };
        let appended = self.host.append(Actor::Channel(channel), fact).await;
        if !verified {
            // Appending has counted it too, if it went well.
            room.remove(bytes);
        }
        match appended {
            Ok(_) => self.end("parked", Reply { status: 200, headers: Vec::new(), body: Vec::new() }),
            Err(error) => self.cannot_store(&error, error.is_unknown()),
        }
    }

    fn deny(&self, why: &str) -> Reply {
        tracing::info!(channel = %self.channel.id, "a webhook was refused: {why}");
        let said = "The request did not prove that it comes from the provider.";
        self.end("unauthenticated", problem(StatusCode::UNAUTHORIZED, "unauthenticated", said, None))
    }

    fn cannot_store(&self, error: &dyn std::fmt::Display, may_be_stored: bool) -> Reply {
        tracing::error!(channel = %self.channel.id, "a webhook could not be stored: {error}");
        let said = match may_be_stored {
            false => "Nothing can be stored at the moment; nothing of this request was.",
            true => "It cannot be said whether this request was stored.",
        };
        self.end("not_stored", later("unavailable", said, STORE_TROUBLE))
    }

    fn end(&self, result: &str, reply: Reply) -> Reply {
        self.host.metrics.webhook(self.channel.id.as_str(), result);
        reply
    }
}

/// For the journal, in which text is text. A header that is not UTF-8 loses what is not; no provider sends such.
fn keep(request: &Request) -> RawRequest {
    let text = |(name, value): &(String, Vec<u8>)| (name.clone(), String::from_utf8_lossy(value).into_owned());
    RawRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.iter().map(text).collect(),
        body: request.body.clone(),
        received_at: request.received_at,
    }
}

/// How much room a parked request takes up, bytes.
pub(crate) fn weight(request: &RawRequest) -> u64 {
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    (request.url.len() + headers + request.body.len()) as u64
}

/// The people that events are about.
fn people(events: &[Event]) -> Vec<Identifier> {
    let mut people = Vec::new();
    for event in events {
        let identity = match &event.body {
            EventBody::Message(message) => &message.sender.identity,
            EventBody::Reaction { sender, .. }
            | EventBody::Touchpoint { sender, .. }
            | EventBody::Call { sender, .. } => &sender.identity,
            EventBody::IdentityChange { new, .. } => new,
            EventBody::Edit { .. } | EventBody::Deletion { .. } | EventBody::Delivery { .. } | EventBody::Other(_) => {
                continue;
            }
        };
        if !people.contains(identity) {
            people.push(identity.clone());
        }
    }
    people
}

fn busy() -> Reply {
    later("overloaded", "Too much at once; come again.", SOON)
}

fn later(code: &str, detail: &str, after: Duration) -> Reply {
    problem(StatusCode::SERVICE_UNAVAILABLE, code, detail, Some(after))
}

/// A problem document, as the API has them.
fn problem(status: StatusCode, code: &str, detail: &str, retry_after: Option<Duration>) -> Reply {
    let document = serde_json::json!({
        "type": format!("urn:jackfield:problem:{code}"),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
    });
    let mut headers = vec![(String::from("content-type"), b"application/problem+json".to_vec())];
    if let Some(after) = retry_after {
        headers.push((String::from("retry-after"), after.as_secs().max(1).to_string().into_bytes()));
    }
    Reply { status: status.as_u16(), headers, body: document.to_string().into_bytes() }
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
    response
}
