use jackfield_sdk::testing;
use jackfield_sdk::{
    Author, Connector, DeliveryScope, DeliveryState, EventBody, Failure, Hint, Identifier, Message, Outcome, Part,
    Subject, ThreadKind,
};

use super::{ACCOUNT, SECRET, env, receive};
use crate::Instagram;

const DIRECT: &str = include_str!("../../fixtures/direct.json");
const CHANGES: &str = include_str!("../../fixtures/changes.json");
const SIBLINGS: &str = include_str!("../../fixtures/siblings.json");

fn read(body: &str) -> Outcome {
    receive(&mut env(), body).unwrap()
}

fn messages(outcome: &Outcome) -> impl Iterator<Item = &Message> {
    outcome.events.iter().filter_map(
        |event| {
            if let EventBody::Message(message) = &event.body { Some(message) } else { None }
        },
    )
}

fn message<'a>(outcome: &'a Outcome, id: &str) -> &'a Message {
    messages(outcome).find(|message| message.id == id).unwrap_or_else(|| panic!("no message {id}"))
}

fn body<'a>(outcome: &'a Outcome, id: &str) -> &'a EventBody {
    &outcome.events.iter().find(|event| event.id == id).unwrap_or_else(|| panic!("no event {id}")).body
}

fn others(outcome: &Outcome) -> Vec<&str> {
    let name = |body: &'_ EventBody| matches!(body, EventBody::Other(_));
    let kept = outcome.events.iter().filter(|event| name(&event.body));
    kept.map(|event| if let EventBody::Other(kept) = &event.body { kept.name.as_str() } else { "" }).collect()
}

fn instagram(id: &str) -> Identifier {
    Identifier::scoped("instagram", ACCOUNT, id)
}

#[test]
fn every_item_becomes_an_event() {
    let outcome = read(DIRECT);
    assert_eq!(outcome.unreadable, []);
    assert_eq!((outcome.events.len(), messages(&outcome).count()), (20, 12));
    assert_eq!(others(&outcome), ["dance"]);
}

#[test]
fn a_text_is_the_persons_in_their_direct_thread() {
    let outcome = read(DIRECT);
    let text = message(&outcome, "m.text");
    assert_eq!(text.parts, [Part::Text("Is the laptop in stock? 💻".into())]);
    assert_eq!(
        (text.thread.id.as_str(), &text.thread.kind, text.sent_at),
        ("5550001", &ThreadKind::Direct, Some(1_760_000_000_001))
    );
    let Author::Customer(sender) = &text.author else { panic!("not the customer") };
    assert_eq!((&sender.identity, sender.hints.len()), (&instagram("5550001"), 0));
    assert_eq!(message(&outcome, "m.reply").reply_to.as_deref(), Some("m.ours"));
    let story = message(&outcome, "m.story");
    assert_eq!((story.sent_at, story.extra[0].name.as_str()), (Some(1_760_000_000_000), "story"));
    assert_eq!(message(&outcome, "m.standby").thread.id, "5550002");
}

#[test]
fn attachments_keep_their_order_and_unknown_ones_are_kept_whole() {
    let outcome = read(DIRECT);
    let media = &message(&outcome, "m.media").parts;
    assert!(matches!(
        media.as_slice(),
        [Part::Text(_), Part::Image(_), Part::Video(_), Part::Audio(_), Part::File(_), Part::Sticker(_)]
    ));
    let Part::Image(image) = &media[1] else { panic!("no image") };
    assert_eq!(image.url.as_deref(), Some("https://cdn.example/1.jpg"));
    let names = message(&outcome, "m.shares").parts.iter().map(|part| match part {
        Part::Other(kept) => kept.name.as_str(),
        other => panic!("{other:?} is not kept as it is"),
    });
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["share", "ig_reel", "story_mention", "like_heart", "hologram", "attachment"]
    );
    assert!(matches!(message(&outcome, "m.unsupported").parts.as_slice(), [Part::Other(_)]));
}

#[test]
fn quick_replies_and_postbacks_are_pressed_buttons() {
    let outcome = read(DIRECT);
    for (id, title, payload) in [
        ("m.quick", "Yes", "YES"),
        ("m.postback", "Track order", "TRACK"),
        ("postback:5550001:1760000000012:OLD", "Old button", "OLD"),
    ] {
        let [Part::Interaction(pressed)] = message(&outcome, id).parts.as_slice() else { panic!("{id} is no button") };
        assert_eq!((pressed.title.as_str(), pressed.payload.as_deref()), (title, Some(payload)));
    }
    assert_eq!(message(&outcome, "m.postback").extra[0].name, "referral");
    assert_eq!(message(&outcome, "m.postback").author.sender().identity, instagram("5550001"));
}

