//! How far messages of the account got: attempts, receipts, read marks, and what comes late or about something else.

use jackfield_core::event::{Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Part, Problem, Sender};
use jackfield_core::fact::{Fact, MessageAction, Outcome, SendResult};
use jackfield_core::ids::{MessageId, Millis};
use jackfield_core::outbox;

use crate::support::{Desk, HOUR, channel, rules, sender, source, text};

fn ana() -> Sender {
    sender("whatsapp", "62811", vec![])
}

/// A desk at which a customer has written and is answered.
fn answering() -> (Desk, MessageId) {
    let mut desk = Desk::new();
    let rules = jackfield_core::fact::ChannelRules {
        content: ["text", "edit", "delete", "react"].map(String::from).to_vec(),
        ..rules()
    };
    desk.apply(Fact::ChannelSet { channel: channel("wa"), source: source(), rules, scope: None });
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    let message = answer(&mut desk, "your parcel is ready");
    (desk, message)
}

fn answer(desk: &mut Desk, words: &str) -> MessageId {
    let customer = desk.customer_of("whatsapp", "62811");
    let parts = vec![Part::Text { text: words.into() }];
    let request =
        Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None };
    queued(desk.apply(request))
}

fn queued(outcome: Outcome) -> MessageId {
    match outcome {
        Outcome::Queued { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn attempt(desk: &mut Desk, message: MessageId, attempt: u32, result: SendResult) {
    assert_eq!(desk.apply(Fact::SendStarted { message, attempt }), Outcome::Done);
    ended(desk, message, attempt, result);
}

fn ended(desk: &mut Desk, message: MessageId, attempt: u32, result: SendResult) {
    let end = Fact::SendEnded { message, attempt, result, events: vec![], source: None, state: vec![] };
    assert_eq!(desk.apply(end), Outcome::Done);
}

fn sent(id: &str) -> SendResult {
    SendResult::Sent { external_ids: vec![id.into()] }
}

fn refused() -> SendResult {
    SendResult::Failed { class: "rejected".into(), problem: problem() }
}

fn problem() -> Problem {
    Problem { message: "no".into(), code: None }
}

fn state(desk: &Desk, id: MessageId) -> String {
    desk.message(id)["delivery"]["state"].as_str().unwrap().to_owned()
}

fn about(about: DeliveryScope, state: DeliveryUpdate) -> Event {
    Event { id: String::new(), body: EventBody::Delivery { about, state, at: None } }
}

fn of(id: &str, state: DeliveryUpdate) -> Event {
    about(DeliveryScope::Message(id.into()), state)
}

fn read_until(until: u64) -> Event {
    about(DeliveryScope::ThreadUntil("62811".into(), Millis(until)), DeliveryUpdate::Read)
}

/// The customer has seen everything up to now.
fn read(desk: &mut Desk) {
    let now = read_until(desk.now);
    desk.receive("wa", vec![now]);
}

fn due(desk: &Desk) -> Vec<MessageId> {
    outbox::view::due(&desk.tables, &channel("wa"), Millis(u64::MAX), 10).unwrap().0
}

#[test]
fn a_read_mark_leaves_what_was_never_sent_in_the_outbox() {
    let (mut desk, message) = answering();
    read(&mut desk);
    assert_eq!((state(&desk, message).as_str(), due(&desk)), ("queued", vec![message]));
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    let retry = SendResult::Retry { at: Millis(desk.now), problem: problem() };
    ended(&mut desk, message, 1, retry);
    read(&mut desk);
    assert_eq!((state(&desk, message).as_str(), due(&desk)), ("queued", vec![message]));
}

#[test]
fn a_read_mark_that_overtakes_the_answer_of_the_attempt_counts_once_the_message_is_on_its_channel() {
    let (mut desk, message) = answering();
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    read(&mut desk);
    assert_eq!(state(&desk, message), "sending");
    ended(&mut desk, message, 1, sent("out-1"));
    assert_eq!(state(&desk, message), "read");
    let (mut desk, message) = answering();
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    read(&mut desk);
    let retry = SendResult::Retry { at: Millis(desk.now), problem: problem() };
    ended(&mut desk, message, 1, retry);
    attempt(&mut desk, message, 2, sent("out-2"));
    assert_eq!(state(&desk, message), "sent", "the mark is from before the attempt that was successful");
}

#[test]
fn a_read_mark_takes_no_refusal_back() {
    let (mut desk, message) = answering();
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    read(&mut desk);
    ended(&mut desk, message, 1, refused());
    assert_eq!(state(&desk, message), "failed");
    read(&mut desk);
    assert_eq!(state(&desk, message), "failed");
}

#[test]
fn a_read_mark_does_not_say_that_an_attempt_without_an_answer_has_arrived() {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, SendResult::Uncertain { problem: problem() });
    read(&mut desk);
    assert_eq!(state(&desk, message), "uncertain");
}

#[test]
fn a_read_mark_takes_back_no_failure_that_the_channel_told_after_taking_the_message() {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, sent("e1"));
    desk.receive("wa", vec![of("e1", DeliveryUpdate::Failed(problem()))]);
    read(&mut desk);
    assert_eq!(state(&desk, message), "failed");
    desk.receive("wa", vec![of("e1", DeliveryUpdate::Read)]);
    assert_eq!(state(&desk, message), "read", "that is about this very message");
}

#[test]
fn a_read_mark_is_about_what_was_on_its_way_by_then() {
    let (mut desk, first) = answering();
    let waits = desk.now;
    let second = answer(&mut desk, "and it is heavy");
    attempt(&mut desk, first, 1, sent("e1"));
    desk.receive("wa", vec![read_until(waits)]);
    assert_eq!(state(&desk, first), "sent", "the attempt began after that");
    read(&mut desk);
    assert_eq!(state(&desk, first), "read");
    attempt(&mut desk, second, 1, sent("e2"));
    assert_eq!(state(&desk, second), "sent");
    read(&mut desk);
    assert_eq!(state(&desk, second), "read");
}

#[test]
fn a_read_mark_of_the_time_of_a_first_attempt_is_not_about_the_second() {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, sent("e1"));
    let between = desk.now;
    desk.receive("wa", vec![of("e1", DeliveryUpdate::Failed(problem()))]);
    desk.apply(Fact::RetryRequested { message });
    attempt(&mut desk, message, 2, sent("e2"));
    desk.receive("wa", vec![read_until(between)]);
    assert_eq!(state(&desk, message), "sent");
    read(&mut desk);
    assert_eq!(state(&desk, message), "read");
}

