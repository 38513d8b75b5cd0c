//! What belongs to one sender, one account, one connector, and comes to no other.

use crate::support::{Desk, channel, identifier, named, rules, sender, text, with_parts};
use jackfield_core::canonical::{self, Context};
use jackfield_core::channel::view;
use jackfield_core::event::{DeliveryScope, DeliveryUpdate, Event, EventBody, Identifier, Media, Part, Sender, Trust};
use jackfield_core::fact::{ChannelRules, Fact, MessageAction, Outcome, SendResult, Source, StateChange, Via};
use jackfield_core::generation::GrantChanges;
use jackfield_core::identity::{people, search};
use jackfield_core::ids::{MessageId, Millis};
use jackfield_core::{connector, files, limits, outbox};

fn event(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

/// Somebody gives an address in a form, in a session of their own.
fn typed(desk: &mut Desk, session: &str, kind: &str, words: &str) {
    let from = Sender { trust: Trust::Claimed, ..sender("email", "ana@example.com", vec![]) };
    let mut event = text(words, from, words);
    if let EventBody::Message(message) = &mut event.body {
        message.thread.id = session.into();
        message.thread.kind = kind.into();
    }
    desk.receive("wa", vec![event]);
}

fn ask(desk: &mut Desk, reply_to: Option<MessageId>, thread: Option<&str>, via: Option<Via>) -> Outcome {
    let customer = desk.customer_of("email", "ana@example.com");
    let parts = vec![jackfield_core::event::Part::Text { text: "dear Ana, your invoice".into() }];
    let thread = thread.map(str::to_owned);
    desk.apply(Fact::MessageRequested { customer, parts, via, reply_to, thread, idempotency: None })
}

fn goes_to(outcome: Outcome) -> String {
    match outcome {
        Outcome::Queued { to: Some(to), .. } => to.thread.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_gives_somebody_elses_address_in_a_form_gets_no_reply_that_is_meant_for_the_other() {
    for kinds in [["direct", "direct"], ["direct", "mail"], ["mail", "direct"]] {
        let mut desk = Desk::new();
        typed(&mut desk, "of-ana", kinds[0], "please send my invoice again");
        let anas = desk.first_message(desk.customer_of("email", "ana@example.com"));
        assert_eq!(goes_to(ask(&mut desk, None, None, None)), "of-ana");
        typed(&mut desk, "of-mallory", kinds[1], "hi");
        for via in [None, Some(Via::Channel(channel("wa")))] {
            match ask(&mut desk, None, None, via) {
                Outcome::Refused(refusal) => assert_eq!(refusal.code, "several_threads"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(desk.message(anas)["thread"]["id"], "of-ana", "who answers sees which thread it came in");
        assert_eq!(goes_to(ask(&mut desk, Some(anas), None, None)), "of-ana");
        assert_eq!(goes_to(ask(&mut desk, None, Some("of-mallory"), None)), "of-mallory");
    }
}

#[test]
fn a_reply_in_a_thread_of_the_form_does_not_make_the_next_one_certain() {
    let mut desk = Desk::new();
    typed(&mut desk, "of-ana", "direct", "please send my invoice again");
    typed(&mut desk, "of-mallory", "direct", "hi");
    typed(&mut desk, "of-mallory", "direct", "hi again");
    typed(&mut desk, "of-ana", "direct", "hello?");
    assert!(matches!(ask(&mut desk, None, None, None), Outcome::Refused(_)));
}

#[test]
fn a_proven_sender_is_answered_where_they_wrote_last() {
    let mut desk = Desk::new();
    for session in ["one", "two"] {
        let mut event = text(session, sender("email", "ana@example.com", vec![]), session);
        if let EventBody::Message(message) = &mut event.body {
            message.thread.id = session.into();
        }
        desk.receive("wa", vec![event]);
    }
    assert_eq!(goes_to(ask(&mut desk, None, None, None)), "two");
}

fn of(connector: &str) -> Source {
    Source { connector: connector.into(), version: "1".into(), digest: "00".into() }
}

fn serve(desk: &mut Desk, connector: &str) {
    let scope = Some(connector.to_owned());
    desk.apply(Fact::ChannelSet { channel: channel("wa"), source: of(connector), rules: rules(), scope });
}

fn receive_as(desk: &mut Desk, connector: &str, events: Vec<Event>) -> Outcome {
    let events = canonical::events(events, &Context { channel: channel("wa"), region: None });
    let state = vec![StateChange { key: "token".into(), value: Some(connector.into()) }];
    let (channel, source) = (channel("wa"), of(connector));
    desk.apply(Fact::Received { channel, source, events, state, unreadable: vec![] })
}

fn state(desk: &Desk) -> Option<Vec<u8>> {
    view::state(&desk.tables, &channel("wa"), "token").unwrap()
}

#[test]
fn a_connector_that_comes_to_serve_a_channel_reads_nothing_that_another_one_kept_there() {
    let mut desk = Desk::new();
    receive_as(&mut desk, "test", vec![]);
    let (state_changes, events) = (vec![], vec![]);
    let cursor = Some(b"page 7".to_vec());
    desk.apply(Fact::Polled {
        channel: channel("wa"),
        source: of("test"),
        events,
        state: state_changes,
        unreadable: vec![],
        cursor,
    });
    assert!(view::cursor(&desk.tables, &channel("wa")).unwrap().is_some());
    serve(&mut desk, "test");
    assert!(state(&desk).is_some() && view::cursor(&desk.tables, &channel("wa")).unwrap().is_some(), "it is the same");
    serve(&mut desk, "other");
    assert!(state(&desk).is_none() && view::cursor(&desk.tables, &channel("wa")).unwrap().is_none());
}

#[test]
fn ids_of_one_connector_are_not_taken_for_those_of_another_that_served_the_channel_before() {
    let mut desk = Desk::new();
    let event_of =
        |who: &str, words: &str| Event { id: "e-1".into(), ..text("1", sender("whatsapp", who, vec![]), words) };
    receive_as(&mut desk, "test", vec![event_of("ana", "to the old one")]);
    serve(&mut desk, "other");
    let seen = canonical::events(vec![event_of("bob", "")], &Context { channel: channel("wa"), region: None });
    assert!(!jackfield_core::conversation::view::all_seen(&desk.tables, &channel("wa"), &seen).unwrap());
    let outcome = receive_as(&mut desk, "other", vec![event_of("bob", "to the new one")]);
    assert!(matches!(outcome, Outcome::Received { new: 1, .. }), "{outcome:?}");
    let again = receive_as(&mut desk, "other", vec![event_of("bob", "to the new one")]);
    assert!(matches!(again, Outcome::Received { new: 0, .. }), "{again:?}");
}

#[test]
fn a_call_that_ends_after_another_connector_took_over_keeps_nothing_on_the_channel() {
    let mut desk = Desk::new();
    serve(&mut desk, "other");
    receive_as(&mut desk, "test", vec![]);
    assert!(state(&desk).is_none());
    receive_as(&mut desk, "other", vec![]);
    assert!(state(&desk).is_some());
}

#[test]
fn no_connector_is_told_the_ids_that_another_one_gave() {
    let mut desk = Desk::new();
    let mut rules = rules();
    rules.content.push("reaction".into());
    let ana = || sender("email", "ana@example.com", vec![]);
    receive_as(&mut desk, "test", vec![text("secret-id", ana(), "hello")]);
    let message = desk.first_message(desk.customer_of("email", "ana@example.com"));
    let scope = Some("other".into());
    desk.apply(Fact::ChannelSet { channel: channel("wa"), source: of("other"), rules, scope });
    receive_as(&mut desk, "other", vec![text("another-id", ana(), "hello again")]);
    let via = Some(Via::Channel(channel("wa")));
    let Outcome::Queued { message: reply, .. } = ask(&mut desk, Some(message), None, via) else { panic!() };
    let row = jackfield_core::views::operations::message(&desk.tables, reply).unwrap().unwrap();
    assert_eq!((row.reply_to, row.reply_to_external), (Some(message), None));
    let action = MessageAction::React { emoji: Some("+".into()) };
    match desk.apply(Fact::ActionRequested { message, action, idempotency: None }) {
        Outcome::Refused(refusal) => assert_eq!(refusal.code, "conflict"),
        other => panic!("{other:?}"),
    }
}

fn is_refused(outcome: &Outcome, why: &str) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.code == why)
}

/// A customer of the connector that serves the channel before another one does, whose rules allow everything.
fn customer_of_a_former_connector() -> (Desk, MessageId) {
    let mut desk = Desk::new();
    let content = ["text", "edit", "delete", "reaction"].map(String::from).to_vec();
    let rules = ChannelRules { content, ..rules() };
    desk.apply(Fact::ChannelSet { channel: channel("wa"), source: of("test"), rules, scope: Some("test".into()) });
    receive_as(&mut desk, "test", vec![text("1", sender("email", "ana@example.com", vec![]), "hello")]);
    let message = desk.first_message(desk.customer_of("email", "ana@example.com"));
    (desk, message)
}

fn queued(outcome: Outcome) -> MessageId {
    match outcome {
        Outcome::Queued { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn attempt(desk: &mut Desk, message: MessageId, result: SendResult) {
    assert_eq!(desk.apply(Fact::SendStarted { message, attempt: 1 }), Outcome::Done);
    desk.apply(Fact::SendEnded { message, attempt: 1, result, events: vec![], state: vec![] });
}

#[test]
fn no_reply_goes_to_a_thread_of_a_former_connector_through_the_one_that_serves_the_channel_now() {
    let (mut desk, message) = customer_of_a_former_connector();
    serve(&mut desk, "other");
    let thread = Some("ana@example.com");
    for (reply_to, thread, via) in [
        (None, None, None),
        (Some(message), None, None),
        (None, thread, None),
        (Some(message), thread, None),
        (None, None, Some(Via::Channel(channel("wa")))),
        (None, None, Some(Via::Identity(desk.identity_of("email", "ana@example.com")))),
    ] {
        let outcome = ask(&mut desk, reply_to, thread, via);
        assert!(is_refused(&outcome, "no_address"), "{outcome:?}");
    }
    let mut here = text("1", sender("email", "ana@example.com", vec![]), "hello again");
    if let EventBody::Message(message) = &mut here.body {
        message.thread.id = "thread-of-the-new-one".into();
    }
    receive_as(&mut desk, "other", vec![here]);
    assert_eq!(goes_to(ask(&mut desk, None, None, None)), "thread-of-the-new-one");
    assert!(is_refused(&ask(&mut desk, Some(message), None, None), "no_address"));
}

#[test]
fn what_waits_for_a_former_connector_is_not_sent_by_the_one_that_serves_the_channel_now() {
    let (mut desk, _) = customer_of_a_former_connector();
    let sent = queued(ask(&mut desk, None, None, None));
    attempt(&mut desk, sent, SendResult::Sent { external_ids: vec!["s-1".into()] });
    let delete = Fact::ActionRequested { message: sent, action: MessageAction::Delete, idempotency: None };
    let waiting = [queued(desk.apply(delete)), queued(ask(&mut desk, None, None, None))];
    serve(&mut desk, "other");
    for message in waiting {
        let outcome = desk.apply(Fact::SendStarted { message, attempt: 1 });
        assert!(is_refused(&outcome, "no_address"), "{outcome:?}");
        let delivery = desk.message(message)["delivery"].clone();
        assert_eq!((delivery["state"].as_str(), delivery["class"].as_str()), (Some("failed"), Some("no_address")));
        assert!(is_refused(&desk.apply(Fact::RetryRequested { message }), "no_address"));
    }
    let due = outbox::view::due(&desk.tables, &channel("wa"), Millis(u64::MAX), 10).unwrap().0;
    assert!(due.is_empty(), "{due:?}");
}

#[test]
fn no_file_of_a_former_connector_is_asked_of_the_one_that_serves_the_channel_now() {
    let (mut desk, _) = customer_of_a_former_connector();
    let picture = |id: &str| {
        let media = Media { id: Some("file-7".into()), ..Media::default() };
        with_parts(text(id, sender("email", "ana@example.com", vec![]), ""), vec![Part::Image(media)])
    };
    receive_as(&mut desk, "test", vec![picture("2")]);
    let former = desk.first_message(desk.customer_of("email", "ana@example.com"));
    serve(&mut desk, "other");
    let due = |desk: &Desk| files::view::due(&desk.tables, &channel("wa"), Millis(u64::MAX), 10).unwrap().0;
    assert!(due(&desk).is_empty());
    assert_eq!(desk.message(former)["parts"][0]["attachment"]["state"], "gone");
    receive_as(&mut desk, "other", vec![picture("2")]);
    assert_eq!(due(&desk).len(), 1);
}

#[test]
fn private_addresses_and_unsigned_requests_that_one_connector_was_allowed_are_not_allowed_to_the_next() {
    let (mut desk, _) = customer_of_a_former_connector();
    let (wa, one) = (channel("wa"), |origin: &str| vec![origin.to_owned()]);
    desk.apply(Fact::PublicWebhookSet { channel: wa.clone(), allowed: Some(true) });
    let (http, private) = (one("https://a.example"), one("http://10.0.0.1"));
    desk.apply(Fact::OriginsGranted { channel: wa.clone(), http, private });
    desk.apply(Fact::OriginsRevoked { channel: wa.clone(), origins: one("https://b.example") });
    serve(&mut desk, "other");
    let left = connector::view::grant_changes(&desk.tables, &wa).unwrap();
    let http = vec![String::from("https://a.example"), String::from("http://10.0.0.1")];
    assert_eq!(left, GrantChanges { http, revoked: one("https://b.example"), ..GrantChanges::default() });
    desk.apply(Fact::PublicWebhookSet { channel: wa.clone(), allowed: Some(false) });
    serve(&mut desk, "test");
    assert_eq!(connector::view::grant_changes(&desk.tables, &wa).unwrap().public_webhook, Some(false));
}

#[test]
fn a_connector_changes_no_message_that_another_one_brought() {
    let mut desk = Desk::new();
    receive_as(&mut desk, "test", vec![text("1", sender("whatsapp", "ana", vec![]), "to the old one")]);
    let message = desk.first_message(desk.customer_of("whatsapp", "ana"));
    serve(&mut desk, "other");
    receive_as(&mut desk, "other", vec![event(EventBody::Deletion { message_id: "1".into(), at: None })]);
    assert_eq!(desk.message(message)["parts"].as_array().unwrap().len(), 1);
}

#[test]
fn what_waits_for_a_message_of_one_connector_is_not_about_that_of_another() {
    let mut desk = Desk::new();
    receive_as(&mut desk, "test", vec![event(EventBody::Deletion { message_id: "1".into(), at: None })]);
    serve(&mut desk, "other");
    let mut fresh = text("1", sender("whatsapp", "bob", vec![]), "to the new one");
    if let EventBody::Message(message) = &mut fresh.body {
        message.sender.identity.scope = None;
    }
    receive_as(&mut desk, "other", vec![fresh]);
    let found = search::all(&desk.tables, None, 10).unwrap().items;
    assert_eq!(desk.timeline_texts(found[0].id), ["to the new one"]);
}

#[test]
fn a_call_of_one_connector_is_not_a_call_of_another() {
    let mut desk = Desk::new();
    let call = |who: &str| {
        event(EventBody::Call {
            call_id: "c-1".into(),
            sender: sender("whatsapp", who, vec![]),
            direction: "in".into(),
            state: "ended".into(),
            at: None,
            duration_seconds: None,
            extra: vec![],
        })
    };
    receive_as(&mut desk, "test", vec![call("ana")]);
    serve(&mut desk, "other");
    receive_as(&mut desk, "other", vec![call("bob")]);
    assert_eq!(search::all(&desk.tables, None, 10).unwrap().items.len(), 2);
}

fn of_account(namespace: &str, id: &str, words: &str) -> Event {
    let identity = Identifier { namespace: namespace.into(), ..identifier("external", "7") };
    text(id, Sender { identity, trust: Trust::Attested, hints: vec![] }, words)
}

#[test]
fn two_accounts_whose_names_begin_alike_have_people_of_their_own_however_long_they_are() {
    for shared in [200, limits::NAMESPACE - 1, limits::NAMESPACE, 4_000] {
        let mut desk = Desk::new();
        for account in ["a", "b"] {
            let namespace = format!("{}{account}", "n".repeat(shared));
            desk.receive("wa", vec![of_account(&namespace, account, account)]);
        }
        let wanted = if shared < limits::NAMESPACE { 2 } else { 0 };
        let found = search::all(&desk.tables, None, 10).unwrap().items;
        assert_eq!(found.len(), wanted, "what is longer names nobody");
    }
}

#[test]
fn two_ids_that_begin_alike_are_two_however_long_they_are() {
    let mut desk = Desk::new();
    let long = |end: &str| format!("{}{end}", "x".repeat(4_000));
    let ana = || sender("whatsapp", "62811", vec![]);
    for end in ["1", "2"] {
        let event = Event { id: long(end), ..text(&long(end), ana(), end) };
        desk.receive("wa", vec![event]);
    }
    desk.receive("wa", vec![event(EventBody::Deletion { message_id: long("3"), at: None })]);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), ["2", "1"]);
}

#[test]
fn threads_that_begin_alike_are_read_apart() {
    let about = |end: &str| DeliveryScope::ThreadUntil(format!("{}{end}", "x".repeat(4_000)), Millis(1));
    let read = |end: &str| event(EventBody::Delivery { about: about(end), state: DeliveryUpdate::Read, at: None });
    let made = canonical::events(vec![read("1"), read("2")], &Context { channel: channel("wa"), region: None });
    assert_ne!(made[0], made[1]);
}

#[test]
fn what_a_channel_tells_about_somebody_of_a_granted_scope_is_kept() {
    let mut desk = Desk::new();
    let identity = Identifier { scope: Some("crm".into()), ..identifier("external", "4711") };
    let from = Sender { identity, trust: Trust::Attested, hints: vec![] };
    desk.receive("wa", vec![text("m-1", from, "hello")]);
    let id = desk.identity_of("external", "4711");
    let row = people::to_ask_about(&desk.tables, id, Millis(u64::MAX)).unwrap().unwrap();
    let hints = vec![named("Ana")];
    let fact =
        Fact::HintsLearnt { channel: channel("wa"), identity: row.identifier(), id: Some(id), hints, state: vec![] };
    assert_eq!(desk.apply(fact), Outcome::Done);
}
