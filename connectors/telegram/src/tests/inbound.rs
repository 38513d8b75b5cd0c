use jackfield_sdk::testing::{self, Env};
use jackfield_sdk::{
    Author, Connector, Event, EventBody, Failure, Hint, Identifier, Message, Outcome, Part, Subject, ThreadKind, Trust,
};
use serde_json::Value;

use super::{env, receive};
use crate::Telegram;

const UPDATES: &str = include_str!("../../fixtures/updates.json");

fn update_in(env: &mut Env, id: usize) -> Outcome {
    let updates: Vec<Value> = serde_json::from_str(UPDATES).unwrap();
    let outcome = receive(env, &updates[id - 1].to_string(), "hook-Secret_1").unwrap();
    assert_eq!((outcome.reply.status, outcome.unreadable.len()), (200, 0));
    outcome
}

fn event(id: usize) -> Event {
    let mut events = update_in(&mut env(), id).events;
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn message(id: usize) -> Message {
    match event(id).body {
        EventBody::Message(message) => message,
        other => panic!("update {id} is no message: {other:?}"),
    }
}

fn telegram(id: &str) -> Identifier {
    Identifier::scoped("telegram", "telegram", id)
}

fn attested(message: &Message) -> Vec<&Subject> {
    let hints = message.author.sender().hints.iter();
    hints.filter(|hint| hint.trust == Trust::Attested).map(|hint| &hint.about).collect()
}

#[test]
fn every_kind_of_update_becomes_events() {
    let count = serde_json::from_str::<Vec<Value>>(UPDATES).unwrap().len();
    let events: usize = (1..=count).map(|id| update_in(&mut env(), id).events.len()).sum();
    // Two messages were deleted by one update.
    assert_eq!(events, count + 1);
}

#[test]
fn a_text_is_the_persons_and_its_id_is_unique_beyond_the_chat() {
    let text = message(1);
    assert_eq!(
        (text.id.as_str(), text.thread.id.as_str(), &text.thread.kind),
        ("7000000001:10", "7000000001", &ThreadKind::Direct)
    );
    assert_eq!((text.sent_at, &text.parts), (Some(1_760_000_000_000), &vec![Part::Text("Is it in stock? 💻".into())]));
    let Author::Customer(sender) = &text.author else { panic!("not the customer") };
    assert_eq!(sender.identity, telegram("7000000001"));
    let expected =
        [Subject::Name("Sari Dewi".into()), Subject::Username("sarid".into()), Subject::Language("id".into())];
    assert_eq!(sender.hints.iter().map(|hint| hint.about.clone()).collect::<Vec<_>>(), expected);
    assert!(sender.hints.iter().all(|hint| hint.trust == Trust::Claimed));
    assert_eq!(text.extra[0].name, "entities");
    assert_eq!(message(35).id, "7000000001:50");
    assert_eq!(message(35).sent_at, Some(1_760_000_030_000));
}

#[test]
fn an_answer_names_its_message_and_a_start_link_its_word() {
    let start = message(2);
    assert_eq!(start.reply_to.as_deref(), Some("7000000001:9"));
    let word = start.extra.iter().find(|extra| extra.name == "start").unwrap();
    assert_eq!(word.value, "\"autumn\"");
    assert_eq!(message(18).reply_to, None);
}

#[test]
fn media_come_by_id_the_picture_in_its_largest_size() {
    let Part::Image(photo) = &message(3).parts[0] else { panic!("no picture") };
    assert_eq!(
        (photo.id.as_deref(), photo.caption.as_deref(), photo.size),
        (Some("large"), Some("The box"), Some(90_000))
    );
    assert_eq!((message(3).extra[0].value.as_str(), message(4).extra[0].value.as_str()), ("\"g1\"", "\"g1\""));
    assert!(matches!(message(5).parts.as_slice(), [Part::Video(_)]));
    let Part::File(file) = &message(6).parts[0] else { panic!("no file") };
    assert_eq!((file.filename.as_deref(), file.mime.as_deref()), (Some("a.pdf"), Some("application/pdf")));
    assert!(matches!(message(7).parts.as_slice(), [Part::Audio(_)]));
    assert!(matches!(message(8).parts.as_slice(), [Part::Video(_)]));
    assert!(matches!(message(9).parts.as_slice(), [Part::Sticker(_)]));
}

#[test]
fn places_have_their_name() {
    let Part::Location(venue) = &message(10).parts[0] else { panic!("no place") };
    assert_eq!((venue.name.as_deref(), venue.latitude), (Some("Monas"), -6.2));
    let Part::Location(point) = &message(11).parts[0] else { panic!("no place") };
    assert_eq!((point.longitude, &point.name), (2.0, &None));
}

#[test]
fn a_contact_proves_a_number_only_when_its_owner_shares_it() {
    let own = message(12);
    assert_eq!(attested(&own), [&Subject::Identifier(Identifier::global("phone", "+6281234567890"))]);
    let of_another = message(13);
    assert_eq!(attested(&of_another), Vec::<&Subject>::new());
    let Part::Contact(budi) = &of_another.parts[0] else { panic!("no contact") };
    assert_eq!(budi.identifiers, [Identifier::global("phone", "+628112222"), telegram("7000000002")]);
    assert_eq!(attested(&message(14)), Vec::<&Subject>::new());
}

#[test]
fn unknown_content_is_kept_with_the_words_under_it() {
    assert!(matches!(message(15).parts.as_slice(), [Part::Other(kept)] if kept.name == "poll"));
    assert!(matches!(message(16).parts.as_slice(), [Part::Text(_), Part::Other(kept)] if kept.name == "hologram"));
    assert!(matches!(message(17).parts.as_slice(), [Part::Interaction(pressed)] if pressed.title == "Order"));
}

#[test]
fn a_group_is_a_thread_of_several_people() {
    let hello = message(18);
    assert_eq!((hello.thread.id.as_str(), &hello.thread.kind), ("-1001234567890", &ThreadKind::Group));
    assert_eq!(hello.author.sender().identity, telegram("7000000003"));
}

#[test]
fn news_of_a_chat_is_nobodys_message_and_a_move_is_remembered() {
    let mut env = env();
    let moved = update_in(&mut env, 19);
    assert!(matches!(&moved.events[0].body, EventBody::Other(news) if news.name == "migrate_to_chat_id"));
    assert_eq!(env.state()["moved/-100"], b"-1009");
    assert!(matches!(event(20).body, EventBody::Other(news) if news.name == "new_chat_members"));
}

#[test]
fn edits_reactions_and_deletions_name_their_message() {
    let EventBody::Edit(edit) = event(21).body else { panic!("no edit") };
    assert_eq!((edit.message_id.as_str(), edit.edited_at), ("7000000001:10", Some(1_760_000_020_000)));
    let EventBody::Reaction(put) = event(24).body else { panic!("no reaction") };
    assert_eq!((put.message_id.as_str(), put.emoji.as_deref()), ("-1001234567890:31", Some("🔥")));
    let EventBody::Reaction(taken) = event(25).body else { panic!("no reaction") };
    assert_eq!(taken.emoji, None);
    let gone = update_in(&mut env(), 32).events;
    let ids: Vec<_> = gone.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["32:40", "32:41"]);
    assert!(matches!(&gone[1].body, EventBody::Deletion(deletion) if deletion.message_id == "7000000004:41"));
    assert_eq!(event(21).id, "21");
}

