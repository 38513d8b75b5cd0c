//! One of everything.

use jackfield_sdk::*;

use crate::hint;

fn identity(value: &str) -> Identifier {
    Identifier::scoped("golden", "account-1", value)
}

fn sender() -> Sender {
    Sender { identity: identity("ada"), hints: hints("ada") }
}

/// A hint about everything.
pub fn hints(value: &str) -> Vec<Hint> {
    vec![
        hint(Subject::Identifier(identity(value)), Trust::Attested),
        hint(Subject::Identifier(Identifier::phone("+1 555 0001")), Trust::Claimed),
        hint(Subject::Name("Ada".into()), Trust::Claimed),
        hint(Subject::Username("ada".into()), Trust::Inferred),
        hint(Subject::Avatar("https://example.com/ada.png".into()), Trust::Claimed),
        hint(Subject::Language("en".into()), Trust::Other("rumour".into())),
        hint(Subject::Other(Property::text("city", "London")), Trust::Claimed),
    ]
}

/// An address that changed.
pub fn change() -> Event {
    let (old, new) = (identity("ada"), identity("ada2"));
    Event::new("change-1", EventBody::IdentityChange(IdentityChange { old, new, at: Some(5), reason: "moved".into() }))
}

fn media() -> Media {
    Media {
        id: Some("file-1".into()),
        url: Some("https://example.com/file-1".into()),
        mime: Some("image/png".into()),
        filename: Some("a.png".into()),
        size: Some(3),
        sha256: Some("00".repeat(32)),
        caption: Some("a picture".into()),
    }
}

fn parts(text: &str) -> Vec<Part> {
    vec![
        Part::Text(text.into()),
        Part::Image(media()),
        Part::Audio(media()),
        Part::Video(media()),
        Part::File(media()),
        Part::Sticker(media()),
        Part::Location(Location { latitude: 1.5, longitude: -2.5, name: Some("here".into()), address: None }),
        Part::Contact(Contact { name: "Bob".into(), identifiers: vec![Identifier::phone("15550002")] }),
        Part::Interaction(Interaction { title: "Yes".into(), payload: Some("yes".into()) }),
        Part::Other(Property::text("poll", "?")),
    ]
}

fn message(id: &str, author: Author, kind: ThreadKind, parts: Vec<Part>) -> EventBody {
    EventBody::Message(Message {
        id: id.into(),
        thread: Thread { id: format!("thread-{id}"), kind },
        author,
        sent_at: Some(1_000),
        parts,
        reply_to: Some("m0".into()),
        extra: vec![Property::text("referral", "ad-1")],
    })
}

fn delivery(about: DeliveryScope, state: DeliveryState) -> EventBody {
    EventBody::Delivery(DeliveryUpdate { about, state, at: None })
}

fn call(id: &str, direction: CallDirection, state: CallState) -> EventBody {
    EventBody::Call(Call {
        id: id.into(),
        sender: sender(),
        direction,
        state,
        at: Some(7),
        duration_seconds: Some(60),
        extra: Vec::new(),
    })
}

/// One event of every kind, and of every kind within the kind.
pub fn all(text: &str, now: u64) -> Vec<Event> {
    let short = || vec![Part::Text(text.into())];
    let failed = || Problem::with_code("no", "E2");
    let mut bodies = vec![
        message("m1", Author::Customer(sender()), ThreadKind::Direct, parts(text)),
        message("m2", Author::Account(sender()), ThreadKind::Group, short()),
        message("m3", Author::System(sender()), ThreadKind::Comments, short()),
        message("m4", Author::Other(("bot".into(), sender())), ThreadKind::Mail, short()),
        message("m5", Author::Customer(sender()), ThreadKind::Call, short()),
        message("m6", Author::Customer(sender()), ThreadKind::Other("room".into()), short()),
        EventBody::Edit(Edit { message_id: "m1".into(), edited_at: Some(now), parts: short() }),
        EventBody::Deletion(Deletion { message_id: "m2".into(), deleted_at: None }),
        EventBody::Reaction(Reaction { message_id: "m1".into(), sender: sender(), emoji: Some("👍".into()), at: None }),
        EventBody::Touchpoint(Touchpoint {
            sender: sender(),
            kind: "order".into(),
            at: Some(6),
            summary: "ordered".into(),
            extra: Vec::new(),
        }),
        EventBody::Other(Property::raw("novelty", "{\"a\":1}")),
    ];
    for state in [
        DeliveryState::Sent,
        DeliveryState::Delivered,
        DeliveryState::Read,
        DeliveryState::Failed(failed()),
        DeliveryState::Other("played".into()),
    ] {
        bodies.push(delivery(DeliveryScope::Message("out-1".into()), state));
    }
    bodies.push(delivery(DeliveryScope::ThreadUntil(("thread-m1".into(), now)), DeliveryState::Read));
    bodies.push(delivery(DeliveryScope::Other("all".into()), DeliveryState::Read));
    for (n, state) in [
        CallState::Ringing,
        CallState::Answered,
        CallState::Completed,
        CallState::Missed,
        CallState::Busy,
        CallState::Failed(failed()),
        CallState::Other("voicemail".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let direction = match n {
            0 => CallDirection::Outbound,
            1 => CallDirection::Other("conference".into()),
            _ => CallDirection::Inbound,
        };
        bodies.push(call(&format!("call-{n}"), direction, state));
    }
    let mut events: Vec<Event> = bodies.into_iter().map(Event::from).collect();
    events.push(change());
    events
}
