//! What belongs to one sender, one account, one connector, and comes to no other.

use crate::erasure::erase;
use crate::support::{Desk, channel, identifier, named, rules, sender, text, with_parts};
use jackfield_core::canonical::{self, Context};
use jackfield_core::channel::view;
use jackfield_core::event::{
    DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Identifier, Media, Part, Problem, Sender, Subject, Trust,
};
use jackfield_core::fact::{
    Attachment, ChannelRules, Fact, MessageAction, Outcome, SendResult, Source, StateChange, Unreadable, Via,
};
use jackfield_core::generation::GrantChanges;
use jackfield_core::identity::{people, search};
use jackfield_core::ids::{CustomerId, MessageId, Millis};
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
    let is_seen = |desk: &Desk, connector: &str| {
        jackfield_core::conversation::view::all_seen(&desk.tables, &channel("wa"), connector, &seen).unwrap()
    };
    assert!(!is_seen(&desk, "other"));
    let outcome = receive_as(&mut desk, "other", vec![event_of("bob", "to the new one")]);
    assert!(matches!(outcome, Outcome::Received { new: 1, .. }), "{outcome:?}");
    let again = receive_as(&mut desk, "other", vec![event_of("bob", "to the new one")]);
    assert!(matches!(again, Outcome::Received { new: 0, .. }), "{again:?}");
    // Of the one before, nothing was kept under this id as far as it can tell.
    assert!(is_seen(&desk, "other") && !is_seen(&desk, "test"));
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
fn an_attempt_of_one_connector_that_ends_after_another_took_over_tells_that_one_nothing() {
    let refused = Problem { message: "no such token".into(), code: None };
    let sent = SendResult::Sent { external_ids: vec!["id-of-the-old-one".into()] };
    for (result, wanted) in [(sent, "sent"), (SendResult::Credentials { problem: refused }, "queued")] {
        let mut desk = Desk::new();
        receive_as(&mut desk, "test", vec![text("1", sender("email", "ana@example.com", vec![]), "hello")]);
        let Outcome::Queued { message, .. } = ask(&mut desk, None, None, None) else { panic!() };
        desk.apply(Fact::SendStarted { message, attempt: 1 });
        serve(&mut desk, "other");
        let state_changes = vec![StateChange { key: "token".into(), value: Some(b"of the old one".to_vec()) }];
        let events = vec![text("2", sender("whatsapp", "62811", vec![]), "told by the old one")];
        let source = Some(of("test"));
        desk.apply(Fact::SendEnded { message, attempt: 1, result, source, events, state: state_changes });
        assert_eq!(desk.message(message)["delivery"]["state"], wanted, "what was sent was sent");
        assert!(state(&desk).is_none());
        assert!(view::channel(&desk.tables, &channel("wa")).unwrap().unwrap().parked.is_none());
        assert_eq!(search::all(&desk.tables, None, 10).unwrap().items.len(), 1);
        let gone = EventBody::Deletion { message_id: "id-of-the-old-one".into(), at: None };
        receive_as(&mut desk, "other", vec![event(gone)]);
        assert_eq!(desk.message(message)["parts"].as_array().unwrap().len(), 1, "the new one has its own ids");
    }
}