#[test]
fn a_pressed_button_is_a_message_and_the_spinner_is_stopped() {
    let outcome = update_in(&mut env(), 22);
    let reply: Value = serde_json::from_slice(&outcome.reply.body).unwrap();
    assert_eq!(
        (&reply["method"], &reply["callback_query_id"]),
        (&"answerCallbackQuery".into(), &"4382bfdwdsb323b2d9".into())
    );
    let pressed = message(22);
    assert_eq!(
        (pressed.id.as_str(), pressed.reply_to.as_deref()),
        ("callback:4382bfdwdsb323b2d9", Some("7000000001:30"))
    );
    let Part::Interaction(button) = &pressed.parts[0] else { panic!("no button") };
    assert_eq!((button.title.as_str(), button.payload.as_deref()), ("Large", Some("size:L")));
    assert_eq!(message(23).thread.id, "7000000001");
}

#[test]
fn blocking_and_coming_back_are_touchpoints() {
    let kind = |id| match event(id).body {
        EventBody::Touchpoint(touchpoint) => touchpoint.kind,
        other => panic!("{other:?} is no touchpoint"),
    };
    assert_eq!((kind(26).as_str(), kind(27).as_str()), ("blocked", "subscribed"));
    assert!(matches!(event(28).body, EventBody::Other(_)));
}

#[test]
fn in_chats_of_a_business_account_the_owner_is_the_account() {
    let mut env = env();
    update_in(&mut env, 30);
    assert_eq!(env.state()["business/7000000004"], b"bc1");
    assert!(matches!(message(30).author, Author::Customer(_)));
    let Author::Account(customer) = message(31).author else { panic!("not the account") };
    assert_eq!(customer.identity, telegram("7000000004"));
    assert!(customer.hints.contains(&Hint::claimed(Subject::Name("Rui".into()), "name on Telegram")));
}

#[test]
fn kinds_without_a_form_are_kept_under_their_number() {
    for (id, kind) in [(29, "channel_post"), (33, "inline_query"), (34, "future_kind")] {
        let event = event(id);
        assert_eq!(event.id, id.to_string());
        assert!(matches!(event.body, EventBody::Other(kept) if kept.name == kind && kept.value.contains("update_id")));
    }
}

#[test]
fn what_cannot_be_understood_is_kept_with_a_reason() {
    let bodies =
        ["[]", "{}", r#"{"update_id": 1}"#, r#"{"update_id": 1, "message": {"text": "x"}}"#, r#"{"update_id": 1e999}"#];
    for body in bodies {
        let outcome = receive(&mut env(), body, "hook-Secret_1").unwrap();
        assert_eq!((outcome.reply.status, outcome.unreadable.len(), outcome.events.len()), (200, 1, 0), "{body}");
        assert_eq!(outcome.unreadable[0].raw, body.as_bytes());
    }
    assert!(matches!(receive(&mut env(), "update", "hook-Secret_1"), Err(Failure::Rejected(_))));
}

#[test]
fn only_the_agreed_token_is_let_in() {
    for token in ["", "hook-Secret_2", "hook-secret_1", "hook-Secret_1 "] {
        assert!(matches!(receive(&mut env(), "{}", token), Err(Failure::Unauthenticated(_))), "{token}");
    }
    let without = testing::post("/hooks/tg-main", "{}");
    assert!(matches!(env().run(|| Telegram::receive(without)), Err(Failure::Unauthenticated(_))));
    assert_eq!(env().run(|| Telegram::receive(testing::get("/hooks/tg-main"))).unwrap().reply.status, 405);
}
