//! What the provider sends: once, twice, in another order, in other pieces, and not from the provider at all.

use std::time::Duration;

use jackfield_core::event::Event;
use jackfield_sandbox::{CallErrorKind, Failure, Request};
use serde_json::Value;

use super::events::{Bag, bag, count, nameless, same, without};
use super::genuine::Forgery;
use super::plan::{Challenge, Inbound, Scheme};
use super::report::{Fault, Judged, failed, not_applicable};
use super::rig::{Line, Rig, broke_down, said, understood};

/// Deliveries of one moment.
const AT_ONCE: Duration = Duration::ZERO;

/// Every file gives the events that the plan expects.
pub(super) async fn good(rig: &Rig, origin: &str) -> Judged {
    let (mut deliveries, mut all) = (0, 0);
    for inbound in &rig.plan.inbound {
        let line = rig.line(origin)?;
        let (mut events, mut unreadable) = (Vec::new(), 0);
        for body in inbound.deliveries() {
            let received = line.take(body, &inbound.content_type, AT_ONCE).await?;
            events.extend(received.events);
            unreadable += received.unreadable.len();
            deliveries += 1;
        }
        count(&inbound.events, &events, &inbound.file)?;
        if unreadable != inbound.unreadable {
            return failed(format!(
                "{} has {unreadable} unreadable items; the plan expects {}",
                inbound.file, inbound.unreadable
            ));
        }
        all += events.len();
    }
    Ok(format!("{deliveries} deliveries, {all} events"))
}

/// The same again, a minute later, gives equal events.
pub(super) async fn again(rig: &Rig, origin: &str) -> Judged {
    let mut without_id = 0;
    for inbound in &rig.plan.inbound {
        let line = rig.line(origin)?;
        let first = line.take_all(inbound, AT_ONCE).await?;
        let second = line.take_all(inbound, Duration::from_secs(60)).await?;
        same(&bag(&first), &bag(&second), &format!("When {} came a second time", inbound.file))?;
        without_id += nameless(&first);
    }
    Ok(match without_id {
        0 => "equal events; every message has an id".to_owned(),
        n => format!("equal events; {n} messages without an id, which nothing can be de-duplicated by"),
    })
}

/// The same again on a channel that was started anew with the state that it had.
pub(super) async fn after_restart(rig: &Rig, origin: &str) -> Judged {
    for inbound in &rig.plan.inbound {
        let line = rig.line(origin)?;
        let first = line.take_all(inbound, AT_ONCE).await?;
        let restarted = rig.line_with(origin, line.state.clone())?;
        let second = restarted.take_all(inbound, Duration::from_secs(3_600)).await?;
        same(&bag(&first), &bag(&second), &format!("When {} came again after a restart", inbound.file))?;
    }
    Ok("equal events".to_owned())
}

/// The items of a delivery, or the deliveries, in reverse order.
pub(super) async fn reordered(rig: &Rig, origin: &str) -> Judged {
    let mut files = 0;
    for inbound in &rig.plan.inbound {
        let how = format!("With {} in reverse order", inbound.file);
        if inbound.each {
            let mut turned = inbound.clone();
            if let Some(Value::Array(mut all)) = inbound.value() {
                all.reverse();
                turned.content = Value::Array(all).to_string().into_bytes();
            }
            let straight = rig.line(origin)?.take_all(inbound, AT_ONCE).await?;
            let turned = rig.line(origin)?.take_all(&turned, AT_ONCE).await?;
            same(&bag(&straight), &bag(&turned), &how)?;
        } else if let Some(items) = Items::of(inbound) {
            let straight = items.take(rig, origin, items.all()).await?;
            let turned = items.take(rig, origin, items.all().into_iter().rev().collect()).await?;
            same(&bag(&straight), &bag(&turned), &how)?;
        } else {
            continue;
        }
        files += 1;
    }
    match files {
        0 => not_applicable("no [[inbound]] has `items` or `each`, so there is nothing to put into another order"),
        n => Ok(format!("the same events, {n} files")),
    }
}

