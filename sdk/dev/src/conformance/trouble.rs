//! Bodies that are too large, headers that are too many, kinds that nobody knows, and garbage.

use std::time::Duration;

use jackfield_core::event::Event;
use jackfield_sandbox::{CallError, CallErrorKind, Failure, Request};
use serde_json::{Value, json};

use super::events::{bag, contains, without};
use super::inbound::Items;
use super::plan::Scheme;
use super::report::{Fault, Judged, failed, not_applicable};
use super::rig::{Line, Rig, broke_down, understood};

/// More than a host takes from a provider.
const LARGE_BODY: usize = 5 << 20;

/// Headers of a request.
const MANY_HEADERS: usize = 5_000;

/// How deep garbage is nested.
const DEPTH: usize = 20_000;

/// A fixture with white space behind it, and bytes that nobody signed.
pub(super) async fn large_body(rig: &Rig, origin: &str) -> Judged {
    let Some((mut body, content_type)) = first(rig) else { return not_applicable("there is no [[inbound]]") };
    let line = rig.line(origin)?;
    body.resize(LARGE_BODY, b' ');
    let genuine = bounded(&line, rig.parcel(body, &content_type, Duration::ZERO).genuine()).await?;
    if rig.plan.signature.scheme == Scheme::None {
        return Ok(format!("a fixture of 5 MiB: {genuine}"));
    }
    let mut unsigned = rig.parcel(vec![b'a'; LARGE_BODY], &content_type, Duration::ZERO).genuine();
    unsigned.headers.retain(|(name, _)| *name != rig.plan.signature.header);
    let unsigned = bounded(&line, unsigned).await?;
    Ok(format!("a fixture of 5 MiB: {genuine}; 5 MiB that nobody signed: {unsigned}"))
}

/// A fixture with headers that nobody needs.
pub(super) async fn many_headers(rig: &Rig, origin: &str) -> Judged {
    let Some((body, content_type)) = first(rig) else { return not_applicable("there is no [[inbound]]") };
    let mut request = rig.parcel(body, &content_type, Duration::ZERO).genuine();
    let more = (0..MANY_HEADERS).map(|n| (format!("x-more-{n}"), vec![b'v'; 32]));
    request.headers = more.chain(request.headers).collect();
    let how = bounded(&rig.line(origin)?, request).await?;
    Ok(format!("{MANY_HEADERS} headers: {how}"))
}

fn first(rig: &Rig) -> Option<(Vec<u8>, String)> {
    let inbound = rig.plan.inbound.first()?;
    Some((inbound.deliveries().into_iter().next()?, inbound.content_type.clone()))
}

/// Ends by an answer, or at a bound that was set; never by the connector's own collapse.
async fn bounded(line: &Line<'_>, request: Request) -> Result<String, Fault> {
    match line.receive(request).await {
        Ok(call) => Ok(match call.result {
            Ok(received) => format!("{} events", received.events.len()),
            Err(failure) => format!("`{}`", failure.class()),
        }),
        Err(error) if is_bound(&error) => Ok(format!("stopped at the bound `{}`", error.kind.as_str())),
        Err(error) => Err(broke_down(&error)),
    }
}

fn is_bound(error: &CallError) -> bool {
    use CallErrorKind::{CpuExceeded, HostFuelExceeded, MemoryExceeded, OutputExceeded, WallExceeded};
    matches!(error.kind, CpuExceeded | HostFuelExceeded | MemoryExceeded | OutputExceeded | WallExceeded)
}

/// A genuine delivery of a kind that does not exist yet is kept.
pub(super) async fn unknown_kind(rig: &Rig, origin: &str) -> Judged {
    let Some(unknown) = &rig.plan.webhook.unknown else {
        return not_applicable("[webhook] has no `unknown`, a genuine body of a kind that does not exist yet");
    };
    let request = rig.parcel(unknown.clone().into_bytes(), "application/json", Duration::ZERO).genuine();
    let received = understood(rig.line(origin)?.receive(request).await)?;
    match received.events.len() + received.unreadable.len() {
        0 => failed("It left no trace. Keep what you don't know as the event `other`, or among the unreadable items."),
        _ => Ok(format!("{} events, {} unreadable", received.events.len(), received.unreadable.len())),
    }
}

