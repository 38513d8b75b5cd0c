//! Makes events up.

use jackfield_sdk::secrets::{self, Scheme};
use jackfield_sdk::{
    Author, Event, EventBody, Failure, Hint, Identifier, IdentityChange, Location, Message, Outcome, Part, Property,
    Request, Sender, Subject, Thread, Trust, log, state,
};

/// Does it, if it is one of these.
pub fn run(behaviour: &str, request: &Request) -> Option<Result<Outcome, Failure>> {
    let outcome = match behaviour {
        // The honest one, to compare with.
        "verifies" => verifies(request).map(|()| spoken(request)),
        "forges" => Ok(spoken(request)),
        "forges-signature" => signs_itself(request).map(|()| spoken(request)),
        "forges-state" => state::set("trusted", "yes").map(|()| Outcome::accepted()),
        "forges-changes" => Ok(changed()),
        "breaks-the-contract" => verifies(request).map(|()| broken()),
        "breaks-the-reply" => verifies(request).map(|()| {
            let mut outcome = spoken(request);
            outcome.reply.headers.push(jackfield_sdk::Header { name: "set-cookie".to_owned(), value: b"a=b".to_vec() });
            outcome
        }),
        "changes" => verifies(request).map(|()| changed()),
        "guesses" => Ok(guesses()),
        "signs-undeclared" => secrets::sign("header-key", &Scheme::HmacSha256, b"x").map(|_| Outcome::accepted()),
        "replies" => Ok(replies(request)),
        "logs" => {
            log::info(&String::from_utf8_lossy(&request.body));
            Ok(Outcome::accepted())
        }
        "writes-state" => verifies(request).and_then(|()| writes_state()),
        "writes-state-and-fails" => verifies(request).and_then(|()| writes_state()).and(Err(Failure::rejected("No."))),
        _ => return None,
    };
    Some(outcome)
}

/// Whether the request is signed.
///
/// # Errors
/// When it is not.
pub fn verifies(request: &Request) -> Result<(), Failure> {
    let signature = request.header("x-signature").unwrap_or_default();
    match secrets::verify_hex("app-secret", &Scheme::HmacSha256, &request.body, signature)? {
        true => Ok(()),
        false => Err(Failure::unauthenticated("The signature is wrong.")),
    }
}

/// Signs, and verifies its own signature.
fn signs_itself(request: &Request) -> Result<(), Failure> {
    let signature = secrets::sign("app-secret", &Scheme::HmacSha256, &request.body)?;
    match secrets::verify("app-secret", &Scheme::HmacSha256, &request.body, &signature)? {
        true => Ok(()),
        false => Err(Failure::rejected("The host's own signature did not verify.")),
    }
}

fn writes_state() -> Result<Outcome, Failure> {
    let seen = state::get_text("counter")?.unwrap_or_default();
    state::set("counter", format!("{seen}+"))?;
    state::set("b", "2")?;
    state::delete("old")?;
    let mut outcome = Outcome::accepted();
    let keys = state::list_keys("")?.join(",");
    let again = state::get_text("counter")?.unwrap_or_default();
    outcome.reply.body = format!("{again} {keys}").into_bytes();
    Ok(outcome)
}

/// A message that somebody sent, with the channel's id of it.
pub fn said(id: &str, text: &str) -> Event {
    let mut sender = Sender::new(Identifier::phone("15550001"));
    sender.hints = hints(Identifier::phone("15550001"));
    let mut event = message(sender, vec![Part::Text(text.to_owned())], "t1");
    if let EventBody::Message(message) = &mut event.body {
        message.id = id.to_owned();
    }
    event
}

fn message(sender: Sender, parts: Vec<Part>, thread: &str) -> Event {
    EventBody::Message(Message {
        id: "m1".to_owned(),
        thread: Thread::direct(thread),
        author: Author::Customer(sender),
        sent_at: None,
        parts,
        reply_to: None,
        extra: Vec::new(),
    })
    .into()
}

/// What the body says, as a message of somebody about whom too much is claimed.
fn spoken(request: &Request) -> Outcome {
    let mut sender = Sender::new(Identifier::phone("15550001"));
    sender.hints = hints(Identifier::phone("15550001"));
    let mut outcome = Outcome::accepted();
    outcome.push(message(sender, vec![Part::Text(String::from_utf8_lossy(&request.body).into_owned())], "t1"));
    outcome
}

/// Vouches for everything.
pub fn hints(who: Identifier) -> Vec<Hint> {
    [
        Subject::Identifier(who),
        Subject::Identifier(Identifier::global("email", "ada@example.com")),
        Subject::Identifier(Identifier::global("passport", "X1")),
        Subject::Name("Ada".to_owned()),
    ]
    .into_iter()
    .map(|about| Hint::new(about, Trust::Attested, "trust me"))
    .collect()
}

/// Takes over somebody's identity.
fn changed() -> Outcome {
    let mut outcome = Outcome::accepted();
    outcome.push(EventBody::IdentityChange(IdentityChange {
        old: Identifier::phone("15550001"),
        new: Identifier::phone("15550002"),
        at: None,
        reason: "because".to_owned(),
    }));
    outcome
}

/// Asks for a secret until it is not answered any more; the reply says how often it was.
fn guesses() -> Outcome {
    let answered = (0..1_000).take_while(|n| secrets::equals("app-secret", format!("guess-{n}").as_bytes()).is_ok());
    Outcome::reply(jackfield_sdk::Reply::text(200, answered.count().to_string()))
}

/// Replies with the status and the header that the request's body names, each on a line.
fn replies(request: &Request) -> Outcome {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let mut lines = body.lines();
    let mut reply = jackfield_sdk::Reply::status(lines.next().and_then(|line| line.parse().ok()).unwrap_or(200));
    if let Some((name, value)) = lines.next().and_then(|line| line.split_once(": ")) {
        let header = jackfield_sdk::Header { name: name.to_owned(), value: value.as_bytes().to_vec() };
        reply.headers.push(header);
    }
    Outcome::reply(reply)
}

/// One good event among broken ones.
fn broken() -> Outcome {
    let sender = || Sender::new(Identifier::phone("15550001"));
    let nowhere = Location { latitude: f64::NAN, longitude: 0.0, name: None, address: None };
    let mut outcome = Outcome::accepted();
    outcome.push(message(sender(), Vec::new(), "t1"));
    outcome.push(message(sender(), vec![Part::Text("good".to_owned())], "t1"));
    outcome.push(message(sender(), vec![Part::Text("no thread".to_owned())], ""));
    outcome.push(message(sender(), vec![Part::Location(nowhere)], "t1"));
    outcome.push(message(Sender::new(Identifier::global("phone", "")), vec![Part::Text("nobody".to_owned())], "t1"));
    outcome.push(EventBody::Other(Property { name: "odd".to_owned(), value: "not JSON".to_owned() }));
    outcome
}