/// The items of a delivery one by one, and several deliveries in one.
pub(super) async fn batched(rig: &Rig, origin: &str) -> Judged {
    let mut tried = Vec::new();
    for inbound in &rig.plan.inbound {
        let Some(items) = Items::of(inbound) else { continue };
        // What stands beside the items comes with every piece.
        let rest = bag(&items.take(rig, origin, Vec::new()).await?);
        let together = without(&bag(&items.take(rig, origin, items.all()).await?), &rest);
        let line = rig.line(origin)?;
        let mut apart = Bag::new();
        for item in items.all() {
            let piece = line.take(items.body(vec![item]), &inbound.content_type, AT_ONCE).await?.events;
            for (event, n) in without(&bag(&piece), &rest) {
                *apart.entry(event).or_default() += n;
            }
        }
        same(&together, &apart, &format!("With the items of {} one by one", inbound.file))?;
        tried.push(format!("{} in {} pieces", inbound.file, items.all().len()));
    }
    if let Some(joined) = join(rig) {
        let line = rig.line(origin)?;
        let together = line.take(joined.body, "application/json", AT_ONCE).await?.events;
        let mut apart = Vec::new();
        for body in joined.pieces {
            apart.extend(rig.line(origin)?.take(body, "application/json", AT_ONCE).await?.events);
        }
        same(&bag(&apart), &bag(&together), "With several deliveries in one")?;
        tried.push("several files in one".to_owned());
    }
    match tried.is_empty() {
        true => not_applicable(
            "no [[inbound]] has `items`, and [webhook] no `batch`: the provider puts one thing into a delivery",
        ),
        false => Ok(tried.join(", ")),
    }
}

/// Deliveries put into one.
struct Joined {
    body: Vec<u8>,
    pieces: Vec<Vec<u8>>,
}

fn join(rig: &Rig) -> Option<Joined> {
    let pointer = rig.plan.webhook.batch.as_ref()?;
    let whole = |inbound: &Inbound| {
        inbound.value().filter(|value| !inbound.each && value.pointer(pointer).is_some_and(Value::is_array))
    };
    let pieces: Vec<Value> = rig.plan.inbound.iter().filter_map(whole).collect();
    let lists = pieces.iter().filter_map(|piece| piece.pointer(pointer)?.as_array());
    let all: Vec<Value> = lists.flatten().cloned().collect();
    let mut joined = pieces.first().filter(|_| pieces.len() > 1)?.clone();
    *joined.pointer_mut(pointer)? = Value::Array(all);
    let pieces = pieces.iter().map(|piece| piece.to_string().into_bytes()).collect();
    Some(Joined { body: joined.to_string().into_bytes(), pieces })
}

/// The list of independent items in a delivery.
pub(super) struct Items<'a> {
    pub(super) inbound: &'a Inbound,
    whole: Value,
    pointer: &'a str,
}

impl<'a> Items<'a> {
    /// None where the plan names no such list.
    pub(super) fn of(inbound: &'a Inbound) -> Option<Self> {
        let pointer = inbound.items.as_deref()?;
        Some(Self { inbound, whole: inbound.value()?, pointer })
    }