#[test]
fn echoes_are_the_accounts_and_go_to_the_customer() {
    let outcome = read(DIRECT);
    for id in ["m.echo", "m.bare-echo"] {
        let echo = message(&outcome, id);
        let Author::Account(sender) = &echo.author else { panic!("{id} is not the account's") };
        assert_eq!((&sender.identity, echo.thread.id.as_str()), (&instagram("5550001"), "5550001"));
    }
}

#[test]
fn deletions_reactions_edits_and_read_marks_name_their_message() {
    let outcome = read(DIRECT);
    let EventBody::Deletion(gone) = body(&outcome, "deletion:m.text") else { panic!("no deletion") };
    assert_eq!(gone.message_id, "m.text");
    let EventBody::Reaction(put) = body(&outcome, "react:5550001:1760000000013:m.ours") else { panic!("no reaction") };
    assert_eq!((put.message_id.as_str(), put.emoji.as_deref()), ("m.ours", Some("❤️")));
    let EventBody::Reaction(taken) = body(&outcome, "unreact:5550001:1760000000014:m.ours") else {
        panic!("no reaction")
    };
    assert_eq!(taken.emoji, None);
    let EventBody::Edit(edit) = body(&outcome, "edit:m.reply:1") else { panic!("no edit") };
    assert_eq!(edit.parts, [Part::Text("That one".into())]);
    let EventBody::Delivery(read) = body(&outcome, "read:m.ours") else { panic!("no read mark") };
    assert_eq!((&read.about, &read.state), (&DeliveryScope::Message("m.ours".into()), &DeliveryState::Read));
    let EventBody::Delivery(until) = body(&outcome, "read:5550001:1760000000000") else { panic!("no watermark") };
    assert_eq!(until.about, DeliveryScope::ThreadUntil(("5550001".into(), 1_760_000_000_000)));
    let EventBody::Touchpoint(came) = body(&outcome, "referral:5550001:1760000000018:") else { panic!("no referral") };
    assert_eq!(came.summary, "Came to the chat by IGME-SOURCE (autumn)");
}

#[test]
fn comments_are_threads_of_their_post() {
    let outcome = read(CHANGES);
    let first = message(&outcome, "c.1");
    assert_eq!((first.thread.id.as_str(), &first.thread.kind), ("post.1", &ThreadKind::Comments));
    assert_eq!(first.sent_at, Some(1_760_000_002_000));
    let expected = Hint::claimed(Subject::Username("budi".into()), "username on Instagram");
    assert_eq!(first.author.sender().hints, [expected]);
    let second = message(&outcome, "c.2");
    assert_eq!((second.thread.id.as_str(), second.reply_to.as_deref()), ("post.1", Some("c.1")));
    assert_eq!(message(&outcome, "c.3").thread.id, "live.1");
    assert_eq!(message(&outcome, "m.changed").thread.kind, ThreadKind::Direct);
    assert_eq!(others(&outcome), ["comments", "mentions", "story_insights"]);
    assert_eq!(outcome.unreadable.len(), 1);
}

#[test]
fn a_malformed_item_takes_no_sibling_with_it() {
    let mut env = env();
    let outcome = receive(&mut env, SIBLINGS).unwrap();
    let ids: Vec<_> = messages(&outcome).map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["m.good1", "m.good2", "m.other-id"]);
    assert_eq!(outcome.unreadable.len(), 4);
    assert!(outcome.unreadable.iter().any(|item| item.raw == b"42"));
    assert_eq!(others(&outcome), ["another-account", "entry"]);
    assert!(env.log()[0].contains("17849999999999999"));
}

#[test]
fn a_body_that_is_no_json_is_rejected_and_foreign_json_is_kept() {
    assert!(matches!(receive(&mut env(), "entry=1"), Err(Failure::Rejected(_))));
    for foreign in ["[]", "{}", "null"] {
        assert_eq!((read(foreign).reply.status, read(foreign).unreadable.len()), (200, 1));
    }
}

#[test]
fn a_request_without_a_genuine_signature_is_unauthenticated() {
    let unsigned = testing::post("/hooks/ig-main", DIRECT);
    assert!(matches!(env().run(|| Instagram::receive(unsigned)), Err(Failure::Unauthenticated(_))));
    let mut forged = testing::post("/hooks/ig-main", DIRECT);
    testing::sign_hub(&mut forged, &SECRET.replace('0', "1"));
    assert!(matches!(env().run(|| Instagram::receive(forged)), Err(Failure::Unauthenticated(_))));
}

#[test]
fn the_handshake_is_answered() {
    let request = testing::get("/hooks/ig-main?hub.mode=subscribe&hub.verify_token=agreed&hub.challenge=42");
    assert_eq!(env().run(|| Instagram::receive(request)).unwrap().reply.body, b"42");
}