#[test]
fn a_file_and_an_answer_of_one_connector_that_come_after_another_took_over_write_nothing_to_the_channel() {
    let mut desk = Desk::new();
    receive_as(&mut desk, "test", vec![text("1", sender("whatsapp", "62811", vec![]), "hello")]);
    let message = desk.first_message(desk.customer_of("whatsapp", "62811"));
    serve(&mut desk, "other");
    let written = || vec![StateChange { key: "token".into(), value: Some(b"of the old one".to_vec()) }];
    let attachment = Attachment { sha256: "00".into(), size: 1, mime: None, filename: None };
    let (part, reference) = (0, None);
    let (source, state_changes) = (Some(of("test")), written());
    desk.apply(Fact::AttachmentStored {
        channel: channel("wa"),
        message,
        part,
        reference,
        attachment,
        source,
        state: state_changes,
    });
    let identity = identifier("whatsapp", "62811");
    let (hints, source, state_changes) = (vec![named("Ana")], Some(of("test")), written());
    desk.apply(Fact::HintsLearnt { channel: channel("wa"), identity, id: None, hints, source, state: state_changes });
    assert!(state(&desk).is_none());
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
    desk.apply(Fact::SendEnded { message, attempt: 1, result, events: vec![], source: None, state: vec![] });
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
fn what_the_operator_allowed_one_connector_while_the_host_ran_is_not_allowed_to_the_next() {
    let (mut desk, _) = customer_of_a_former_connector();
    let (wa, one) = (channel("wa"), |origin: &str| vec![origin.to_owned()]);
    desk.apply(Fact::PublicWebhookSet { channel: wa.clone(), allowed: Some(true) });
    let (http, private) = (one("https://a.example"), one("http://10.0.0.1"));
    desk.apply(Fact::OriginsGranted { channel: wa.clone(), http, private });
    desk.apply(Fact::OriginsRevoked { channel: wa.clone(), origins: one("https://b.example") });
    serve(&mut desk, "other");
    let left = connector::view::grant_changes(&desk.tables, &wa).unwrap();
    assert_eq!(left, GrantChanges { revoked: one("https://b.example"), ..GrantChanges::default() });
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
    let fact = Fact::HintsLearnt {
        channel: channel("wa"),
        identity: row.identifier(),
        id: Some(id),
        hints,
        source: None,
        state: vec![],
    };
    assert_eq!(desk.apply(fact), Outcome::Done);
}

/// What a call of the former connector may still bring, of the people that it calls 7.
fn late(events: Vec<Event>) -> Vec<Fact> {
    let events = canonical::events(events, &Context { channel: channel("wa"), region: None });
    let (wa, source) = (channel("wa"), of("test"));
    let (state, unreadable, cursor) = (vec![], vec![], Some(b"2".to_vec()));
    let received = Fact::Received {
        channel: wa.clone(),
        source: source.clone(),
        events: events.clone(),
        state: state.clone(),
        unreadable: unreadable.clone(),
    };
    vec![received, Fact::Polled { channel: wa, source, events, state, unreadable, cursor }]
}

/// Somebody wrote on a channel before and after another connector came to it, under ids that are the same.
fn passed_on() -> (Desk, [CustomerId; 2]) {
    let mut desk = Desk::new();
    receive_as(&mut desk, "test", vec![of_account("a", "1", "to the old one")]);
    let ana = search::all(&desk.tables, None, 10).unwrap().items[0].id;
    serve(&mut desk, "other");
    receive_as(&mut desk, "other", vec![of_account("a", "1", "to the new one")]);
    let found = search::all(&desk.tables, None, 10).unwrap().items;
    let bob = found.iter().map(|found| found.id).find(|id| *id != ana).unwrap();
    (desk, [ana, bob])
}

#[test]
fn what_a_connector_says_after_another_took_over_is_about_nobody_of_that_one() {
    for fact in late(vec![of_account("a", "2", "late word")]) {
        let (mut desk, [_, bob]) = passed_on();
        assert!(is_refused(&desk.apply(fact), "conflict"), "so that the provider is not told that it is kept");
        assert_eq!(desk.timeline_texts(bob), ["to the new one"], "7 is somebody else to the former one");
        let outcome = receive_as(&mut desk, "other", vec![of_account("a", "2", "also to the new one")]);
        assert!(matches!(outcome, Outcome::Received { new: 1, .. }), "its ids are its own: {outcome:?}");
        assert!(view::cursor(&desk.tables, &channel("wa")).unwrap().is_none());
    }
}

#[test]
fn what_a_former_connector_tells_about_somebody_joins_nobody_of_the_next_one() {
    let mut desk = Desk::new();
    let ana = || sender("phone", "+6281234567890", vec![]);
    receive_as(&mut desk, "test", vec![text("1", ana(), "hello")]);
    serve(&mut desk, "other");
    receive_as(&mut desk, "other", vec![of_account("a", "1", "to the new one")]);
    let about = Subject::Identifier(Identifier { namespace: "a".into(), ..identifier("external", "7") });
    let hints = vec![Hint { about, trust: Trust::Attested, evidence: String::new() }];
    let (identity, id) = (ana().identity, Some(desk.identity_of("phone", "+6281234567890")));
    let source = Some(of("test"));
    desk.apply(Fact::HintsLearnt { channel: channel("wa"), identity, id, hints, source, state: vec![] });
    assert_eq!(search::all(&desk.tables, None, 10).unwrap().items.len(), 2);
}

#[test]
fn a_parked_delivery_that_a_former_connector_handles_late_stays_parked() {
    let (mut desk, _) = passed_on();
    let item = Unreadable { reason: "?".into(), raw: b"{}".to_vec() };
    let (events, state, source) = (vec![], vec![], of("other"));
    let fact = Fact::Received { channel: channel("wa"), source, events, state, unreadable: vec![item] };
    let Outcome::Received { parked, .. } = desk.apply(fact) else { panic!() };
    let (events, state, source) = (vec![], vec![], of("test"));
    let parked = parked[0];
    let replayed = desk.apply(Fact::ParkedReplayed { parked, source, events, state, unreadable: vec![] });
    assert!(is_refused(&replayed, "conflict"), "{replayed:?}");
    assert!(jackfield_core::views::operations::parked_row(&desk.tables, parked).unwrap().is_some());
}

#[test]
fn the_provider_of_a_former_connector_stops_nothing_of_the_next_one() {
    let (mut desk, _) = passed_on();
    let row = |desk: &Desk| view::channel(&desk.tables, &channel("wa")).unwrap().unwrap();
    for (by, stops) in [("test", false), ("other", true)] {
        let (source, problem) = (Some(of(by)), Problem { message: "no such token".into(), code: None });
        desk.apply(Fact::ChannelParked { channel: channel("wa"), source: source.clone(), problem });
        desk.apply(Fact::ChannelHeld { channel: channel("wa"), source, until: Millis(u64::MAX) });
        assert_eq!((row(&desk).parked.is_some(), row(&desk).held_until.is_some()), (stops, stops));
    }
}

#[test]
fn nothing_is_left_of_what_a_former_connector_said_late_of_a_person_who_is_erased() {
    let (mut desk, [ana, bob]) = passed_on();
    let problem = Problem { message: "late".into(), code: None };
    for fact in late(vec![of_account("a", "2", "late word")]) {
        desk.apply(fact);
    }
    let message = queued(ask_of(&mut desk, bob));
    desk.apply(Fact::SendStarted { message, attempt: 1 });
    let (result, source) = (SendResult::Uncertain { problem }, Some(of("test")));
    let events = vec![of_account("a", "3", "late word")];
    desk.apply(Fact::SendEnded { message, attempt: 1, result, events, source, state: vec![] });
    let left = erase(&mut desk, ana);
    let journal = serde_json::to_string(&left.journal).unwrap();
    assert!(!journal.contains("late word") && !journal.contains("to the old one"), "{journal}");
    desk.tables = left.tables;
    assert_eq!(desk.timeline_texts(bob), ["hello to you", "to the new one"]);
}

fn ask_of(desk: &mut Desk, customer: CustomerId) -> Outcome {
    let parts = vec![Part::Text { text: "hello to you".into() }];
    let (via, reply_to, thread) = (None, None, None);
    desk.apply(Fact::MessageRequested { customer, parts, via, reply_to, thread, idempotency: None })
}