/// Items of an unknown kind, and items that are none, cost their siblings nothing.
pub(super) async fn siblings(rig: &Rig, origin: &str) -> Judged {
    let mut mutations = 0;
    for items in rig.plan.inbound.iter().filter_map(Items::of) {
        let all = items.all();
        let whole = bag(&items.take(rig, origin, all.clone()).await?);
        for index in ends_and_middle(all.len()) {
            let Some(mutated) = with_kind(&items, &all, index) else { continue };
            let alone = bag(&items.take(rig, origin, vec![all[index].clone()]).await?);
            let found = bag(&items.take(rig, origin, mutated).await?);
            let how = format!("With item {index} of {} of an unknown kind", items.inbound.file);
            contains(&found, &without(&whole, &alone), &how)?;
            mutations += 1;
        }
        let strangers = [json!(42), Value::Null, json!({"jackfield-unknown": true}), json!([])];
        let mixed = strangers.into_iter().chain(all).collect();
        let found = bag(&items.take(rig, origin, mixed).await?);
        contains(&found, &whole, &format!("With items of {} that are none", items.inbound.file))?;
        mutations += 1;
    }
    match mutations {
        0 => not_applicable("no [[inbound]] has `items`: nothing has siblings in its delivery"),
        n => Ok(format!("no sibling was lost in {n} mutations")),
    }
}

fn ends_and_middle(length: usize) -> Vec<usize> {
    let mut places = vec![0, length / 2, length.saturating_sub(1)];
    places.dedup();
    places.retain(|place| *place < length);
    places
}

/// The items with another kind in one of them; none where the plan does not say where the kind is.
fn with_kind(items: &Items<'_>, all: &[Value], index: usize) -> Option<Vec<Value>> {
    let pointer = items.inbound.kind.as_deref()?;
    let mut mutated = all.to_vec();
    *mutated.get_mut(index)?.pointer_mut(pointer)? = json!("kind-of-the-future");
    Some(mutated)
}

/// Bodies that are genuine and make no sense.
pub(super) async fn garbage(rig: &Rig, origin: &str) -> Judged {
    let line = rig.line(origin)?;
    let bodies = garbage_bodies();
    let number = bodies.len();
    for (name, body) in bodies {
        let answer = line.receive(rig.parcel(body, "application/json", Duration::ZERO).genuine()).await;
        let call = answer.map_err(|error| match broke_down(&error) {
            Fault::Failed(why) => Fault::Failed(format!("With {name} as body: {why}")),
            other => other,
        })?;
        if let Err(Failure::Retry { .. }) = call.result {
            return failed(format!(
                "With {name} as body the connector answered `retry`; it will never be better, so answer `rejected`"
            ));
        }
    }
    Ok(format!("{number} bodies, no collapse"))
}

fn garbage_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str| [open.repeat(DEPTH), close.repeat(DEPTH)].concat().into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("a single brace", b"{".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an empty list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"7".to_vec()),
        ("a word", b"\"hello\"".to_vec()),
        ("words without quotes", b"hello, who is there?".to_vec()),
        ("bytes that are no UTF-8", vec![0xff, 0xfe, 0x00, 0x80]),
        ("half a surrogate pair", br#"{"text": "\ud83d"}"#.to_vec()),
        ("a number beyond all bounds", br#"{"n": 1e999}"#.to_vec()),
        ("a form", b"a=1&b=%F0%9F%91%8B".to_vec()),
        ("lists in lists without end", nested("[", "]")),
        ("objects in objects without end", nested("{\"a\":", "}")),
    ]
}

/// People whom the fixtures are about.
pub(super) fn senders(events: &[Event]) -> Vec<jackfield_core::event::Identifier> {
    use jackfield_core::event::EventBody;
    let mut senders: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Message(message) => Some(message.sender.identity.clone()),
            _ => None,
        })
        .collect();
    senders.sort();
    senders.dedup();
    senders
}