    pub(super) fn all(&self) -> Vec<Value> {
        self.whole.pointer(self.pointer).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The delivery with these items instead.
    pub(super) fn body(&self, items: Vec<Value>) -> Vec<u8> {
        let mut whole = self.whole.clone();
        if let Some(list) = whole.pointer_mut(self.pointer) {
            *list = Value::Array(items);
        }
        whole.to_string().into_bytes()
    }

    /// The events of the delivery with these items, on a channel of its own.
    pub(super) async fn take(&self, rig: &Rig, origin: &str, items: Vec<Value>) -> Result<Vec<Event>, Fault> {
        Ok(rig.line(origin)?.take(self.body(items), &self.inbound.content_type, AT_ONCE).await?.events)
    }
}

/// Requests with a proof that is wrong.
pub(super) async fn wrong_signature(rig: &Rig, origin: &str) -> Judged {
    forged(rig, origin, &[Forgery::WrongSecret, Forgery::ChangedBody, Forgery::Truncated]).await
}

/// Requests without a proof.
pub(super) async fn missing_signature(rig: &Rig, origin: &str) -> Judged {
    forged(rig, origin, &[Forgery::Empty, Forgery::Missing]).await
}

async fn forged(rig: &Rig, origin: &str, forgeries: &[Forgery]) -> Judged {
    if rig.plan.signature.scheme == Scheme::None {
        return not_applicable("the plan has no [signature]: anybody may write to this channel");
    }
    let line = rig.line(origin)?;
    for forgery in forgeries {
        for inbound in &rig.plan.inbound {
            let body = inbound.deliveries().into_iter().next().unwrap_or_default();
            if let Some(request) = rig.parcel(body, &inbound.content_type, AT_ONCE).forged(*forgery) {
                refused(&line, request, &format!("{forgery:?}")).await?;
            }
        }
    }
    Ok("the failure `unauthenticated`, and no events".to_owned())
}

async fn refused(line: &Line<'_>, request: Request, how: &str) -> Result<(), Fault> {
    match line.receive(request).await {
        Ok(call) => match call.result {
            Err(Failure::Unauthenticated(_)) => Ok(()),
            Err(failure) => {
                failed(format!("A request that is not genuine ({how}) has to be `unauthenticated`. {}", said(&failure)))
            }
            Ok(received) if received.events.is_empty() => failed(format!(
                "A request that is not genuine ({how}) was answered with status {}; answer the failure `unauthenticated` instead",
                received.reply.status
            )),
            Ok(_) => failed(format!("A request that is not genuine ({how}) gave events.")),
        },
        Err(error) if error.kind == CallErrorKind::Unverified => failed(format!(
            "A request that is not genuine ({how}) gave events, which the host refused. Verify first, and answer `unauthenticated`."
        )),
        Err(error) => Err(broke_down(&error)),
    }
}

/// Where the time of sending is signed, requests that are too old or too early are somebody's repetition.
pub(super) async fn clock_skew(rig: &Rig, origin: &str) -> Judged {
    if rig.plan.signature.timestamp_header.is_none() {
        return not_applicable("the signature carries no time ([signature] has no `timestamp_header`)");
    }
    let Some(inbound) = rig.plan.inbound.first() else { return not_applicable("there is no [[inbound]]") };
    let tolerance = i64::try_from(rig.plan.signature.tolerance_seconds).unwrap_or(i64::MAX / 4);
    let line = rig.line(origin)?;
    let body = inbound.deliveries().into_iter().next().unwrap_or_default();
    let at = |skew_seconds: i64| {
        let mut parcel = rig.parcel(body.clone(), &inbound.content_type, AT_ONCE);
        parcel.skew_seconds = skew_seconds;
        parcel.genuine()
    };
    for skew in [-tolerance / 2, tolerance / 2] {
        understood(line.receive(at(skew)).await)?;
    }
    for skew in [-tolerance * 2, tolerance * 2] {
        refused(&line, at(skew), &format!("sent {skew} s from now")).await?;
    }
    Ok(format!("half of {tolerance} s is tolerated, twice of it is not"))
}

/// The provider's test of the address is answered.
pub(super) async fn challenge(rig: &Rig, origin: &str) -> Judged {
    let challenge = challenge_of(rig)?;
    let received = understood(rig.line(origin)?.receive(question(rig, challenge, &challenge.query)).await)?;
    if received.reply.body != challenge.reply.as_bytes() {
        let found = String::from_utf8_lossy(&received.reply.body);
        return failed(format!("The answer is `{}`, and not `{}`.", found.escape_debug(), challenge.reply));
    }
    match received.events.len() {
        0 => Ok("the reply that the provider waits for".to_owned()),
        n => failed(format!("The provider's test gave {n} events.")),
    }
}

/// A test that is not the provider's is not answered.
pub(super) async fn wrong_challenge(rig: &Rig, origin: &str) -> Judged {
    let challenge = challenge_of(rig)?;
    let Some(query) = &challenge.wrong_query else {
        return not_applicable("[challenge] has no `wrong_query`");
    };
    match rig.line(origin)?.receive(question(rig, challenge, query)).await {
        Ok(call) => match call.result {
            Ok(received) if received.reply.body == challenge.reply.as_bytes() => {
                failed("A test with a wrong token was answered as if it were the provider's.")
            }
            Ok(received) => Ok(format!("status {}", received.reply.status)),
            Err(failure) => Ok(format!("`{}`", failure.class())),
        },
        Err(error) => Err(broke_down(&error)),
    }
}

fn challenge_of(rig: &Rig) -> Result<&Challenge, Fault> {
    match &rig.plan.challenge {
        Some(challenge) => Ok(challenge),
        None => not_applicable("the plan has no [challenge]"),
    }
}

fn question(rig: &Rig, challenge: &Challenge, query: &str) -> Request {
    let parcel = rig.parcel(challenge.body.clone().into_bytes(), "application/json", AT_ONCE);
    let mut request = match challenge.method.as_str() {
        "GET" => Request { headers: Vec::new(), ..parcel.genuine() },
        _ => parcel.genuine(),
    };
    request.method = challenge.method.clone();
    if !query.is_empty() {
        request.url = format!("{}?{query}", request.url);
    }
    request
}
