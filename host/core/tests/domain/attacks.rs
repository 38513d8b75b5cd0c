//! What a hostile connector, an impostor and a stranger try with facts: nothing crosses to another person, nothing grows without a bound.

use crate::support::{Desk, HOUR, channel, hint, identifier, rules, sender, source, text};
use jackfield_core::event::{
    Author, DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Part, Problem, Property, Sender, Subject, Thread,
    Trust,
};
use jackfield_core::fact::{Fact, Outcome, SendResult, Via};
use jackfield_core::identity::{customer, links, search};
use jackfield_core::ids::{CustomerId, MessageId, Millis};
use jackfield_core::limits;
use jackfield_core::tables::Read;
use jackfield_core::views::operations;

const PHONE: &str = "+6281234567890";

fn event(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

/// Channels of three connectors: an honest one, a hostile one, a public form on which nobody is proven.
fn shop() -> Desk {
    let mut desk = Desk::new();
    for (name, scope) in [("wa", "whatsapp"), ("evil", "evil"), ("form", "webform")] {
        let scope = Some(scope.to_owned());
        desk.apply(Fact::ChannelSet { channel: channel(name), source: source(), rules: rules(), scope });
    }
    let victim = sender("whatsapp", "62811", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("wa", vec![text("v-1", victim, "where is my parcel?")]);
    desk
}

fn victim(desk: &Desk) -> CustomerId {
    desk.customer_of("phone", PHONE)
}

fn ask(desk: &mut Desk, customer: CustomerId, via: Option<Via>) -> Outcome {
    let parts = vec![Part::Text { text: "your address is …".into() }];
    desk.apply(Fact::MessageRequested { customer, parts, via, reply_to: None, thread: None, idempotency: None })
}

/// The channel and the thread that an answer goes to.
fn goes_to(outcome: Outcome) -> (String, String) {
    let Outcome::Queued { to: Some(to), .. } = outcome else { panic!("{outcome:?}") };
    (to.channel.to_string(), to.thread.id)
}

fn unproven(kind: &str, value: &str) -> Sender {
    Sender { identity: identifier(kind, value), trust: Trust::Claimed, hints: vec![] }
}

/// After whatever was tried, the victim's view shows nothing of it as the victim's own, and answers go where they went before.
fn nothing_crossed(desk: &mut Desk) {
    let victim = victim(desk);
    let view = customer::customer(&desk.tables, victim).unwrap().unwrap();
    let json = serde_json::to_value(&view).unwrap();
    let own = json["last_messages"].as_array().unwrap().iter().filter(|e| e["provisional"].is_null());
    let own: Vec<_> = own.map(|e| e["message"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(own, ["where is my parcel?"]);
    assert_eq!(view.identities.len(), 2, "{:?}", view.identities);
    assert_eq!(goes_to(ask(desk, victim, None)), ("wa".into(), "62811".into()));
}

#[test]
fn a_connector_cannot_write_as_somebody_of_another_connector() {
    let mut desk = shop();
    desk.receive("evil", vec![text("e-1", sender("whatsapp", "62811", vec![]), "I am the victim")]);
    nothing_crossed(&mut desk);
}

#[test]
fn an_echo_on_somebody_elses_address_does_not_answer_their_question() {
    let mut desk = shop();
    let mut echo = text("e-1", sender("whatsapp", "62811", vec![]), "answered");
    if let EventBody::Message(message) = &mut echo.body {
        message.author = Author::Account;
    }
    desk.receive("evil", vec![echo]);
    let victim = victim(&desk);
    assert!(customer::customer(&desk.tables, victim).unwrap().unwrap().waiting_since.is_some());
    nothing_crossed(&mut desk);
}

#[test]
fn whoever_gives_an_address_without_proof_is_somebody_of_their_own_and_claims_it() {
    for (kind, value) in [("phone", PHONE), ("whatsapp", "62811")] {
        let mut desk = shop();
        desk.receive("form", vec![text("f-1", unproven(kind, value), "send it to me")]);
        nothing_crossed(&mut desk);
        let (victim, via) = (victim(&desk), Some(Via::Channel(channel("form"))));
        assert!(matches!(ask(&mut desk, victim, via), Outcome::Refused(_)));
        desk.receive("form", vec![text("f-2", unproven(kind, value), "hello?")]);
        let strangers = search::search(&desk.tables, "hello", 10).unwrap();
        assert!(strangers.is_empty());
    }
}

#[test]
fn a_visitor_without_proof_is_the_same_visitor_the_next_time_on_the_same_channel_only() {
    let mut desk = shop();
    for (on, id) in [("form", "1"), ("form", "2"), ("ig", "3")] {
        desk.receive(on, vec![text(id, unproven("visitor", "17"), id)]);
    }
    let all = search::all(&desk.tables, None, 10).unwrap().items;
    let visitors = all.iter().filter(|c| c.identities.iter().any(|i| i.kind == "visitor"));
    assert_eq!(visitors.count(), 2);
}

#[test]
fn a_connector_cannot_take_an_address_over_by_saying_that_it_changed() {
    for (old, new) in [
        (identifier("whatsapp", "62811"), identifier("mine", "1")),
        (identifier("mine", "1"), identifier("whatsapp", "62811")),
    ] {
        let mut desk = shop();
        desk.receive("evil", vec![text("e-1", sender("mine", "1", vec![]), "hello")]);
        let change = EventBody::IdentityChange { old, new, at: None, reason: "moved".into() };
        desk.receive("evil", vec![event(change)]);
        nothing_crossed(&mut desk);
    }
}

#[test]
fn what_a_channel_tells_when_asked_is_about_its_own_people_only() {
    let mut desk = shop();
    let name = Hint { about: Subject::Name("Mallory".into()), trust: Trust::Attested, evidence: String::new() };
    let identity = identifier("whatsapp", "62811");
    let fact = |on: &str| Fact::HintsLearnt {
        channel: channel(on),
        identity: identity.clone(),
        id: None,
        hints: vec![name.clone()],
        source: None,
        state: vec![],
    };
    assert!(matches!(desk.apply(fact("evil")), Outcome::Refused(_)));
    assert!(!desk.view(victim(&desk)).contains("Mallory"));
    assert_eq!(desk.apply(fact("wa")), Outcome::Done);
}

#[test]
fn an_answer_goes_to_the_last_thread_in_which_nobody_else_listens() {
    let mut desk = shop();
    for (id, kind, thread) in [("g-1", "group", "g"), ("c-1", "comments", "post"), ("x-1", "room", "r")] {
        let mut said = text(id, sender("whatsapp", "62811", vec![]), "hello all");
        if let EventBody::Message(message) = &mut said.body {
            message.thread = Thread { id: thread.into(), kind: kind.into() };
        }
        desk.receive("wa", vec![said]);
    }
    let victim = victim(&desk);
    assert_eq!(goes_to(ask(&mut desk, victim, None)), ("wa".into(), "62811".into()));
    let view = customer::customer(&desk.tables, victim).unwrap().unwrap();
    let json = serde_json::to_value(&view).unwrap();
    let group: MessageId = json["last_messages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["message"]["thread"]["id"] == "g")
        .unwrap()["message"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let parts = vec![Part::Text { text: "hi all".into() }];
    let (reply_to, thread) = (Some(group), None);
    let fact = Fact::MessageRequested {
        customer: victim,
        parts: parts.clone(),
        via: None,
        reply_to,
        thread,
        idempotency: None,
    };
    assert_eq!(
        goes_to(desk.apply(fact)),
        ("wa".into(), "g".into()),
        "an answer to a message goes where it was written"
    );
    let (reply_to, thread) = (None, Some("g".to_owned()));
    let fact = Fact::MessageRequested { customer: victim, parts, via: None, reply_to, thread, idempotency: None };
    assert_eq!(goes_to(desk.apply(fact)), ("wa".into(), "g".into()), "and so does one to a thread that is named");
}

#[test]
fn somebody_who_wrote_only_where_others_listen_is_not_written_to_by_accident() {
    let mut desk = shop();
    let mut comment = text("c-1", sender("instagram", "7", vec![]), "nice");
    if let EventBody::Message(message) = &mut comment.body {
        message.thread = Thread { id: "post".into(), kind: "comments".into() };
    }
    desk.receive("ig", vec![comment]);
    let who = desk.customer_of("instagram", "7");
    let Outcome::Refused(refusal) = ask(&mut desk, who, None) else { panic!("it was queued") };
    assert_eq!(refusal.code, "no_direct_thread");
}

#[test]
fn a_public_comment_does_not_open_the_window_of_the_private_thread() {
    let mut desk = shop();
    desk.now += 25 * HOUR;
    let mut comment = text("c-1", sender("whatsapp", "62811", vec![]), "hello?");
    if let EventBody::Message(message) = &mut comment.body {
        message.thread = Thread { id: "post".into(), kind: "comments".into() };
    }
    desk.receive("wa", vec![comment]);
    let victim = victim(&desk);
    let Outcome::Refused(refusal) = ask(&mut desk, victim, None) else { panic!("it was queued") };
    assert_eq!(refusal.code, "window_closed");
}

/// Somebody who wrote in a direct thread, and after that in a group.
fn in_a_group(desk: &mut Desk) -> CustomerId {
    let who = || sender("whatsapp", "62811", vec![]);
    let mut group = text("g-1", who(), "hello all");
    if let EventBody::Message(message) = &mut group.body {
        message.thread = Thread { id: "family".into(), kind: "group".into() };
    }
    desk.receive("wa", vec![text("d-1", who(), "hello")]);
    desk.receive("wa", vec![group]);
    desk.customer_of("whatsapp", "62811")
}

#[test]
fn what_an_old_journal_sent_to_a_group_is_there_when_it_is_applied_again_and_nothing_goes_there_now() {
    let mut desk = Desk::before();
    let who = in_a_group(&mut desk);
    assert_eq!(goes_to(ask(&mut desk, who, None)), ("wa".into(), "family".into()));
    desk.apply(Fact::IdsByPlace);
    assert_eq!(goes_to(ask(&mut desk, who, None)), ("wa".into(), "62811".into()));
}

#[test]
fn what_an_old_journal_refused_does_not_go_out_when_it_is_applied_again() {
    let mut desk = Desk::before();
    let (old, new) = (identifier("whatsapp", "62811"), identifier("whatsapp", "62822"));
    in_a_group(&mut desk);
    desk.receive("wa", vec![event(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() })]);
    // It was written before the last message from the old number, and came late.
    let mut late = text("n-1", sender("whatsapp", "62822", vec![]), "from my new number");
    if let EventBody::Message(message) = &mut late.body {
        message.sent_at = Some(Millis(desk.now - HOUR));
    }
    desk.receive("wa", vec![late]);
    let who = desk.customer_of("whatsapp", "62822");
    let to = Some(Via::Channel(channel("wa")));
    let Outcome::Refused(refusal) = ask(&mut desk, who, to) else { panic!("it was queued") };
    assert_eq!(refusal.code, "recipient_gone");
}

#[test]
fn an_answer_says_where_the_customer_wrote_last_if_that_is_elsewhere() {
    let mut desk = shop();
    let telegram = sender("telegram", "77", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("tg", vec![text("t-1", telegram, "me again")]);
    let victim = victim(&desk);
    let Outcome::Queued { to: Some(to), .. } = ask(&mut desk, victim, Some(Via::Channel(channel("wa")))) else {
        panic!("it was refused")
    };
    assert_eq!(to.newest.unwrap().channel, channel("tg"));
}

#[test]
fn an_address_that_was_left_is_passed_over_where_another_one_is_there() {
    let mut desk = shop();
    let (old, new) = (identifier("whatsapp", "62811"), identifier("whatsapp", "62822"));
    desk.receive("wa", vec![event(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() })]);
    desk.receive("wa", vec![text("v-2", sender("whatsapp", "62822", vec![]), "my new number")]);
    let who = desk.customer_of("whatsapp", "62822");
    let answer = ask(&mut desk, who, Some(Via::Channel(channel("wa"))));
    assert_eq!(goes_to(answer), ("wa".into(), "62822".into()));
}

#[test]
fn a_flood_of_claims_is_bounded_in_what_is_kept_and_never_pushes_out_the_owners_messages() {
    let mut desk = shop();
    for n in 0..1_000 {
        let visitor = unproven("visitor", &n.to_string());
        desk.receive("form", vec![text(&format!("f-{n}"), visitor, &format!("{n}: my number is {PHONE}"))]);
    }
    let victim = victim(&desk);
    let json = desk.view(victim);
    assert!(json.contains("where is my parcel?"));
    assert!(json.len() < 100_000, "{} bytes", json.len());
    let view = customer::customer(&desk.tables, victim).unwrap().unwrap();
    assert!(view.possible_identities.len() <= (limits::SUGGESTIONS_UNVERIFIED + limits::SUGGESTIONS_VERIFIED) as usize);
    assert!(view.claims_not_shown > 900, "{}", view.claims_not_shown);
    let timeline =
        serde_json::to_string(&jackfield_core::views::timeline::timeline(&desk.tables, victim, None, 20).unwrap());
    assert!(timeline.unwrap().contains("where is my parcel?"));
    // Somebody whom a provider vouches for still gets through.
    let known = sender("instagram", "ig-1", vec![hint("phone", PHONE, Trust::Claimed)]);
    desk.receive("ig", vec![text("ig-1", known, "me")]);
    let view = customer::customer(&desk.tables, victim).unwrap().unwrap();
    assert!(view.possible_identities.iter().any(|p| p.value == "ig-1"));
}

#[test]
fn a_number_that_thousands_claimed_is_proven_at_a_bounded_cost() {
    let mut desk = shop();
    let number = "+6281299999999";
    for n in 0..3_000 {
        desk.receive("form", vec![text(&format!("f-{n}"), unproven("visitor", &n.to_string()), number)]);
    }
    let owner = sender("whatsapp", "62899", vec![hint("phone", number, Trust::Attested)]);
    desk.receive("wa", vec![text("o-1", owner, "hello")]);
    let cost = desk.last_cost;
    assert!(cost.rows < 2_000, "{cost:?}");
    let open = links::suggestions(&desk.tables, None, None, 10_000).unwrap().items.len();
    assert!(open <= limits::SUGGESTIONS_UNVERIFIED as usize, "{open}");
}

#[test]
fn a_call_and_an_event_that_share_an_id_are_two_things() {
    let mut desk = shop();
    let call = |id: &str| EventBody::Call {
        call_id: id.into(),
        sender: sender("whatsapp", "62811", vec![]),
        direction: "inbound".into(),
        state: "completed".into(),
        at: None,
        duration_seconds: Some(3),
        extra: vec![],
    };
    desk.receive("wa", vec![Event { id: "call:7".into(), body: call("7") }, Event { id: "7".into(), body: call("7") }]);
    let json = desk.view(victim(&desk));
    assert_eq!(json.matches("inbound call, completed, 3 s").count(), 1, "{json}");
}

fn queued(desk: &mut Desk, words: &str) -> MessageId {
    let customer = victim(desk);
    let parts = vec![Part::Text { text: words.into() }];
    let fact = Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None };
    let Outcome::Queued { message, .. } = desk.apply(fact) else { panic!("it was refused") };
    message
}

fn send(desk: &mut Desk, message: MessageId, attempt: u32, external: &str) {
    let result = SendResult::Sent { external_ids: vec![external.into()] };
    desk.apply(Fact::SendStarted { message, attempt });
    desk.apply(Fact::SendEnded { message, attempt, result, events: vec![], source: None, state: vec![] });
}

fn update(id: &str, state: DeliveryUpdate) -> Event {
    event(EventBody::Delivery { about: DeliveryScope::Message(id.into()), state, at: None })
}

#[test]
fn a_connector_that_gives_every_message_the_same_id_hides_none() {
    let mut desk = shop();
    for (words, id) in [("one", "ok"), ("two", "ok"), ("three", "v-1")] {
        let message = queued(&mut desk, words);
        send(&mut desk, message, 1, id);
    }
    assert_eq!(desk.timeline_texts(victim(&desk)), ["three", "two", "one", "where is my parcel?"]);
}

#[test]
fn two_messages_of_one_id_make_no_circle_when_one_is_sent_again() {
    let mut desk = shop();
    let a = queued(&mut desk, "a");
    send(&mut desk, a, 1, "x");
    let failed = DeliveryUpdate::Failed(Problem { message: "no".into(), code: None });
    desk.receive("wa", vec![update("x", failed)]);
    let b = queued(&mut desk, "b");
    send(&mut desk, b, 1, "x");
    assert!(matches!(desk.apply(Fact::RetryRequested { message: a }), Outcome::Queued { .. }));
    send(&mut desk, a, 2, "x");
    desk.receive("wa", vec![update("x", DeliveryUpdate::Delivered)]);
    assert_eq!(desk.timeline_texts(victim(&desk)).len(), 3);
}

#[test]
fn a_profile_cannot_grow_without_a_bound_and_keeps_its_name() {
    let mut desk = shop();
    desk.receive("wa", vec![text("n", sender("whatsapp", "62811", vec![crate::support::named("Ana")]), "hello")]);
    for n in 0..200 {
        let property = Property { name: format!("field{n}"), value: format!("\"{}\"", "x".repeat(50_000)) };
        let hint = Hint { about: Subject::Other(property), trust: Trust::Attested, evidence: "y".repeat(50_000) };
        desk.receive("wa", vec![text(&format!("p-{n}"), sender("whatsapp", "62811", vec![hint]), "hello")]);
    }
    let largest = desk.tables.0.iter().filter(|(key, _)| key[0] == 1).map(|(_, row)| row.len()).max().unwrap();
    assert!(largest < 256 << 10, "{largest} bytes");
    assert!(desk.view(victim(&desk)).contains("Ana"));
}

#[test]
fn reactions_are_bounded_and_counted() {
    let mut desk = shop();
    for n in 0..500 {
        let who = sender("whatsapp", &format!("99{n}"), vec![]);
        let emoji = Some("👍".to_owned());
        desk.receive("wa", vec![event(EventBody::Reaction { message_id: "v-1".into(), sender: who, emoji, at: None })]);
    }
    let id = desk.first_message(victim(&desk));
    let shown = desk.message(id);
    assert_eq!(shown["reactions"].as_array().unwrap().len(), limits::REACTIONS);
    assert_eq!(shown["more_reactions"], 500 - limits::REACTIONS as u64);
}

#[test]
fn a_delivery_keeps_the_latest_of_its_history() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    for attempt in 1..=120 {
        let problem = Problem { message: "busy".into(), code: None };
        desk.apply(Fact::SendStarted { message, attempt });
        let result = SendResult::Retry { at: Millis(0), problem };
        desk.apply(Fact::SendEnded { message, attempt, result, events: vec![], source: None, state: vec![] });
    }
    send(&mut desk, message, 121, "x");
    let history = desk.message(message)["delivery"]["history"].as_array().unwrap().clone();
    assert_eq!(history.len(), limits::HISTORY);
    assert_eq!(history.last().unwrap()["state"], "sent");
}

#[test]
fn a_message_that_the_channel_has_is_not_sent_again_whatever_its_last_attempt_came_to() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    send(&mut desk, message, 1, "x");
    let again = queued(&mut desk, "two");
    desk.apply(Fact::SendStarted { message: again, attempt: 1 });
    desk.receive("wa", vec![update("y", DeliveryUpdate::Delivered)]);
    let result = SendResult::Sent { external_ids: vec!["y".into()] };
    desk.apply(Fact::SendEnded { message: again, attempt: 1, result, events: vec![], source: None, state: vec![] });
    assert_eq!(desk.message(again)["delivery"]["state"], "delivered");
    let waiting = queued(&mut desk, "three");
    send(&mut desk, waiting, 1, "z");
    let problem = Problem { message: "not reachable".into(), code: None };
    desk.receive("wa", vec![update("z", DeliveryUpdate::Failed(problem))]);
    desk.apply(Fact::RetryRequested { message: waiting });
    desk.receive("wa", vec![update("z", DeliveryUpdate::Read)]);
    assert!(operations::outbox(&desk.tables, &channel("wa"), 10).unwrap().is_empty());
    assert!(matches!(desk.apply(Fact::SendStarted { message: waiting, attempt: 2 }), Outcome::Refused(_)));
    assert_eq!(desk.message(waiting)["delivery"]["state"], "read");
}

#[test]
fn a_read_mark_of_the_year_60000_is_not_believed() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    send(&mut desk, message, 1, "x");
    let about = DeliveryScope::ThreadUntil("62811".into(), Millis(u64::MAX));
    desk.receive(
        "wa",
        vec![event(EventBody::Delivery { about, state: DeliveryUpdate::Read, at: Some(Millis(u64::MAX)) })],
    );
    assert_eq!(desk.message(message)["delivery"]["at"].as_str().unwrap().get(..2), Some("20"));
}

#[test]
fn a_message_is_due_at_once_whatever_the_clock_of_the_journal_says() {
    let mut desk = shop();
    queued(&mut desk, "hi");
    let (due, _) = operations::due_sends(&desk.tables, &channel("wa"), Millis(1), 10).unwrap();
    assert_eq!(due.len(), 1);
}

#[test]
fn of_a_thread_only_the_oldest_message_is_due() {
    let mut desk = shop();
    let (first, second) = (queued(&mut desk, "one"), queued(&mut desk, "two"));
    let due = |desk: &Desk, at: u64| operations::due_sends(&desk.tables, &channel("wa"), Millis(at), 10).unwrap();
    assert_eq!(due(&desk, 1), (vec![first], None));
    desk.apply(Fact::SendStarted { message: first, attempt: 1 });
    assert_eq!(due(&desk, 1).0, []);
    let problem = Problem { message: "busy".into(), code: None };
    let result = SendResult::Retry { at: Millis(5_000), problem };
    desk.apply(Fact::SendEnded { message: first, attempt: 1, result, events: vec![], source: None, state: vec![] });
    assert_eq!(due(&desk, 1), (vec![], Some(Millis(5_000))));
    assert_eq!(due(&desk, 5_000).0, [first]);
    send(&mut desk, first, 2, "x");
    assert_eq!(due(&desk, 1).0, [second]);
}

#[test]
fn the_last_message_of_a_conversation_is_the_last_message_whatever_else_happened() {
    let mut desk = shop();
    let telegram = || sender("telegram", "77", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("tg", vec![text("t-1", telegram(), "first on telegram")]);
    desk.receive("wa", vec![text("v-2", sender("whatsapp", "62811", vec![]), "then on whatsapp")]);
    let visit = EventBody::Touchpoint {
        sender: telegram(),
        kind: "view".into(),
        at: None,
        summary: "looked".into(),
        extra: vec![],
    };
    desk.receive("tg", vec![event(visit)]);
    let page = jackfield_core::views::inbox::inbox(&desk.tables, &Default::default(), None, 10).unwrap();
    let json = serde_json::to_value(&page.items[0]).unwrap();
    assert_eq!(json["last_message"]["parts"][0]["text"], "then on whatsapp");
}

#[test]
fn a_namespace_that_looks_like_a_scope_leads_to_nobody_elses_people() {
    for namespace in ["whatsapp/account", "?form/form", ""] {
        let mut desk = shop();
        let mut who = sender("whatsapp", "62811", vec![]);
        who.identity.namespace = namespace.into();
        desk.receive("evil", vec![text("e-1", who, "I am the victim")]);
        let (mut old, new) = (identifier("whatsapp", "62811"), identifier("mine", "1"));
        old.namespace = namespace.into();
        desk.receive("evil", vec![event(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() })]);
        nothing_crossed(&mut desk);
    }
}

#[test]
fn two_strangers_of_one_event_are_two_people() {
    let mut desk = shop();
    desk.apply(Fact::IdsByPlace);
    let reaction = |from: &str| {
        let (sender, emoji) = (sender("whatsapp", from, vec![]), Some("👍".to_owned()));
        event(EventBody::Reaction { message_id: "m-1".into(), sender, emoji, at: None })
    };
    let message = text("m-1", sender("whatsapp", "62855", vec![]), "hello");
    desk.receive("wa", vec![reaction("62866"), reaction("62877"), message]);
    let people: std::collections::BTreeSet<CustomerId> =
        ["62855", "62866", "62877"].iter().map(|value| desk.customer_of("whatsapp", value)).collect();
    assert_eq!(people.len(), 3);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62855")), ["hello"]);
}

#[test]
fn a_message_whose_attempt_runs_is_not_tried_again_beside_it() {
    let mut desk = shop();
    let message = queued(&mut desk, "hi");
    send(&mut desk, message, 1, "x");
    let failed = || update("x", DeliveryUpdate::Failed(Problem { message: "no".into(), code: None }));
    desk.receive("wa", vec![failed()]);
    desk.apply(Fact::RetryRequested { message });
    desk.apply(Fact::SendStarted { message, attempt: 2 });
    desk.receive("wa", vec![failed()]);
    assert!(matches!(desk.apply(Fact::RetryRequested { message }), Outcome::Refused(_)));
}

#[test]
fn read_marks_without_end_cost_a_bounded_amount() {
    let mut desk = shop();
    for n in 0..200 {
        let message = queued(&mut desk, &n.to_string());
        send(&mut desk, message, 1, &n.to_string());
    }
    let about = || DeliveryScope::ThreadUntil("62811".into(), Millis(u64::MAX - 1));
    let mark =
        |n: usize| EventBody::Delivery { about: about(), state: DeliveryUpdate::Other(format!("w{n}")), at: None };
    desk.receive("wa", (0..500).map(|n| event(mark(n))).collect());
    assert!(desk.last_cost.rows < 50_000, "{:?}", desk.last_cost);
}

#[test]
fn a_common_name_hides_nobody() {
    let mut desk = shop();
    for n in 0..6_000 {
        let name = if n == 5_999 { "Muhammad Rizky" } else { "Muhammad" };
        let who = sender("whatsapp", &format!("7{n}"), vec![crate::support::named(name)]);
        desk.receive("wa", vec![text(&format!("n-{n}"), who, "hello")]);
    }
    assert_eq!(search::search(&desk.tables, "muhammad rizky", 10).unwrap().len(), 1);
}

#[test]
fn what_is_over_a_bound_is_cut_and_said_and_the_rest_of_the_message_is_there() {
    let mut desk = shop();
    let parts: Vec<Part> = (0..150)
        .map(|n| Part::Text { text: format!("{n} {}", "x".repeat(if n == 0 { 200_000 } else { 1 })) })
        .collect();
    desk.receive("wa", vec![crate::support::with_parts(text("long", sender("whatsapp", "62811", vec![]), ""), parts)]);
    let id = desk.first_message(victim(&desk));
    let shown = desk.message(id);
    assert_eq!(shown["parts"].as_array().unwrap().len(), limits::PARTS);
    assert_eq!(shown["cut"].as_array().unwrap().len(), 2, "{}", shown["cut"]);
}

#[test]
fn ids_do_not_depend_on_what_the_tables_hold_once_they_are_given_by_place() {
    let events = |desk: &mut Desk| {
        let evil =
            sender("mine", "1", vec![hint("phone", PHONE, Trust::Attested), hint("other", "2", Trust::Attested)]);
        desk.receive("evil", vec![text("a", evil.clone(), "one"), text("b", evil, "two")]);
        let all = desk.tables.scan((std::ops::Bound::Included(vec![5]), std::ops::Bound::Excluded(vec![6])), true);
        let keys: Vec<Vec<u8>> = all.take(2).map(|row| row.unwrap().0).collect();
        keys.into_iter().map(|key| key[7..].to_vec()).collect::<Vec<_>>()
    };
    let mut full = shop();
    full.apply(Fact::IdsByPlace);
    let mut empty = Desk::new();
    empty.apply(Fact::IdsByPlace);
    assert_eq!(events(&mut full), events(&mut empty));
}

#[test]
fn nothing_that_waits_goes_to_an_address_that_came_to_somebody_else_meanwhile() {
    let mut desk = Desk::new();
    let ana = || sender("whatsapp", "6281", vec![]);
    desk.receive("wa", vec![text("a-1", ana(), "hello")]);
    let customer = desk.customer_of("whatsapp", "6281");
    let queue = |desk: &mut Desk, text: &str| {
        let parts = vec![Part::Text { text: text.into() }];
        let (via, reply_to, thread, idempotency) = (None, None, None, None);
        match desk.apply(Fact::MessageRequested { customer, parts, via, reply_to, thread, idempotency }) {
            Outcome::Queued { message, .. } => message,
            other => panic!("{other:?}"),
        }
    };
    let (uncertain, waiting) = (queue(&mut desk, "one"), queue(&mut desk, "two"));
    desk.apply(Fact::SendStarted { message: uncertain, attempt: 1 });
    let problem = Problem { message: "?".into(), code: None };
    let result = SendResult::Uncertain { problem };
    desk.apply(Fact::SendEnded { message: uncertain, attempt: 1, result, events: vec![], source: None, state: vec![] });
    let change = EventBody::IdentityChange {
        old: identifier("whatsapp", "6282"),
        new: identifier("whatsapp", "6281"),
        reason: "another number".into(),
        at: None,
    };
    desk.receive("wa", vec![text("b-1", sender("whatsapp", "6282", vec![]), "I am Budi")]);
    desk.receive("wa", vec![Event { id: String::new(), body: change }]);
    let gone = |outcome: Outcome| match outcome {
        Outcome::Refused(refusal) => assert_eq!(refusal.code, "recipient_gone"),
        other => panic!("{other:?}"),
    };
    gone(desk.apply(Fact::SendStarted { message: waiting, attempt: 1 }));
    gone(desk.apply(Fact::RetryRequested { message: uncertain }));
    gone(desk.apply(Fact::RetryRequested { message: waiting }));
    let row = operations::message(&desk.tables, waiting).unwrap().unwrap();
    assert_eq!(row.delivery.unwrap().class.as_deref(), Some("recipient_gone"));
    assert!(operations::outbox(&desk.tables, &channel("wa"), 10).unwrap().is_empty());
}

#[test]
fn one_fact_works_out_once_who_is_proven_by_many() {
    let mut desk = shop();
    let who = |n: usize| sender("mine", &format!("w{n}"), vec![]);
    desk.receive("evil", (0..480).map(|n| text(&format!("w-{n}"), who(n), "hello")).collect());
    // One of them claims all the others, so that it has many links.
    let claims: Vec<Hint> = (1..480).map(|n| hint("mine", &format!("w{n}"), Trust::Claimed)).collect();
    let claiming = |(n, hints): (usize, &[Hint])| text(&format!("c-{n}"), sender("mine", "w0", hints.to_vec()), "I am");
    desk.receive("evil", claims.chunks(16).enumerate().map(claiming).collect());
    let proving = |n: usize| sender("mine", &format!("new{n}"), vec![hint("mine", "w0", Trust::Attested)]);
    desk.receive("evil", (0..500).map(|n| text(&format!("p-{n}"), proving(n), "me too")).collect());
    assert!(desk.last_cost.rows < 100_000, "{:?}", desk.last_cost);
}

/// Hundreds of people with proven addresses, all of whom a sender of the same connector names.
fn who_names_everybody(desk: &mut Desk, claimant: &Sender) {
    let address = |n: usize| format!("c{n}@example.com");
    for hundred in 0..6 {
        let known = |n: usize| {
            let proven = vec![hint("email", &address(n), Trust::Attested)];
            text(&format!("c-{n}"), sender("telegram", &format!("c-{n}"), proven), "hello")
        };
        desk.receive("wa", (hundred * 100..(hundred + 1) * 100).map(known).collect());
    }
    for five in 0..120 {
        let words: Vec<String> = (five * 5..(five + 1) * 5).map(address).collect();
        desk.receive("wa", vec![text(&format!("n-{five}"), claimant.clone(), &words.join(" "))]);
    }
}

#[test]
fn whoever_names_everybody_tears_nobody_apart_and_costs_nobody_a_message() {
    let mut desk = Desk::new();
    let (old, busy) = (|| sender("telegram", "old", vec![]), sender("whatsapp", "62811", vec![]));
    let proves = |who: Sender, id: &str, kind: &str, value: &str| {
        text(id, Sender { hints: vec![hint(kind, value, Trust::Attested)], ..who }, "it is me")
    };
    desk.receive("wa", vec![text("o-1", old(), "hello"), text("b-1", busy.clone(), "hello")]);
    who_names_everybody(&mut desk, &busy);
    desk.receive("wa", vec![proves(busy.clone(), "b-2", "email", "both@example.com")]);
    desk.receive("wa", vec![proves(old(), "o-2", "email", "both@example.com")]);
    desk.receive("wa", vec![proves(busy, "b-3", "phone", "+6281234567801")]);
    let of_another = text("a-1", sender("whatsapp", "62822", vec![]), "of somebody else");
    desk.receive("wa", vec![proves(old(), "o-3", "phone", "+6281234567802"), of_another]);
    let whole = desk.customer_of("telegram", "old");
    assert_eq!(desk.customer_of("whatsapp", "62811"), whole);
    assert_eq!(desk.customer_of("phone", "+6281234567801"), whole);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62822")), ["of somebody else"]);
}

#[test]
fn whoever_names_everybody_makes_a_bounded_number_of_suggestions() {
    let mut desk = Desk::new();
    who_names_everybody(&mut desk, &sender("whatsapp", "62811", vec![]));
    let open = links::suggestions(&desk.tables, None, None, 1_000).unwrap().items;
    assert_eq!(open.len(), limits::SUGGESTIONS_BY_CLAIMANT as usize);
    let last = customer::customer(&desk.tables, desk.customer_of("email", "c599@example.com")).unwrap().unwrap();
    assert_eq!(last.claims_not_shown, 1);
}