#[test]
fn late_news_of_a_first_attempt_does_not_fail_the_second() {
    let (mut desk, message) = answering();
    let failed = || of("e1", DeliveryUpdate::Failed(problem()));
    attempt(&mut desk, message, 1, sent("e1"));
    desk.receive("wa", vec![failed()]);
    assert_eq!(state(&desk, message), "failed");
    desk.apply(Fact::RetryRequested { message });
    desk.receive("wa", vec![failed(), of("e1", DeliveryUpdate::Sent)]);
    assert_eq!(
        (state(&desk, message).as_str(), due(&desk)),
        ("queued", vec![message]),
        "it waits for its second attempt"
    );
    desk.apply(Fact::SendStarted { message, attempt: 2 });
    desk.receive("wa", vec![failed(), of("e1", DeliveryUpdate::Sent)]);
    assert_eq!(state(&desk, message), "sending");
    ended(&mut desk, message, 2, sent("e2"));
    desk.receive("wa", vec![failed()]);
    assert_eq!(state(&desk, message), "sent");
    desk.receive("wa", vec![of("e2", DeliveryUpdate::Failed(problem()))]);
    assert_eq!(state(&desk, message), "failed");
}

#[test]
fn a_message_that_arrived_by_its_first_attempt_has_arrived() {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, sent("e1"));
    desk.receive("wa", vec![of("e1", DeliveryUpdate::Failed(problem()))]);
    desk.apply(Fact::RetryRequested { message });
    desk.receive("wa", vec![of("e1", DeliveryUpdate::Delivered)]);
    assert_eq!((state(&desk, message).as_str(), due(&desk)), ("delivered", vec![]));
}

#[test]
fn an_edit_of_ours_does_not_bring_back_what_was_deleted_meanwhile() {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, sent("e1"));
    let act =
        |desk: &mut Desk, action| queued(desk.apply(Fact::ActionRequested { message, action, idempotency: None }));
    let edit = act(&mut desk, MessageAction::Edit { parts: vec![Part::Text { text: "a secret, edited".into() }] });
    let delete = act(&mut desk, MessageAction::Delete);
    desk.receive("wa", vec![reacts("e1", "+")]);
    desk.apply(Fact::SendStarted { message: edit, attempt: 1 });
    desk.receive(
        "wa",
        vec![Event { id: String::new(), body: EventBody::Deletion { message_id: "e1".into(), at: None } }],
    );
    let deleted = desk.message(message);
    ended(&mut desk, edit, 1, sent(""));
    attempt(&mut desk, delete, 1, sent(""));
    desk.receive("wa", vec![reacts("e1", "-")]);
    assert_eq!(desk.message(message), deleted);
    assert_eq!((deleted["parts"].as_array().unwrap().len(), deleted["reactions"].as_array().unwrap().len()), (0, 0));
}

#[test]
fn what_we_delete_keeps_no_reactions() {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, sent("e1"));
    desk.receive("wa", vec![reacts("e1", "+")]);
    let delete =
        queued(desk.apply(Fact::ActionRequested { message, action: MessageAction::Delete, idempotency: None }));
    attempt(&mut desk, delete, 1, sent(""));
    assert_eq!(desk.message(message)["reactions"].as_array().unwrap().len(), 0);
}

fn reacts(id: &str, emoji: &str) -> Event {
    let body = EventBody::Reaction { message_id: id.into(), sender: ana(), emoji: Some(emoji.into()), at: None };
    Event { id: String::new(), body }
}

/// What is seen of a message whose echo, and news of that, came while the attempt at it ran.
fn with_news_of_its_echo(news: Vec<Event>) -> (Desk, serde_json::Value) {
    let (mut desk, message) = answering();
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    let mut echo = text("x-1", ana(), "your parcel is ready");
    if let EventBody::Message(message) = &mut echo.body {
        message.author = Author::Account;
    }
    desk.receive("wa", vec![echo]);
    for event in news {
        desk.receive("wa", vec![event]);
    }
    ended(&mut desk, message, 1, sent("x-1"));
    let seen = desk.message(message);
    (desk, seen)
}

fn event(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

#[test]
fn how_far_an_echo_got_is_how_far_the_message_got_that_it_echoes() {
    use DeliveryUpdate::{Delivered, Failed, Other, Read, Sent};
    for (news, state) in [
        (vec![Sent], "sent"),
        (vec![Read, Delivered, Sent], "read"),
        (vec![Sent, Failed(problem())], "failed"),
        (vec![Failed(problem()), Delivered, Delivered], "delivered"),
        (vec![Other("pending".into())], "sent"),
    ] {
        let news = news.into_iter().map(|state| of("x-1", state)).collect();
        assert_eq!(with_news_of_its_echo(news).1["delivery"]["state"], state);
    }
}

#[test]
fn what_was_done_to_an_echo_was_done_to_the_message_that_it_echoes() {
    let message_id = || String::from("x-1");
    let reaction = |emoji: Option<&str>| {
        event(EventBody::Reaction {
            message_id: message_id(),
            sender: ana(),
            emoji: emoji.map(str::to_owned),
            at: None,
        })
    };
    let parts = vec![Part::Text { text: "your parcel is late".into() }];
    let edit = event(EventBody::Edit { message_id: message_id(), at: None, parts });
    let (_, seen) = with_news_of_its_echo(vec![reaction(Some("+")), edit]);
    assert_eq!(seen["reactions"][0]["emoji"], "+");
    assert_eq!(seen["parts"][0]["text"], "your parcel is late");
    let (_, seen) = with_news_of_its_echo(vec![reaction(Some("+")), reaction(None)]);
    assert_eq!(seen["reactions"].as_array().unwrap().len(), 0);
    let (desk, seen) = with_news_of_its_echo(vec![event(EventBody::Deletion { message_id: message_id(), at: None })]);
    assert!(seen["deleted_at"].is_string() && seen["parts"].as_array().unwrap().is_empty());
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), ["hello"]);
}

#[test]
fn an_action_on_an_echo_that_stepped_back_meanwhile_is_done_to_the_message_that_it_echoes() {
    let (mut desk, message) = answering();
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    let mut echo = text("x-1", ana(), "your parcel is ready");
    if let EventBody::Message(message) = &mut echo.body {
        message.author = Author::Account;
    }
    desk.receive("wa", vec![echo]);
    let on_echo = desk.first_message(desk.customer_of("whatsapp", "62811"));
    assert_ne!(on_echo, message);
    let request = Fact::ActionRequested { message: on_echo, action: MessageAction::Delete, idempotency: None };
    let action = queued(desk.apply(request));
    ended(&mut desk, message, 1, sent("x-1"));
    attempt(&mut desk, action, 1, SendResult::Sent { external_ids: vec![] });
    assert!(desk.message(message)["deleted_at"].is_string());
}

/// The channel had the message, and could not deliver it.
fn not_delivered() -> (Desk, MessageId) {
    let (mut desk, message) = answering();
    attempt(&mut desk, message, 1, sent("x-1"));
    desk.receive("wa", vec![of("x-1", DeliveryUpdate::Failed(problem()))]);
    (desk, message)
}

#[test]
fn a_message_that_was_taken_back_is_not_sent_again() {
    let taken_back = || event(EventBody::Deletion { message_id: "x-1".into(), at: None });
    let (mut desk, message) = not_delivered();
    desk.receive("wa", vec![taken_back()]);
    assert!(matches!(desk.apply(Fact::RetryRequested { message }), Outcome::Refused(why) if why.code == "conflict"));

    let (mut desk, message) = not_delivered();
    queued(desk.apply(Fact::RetryRequested { message }));
    desk.receive("wa", vec![taken_back()]);
    let started = desk.apply(Fact::SendStarted { message, attempt: 2 });
    assert!(matches!(started, Outcome::Refused(why) if why.code == "conflict"));
    let delivery = desk.message(message)["delivery"].clone();
    assert_eq!((delivery["state"].as_str(), delivery["class"].as_str()), (Some("failed"), Some("deleted")));
    assert!(due(&desk).is_empty());
}

#[test]
fn a_pause_that_was_asked_for_while_the_clock_was_ahead_hides_no_later_one() {
    let mut desk = Desk::new();
    let (now, mut held) = (desk.now, Vec::new());
    for until in [now + 100 * 365 * 24 * HOUR, now + 60_000, now + 30_000] {
        desk.apply(Fact::ChannelHeld { channel: channel("wa"), source: None, until: Millis(until) });
        let row = jackfield_core::channel::view::channel(&desk.tables, &channel("wa")).unwrap().unwrap();
        held.push(row.held_until.unwrap().0 - now);
    }
    assert_eq!(held[1..], [60_000, 60_000], "the longest of those that can be meant counts");
}
