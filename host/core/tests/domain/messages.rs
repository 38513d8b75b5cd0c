//! Messages in and out: once, in order, and never backwards.

use crate::support::{Desk, HOUR, START, channel, sender, text};
use jackfield_core::channel::view as channel_view;
use jackfield_core::conversation::{inbox, timeline};
use jackfield_core::event::{DeliveryScope, DeliveryUpdate, Event, EventBody, Part, Problem};
use jackfield_core::fact::{Fact, Idempotency, Outcome, SendResult};
use jackfield_core::ids::{MessageId, Millis};
use jackfield_core::{feed, limits, outbox};

fn ana() -> jackfield_core::event::Sender {
    sender("whatsapp", "62811", vec![])
}

fn body(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

fn news(id: &str, state: DeliveryUpdate) -> Event {
    body(EventBody::Delivery { about: DeliveryScope::Message(id.into()), state, at: None })
}

fn problem(message: &str) -> Problem {
    Problem { message: message.into(), code: None }
}

fn reply(desk: &mut Desk, words: &str) -> Outcome {
    let customer = desk.customer_of("whatsapp", "62811");
    let parts = vec![Part::Text { text: words.into() }];
    desk.apply(Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None })
}

fn queued(desk: &mut Desk) -> MessageId {
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    match reply(desk, "hi") {
        Outcome::Queued { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn end(desk: &mut Desk, message: MessageId, attempt: u32, result: SendResult) -> Outcome {
    desk.apply(Fact::SendStarted { message, attempt });
    desk.apply(Fact::SendEnded { message, attempt, result, events: vec![], source: None, state: vec![] })
}

fn sent(external: &str) -> SendResult {
    SendResult::Sent { external_ids: vec![external.into()] }
}

fn state(desk: &Desk, id: MessageId) -> String {
    desk.message(id)["delivery"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_message_again_is_stored_once() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.receive("wa", vec![text("m-1", ana(), "hello")]);
    }
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), ["hello"]);
}

#[test]
fn messages_without_an_id_are_never_taken_for_each_other() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("", ana(), "one"), text("", ana(), "two")]);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")).len(), 2);
}

#[test]
fn the_same_id_on_another_channel_is_another_message() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", ana(), "one")]);
    desk.receive("tg", vec![text("1", ana(), "two")]);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")).len(), 2);
}

#[test]
fn messages_stand_in_the_order_they_were_written_however_they_came() {
    let mut desk = Desk::new();
    for (id, at) in [("c", 3), ("a", 1), ("b", 2)] {
        let mut event = text(id, ana(), id);
        if let EventBody::Message(m) = &mut event.body {
            m.sent_at = Some(Millis(crate::support::START - 10_000 + at));
        }
        desk.receive("wa", vec![event]);
    }
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), ["c", "b", "a"]);
}

#[test]
fn an_answer_in_whole_seconds_stands_behind_what_it_answers() {
    let mut desk = Desk::new();
    let question = queued(&mut desk);
    end(&mut desk, question, 1, sent("out-1"));
    let mut answer = text("in-2", ana(), "yes");
    if let EventBody::Message(m) = &mut answer.body {
        m.sent_at = Some(Millis(desk.now / 1000 * 1000 - 10_000));
        m.reply_to = Some("out-1".into());
    }
    desk.receive("wa", vec![answer]);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811"))[0], "yes");
}

#[test]
fn a_time_in_the_future_or_before_clocks_is_not_believed() {
    let mut desk = Desk::new();
    for (id, at) in [("future", u64::MAX), ("zero", 0)] {
        let mut event = text(id, ana(), id);
        if let EventBody::Message(m) = &mut event.body {
            m.sent_at = Some(Millis(at));
        }
        desk.receive("wa", vec![event]);
        let page = timeline::timeline(&desk.tables, desk.customer_of("whatsapp", "62811"), None, 1).unwrap();
        let json = serde_json::to_value(page).unwrap();
        assert_eq!(json["items"][0]["message"]["sent_at"], json["items"][0]["message"]["received_at"]);
    }
}

#[test]
fn delivery_news_moves_forward_only_in_whatever_order_it_comes() {
    let mut desk = Desk::new();
    let id = queued(&mut desk);
    end(&mut desk, id, 1, sent("x"));
    for (step, expected) in [
        (DeliveryUpdate::Read, "read"),
        (DeliveryUpdate::Delivered, "read"),
        (DeliveryUpdate::Sent, "read"),
        (DeliveryUpdate::Failed(problem("late")), "read"),
    ] {
        desk.receive("wa", vec![news("x", step)]);
        assert_eq!(state(&desk, id), expected);
    }
}

#[test]
fn news_that_comes_before_the_sends_answer_is_kept_for_it() {
    let mut desk = Desk::new();
    let id = queued(&mut desk);
    desk.apply(Fact::SendStarted { message: id, attempt: 1 });
    desk.receive("wa", vec![news("x", DeliveryUpdate::Delivered)]);
    assert_eq!(state(&desk, id), "sending");
    desk.apply(Fact::SendEnded {
        message: id,
        attempt: 1,
        result: sent("x"),
        events: vec![],
        source: None,
        state: vec![],
    });
    assert_eq!(state(&desk, id), "delivered");
}

#[test]
fn an_echo_that_comes_before_the_sends_answer_is_not_a_second_message() {
    let mut desk = Desk::new();
    let id = queued(&mut desk);
    desk.apply(Fact::SendStarted { message: id, attempt: 1 });
    let mut echo = text("x", ana(), "hi");
    if let EventBody::Message(m) = &mut echo.body {
        m.author = jackfield_core::event::Author::Account;
    }
    desk.receive("wa", vec![echo.clone()]);
    desk.apply(Fact::SendEnded {
        message: id,
        attempt: 1,
        result: sent("x"),
        events: vec![],
        source: None,
        state: vec![],
    });
    desk.receive("wa", vec![echo]);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), ["hi", "hello"]);
}

#[test]
fn edits_deletions_and_reactions_may_come_before_their_message() {
    let mut desk = Desk::new();
    let parts = vec![Part::Text { text: "better".into() }];
    desk.receive("wa", vec![body(EventBody::Edit { message_id: "m".into(), at: None, parts })]);
    let emoji = Some(String::from("👍"));
    desk.receive("wa", vec![body(EventBody::Reaction { message_id: "m".into(), sender: ana(), emoji, at: None })]);
    desk.receive("wa", vec![text("m", ana(), "good")]);
    let json = desk.view(desk.customer_of("whatsapp", "62811"));
    assert!(json.contains("better") && json.contains("👍") && !json.contains("good"), "{json}");
    desk.receive("wa", vec![body(EventBody::Deletion { message_id: "m".into(), at: None })]);
    assert!(!desk.view(desk.customer_of("whatsapp", "62811")).contains("better"));
}

#[test]
fn a_reaction_taken_back_stays_back_when_an_older_one_comes_late() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("m", ana(), "hello")]);
    let react = |emoji: Option<&str>, at: u64| {
        let emoji = emoji.map(str::to_owned);
        body(EventBody::Reaction {
            message_id: "m".into(),
            sender: ana(),
            emoji,
            at: Some(Millis(crate::support::START + at)),
        })
    };
    desk.receive("wa", vec![react(None, 20)]);
    desk.receive("wa", vec![react(Some("👍"), 10)]);
    assert!(!desk.view(desk.customer_of("whatsapp", "62811")).contains("👍"));
}

#[test]
fn one_repeated_key_makes_one_message_and_another_request_with_it_is_refused() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    let customer = desk.customer_of("whatsapp", "62811");
    let ask = |desk: &mut Desk, request: &str| {
        let parts = vec![Part::Text { text: "hi".into() }];
        let idempotency = Some(Idempotency { key: "k".into(), request: request.into() });
        desk.apply(Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency })
    };
    let first = ask(&mut desk, "r1");
    assert_eq!(ask(&mut desk, "r1"), first);
    let Outcome::Refused(refusal) = ask(&mut desk, "r2") else { panic!("accepted") };
    assert_eq!(refusal.code, "idempotency_mismatch");
}

#[test]
fn outside_the_window_free_text_is_refused_and_the_template_offered() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    desk.now += 25 * HOUR;
    let Outcome::Refused(refusal) = reply(&mut desk, "hi") else { panic!("accepted") };
    assert_eq!((refusal.code.as_str(), refusal.details["instead"].as_str()), ("window_closed", "template"));
    let customer = desk.customer_of("whatsapp", "62811");
    let parts = vec![Part::Template { name: "hello".into(), language: "id".into(), parameters: vec![] }];
    let fact = Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None };
    assert!(matches!(desk.apply(fact), Outcome::Queued { .. }));
}

#[test]
fn what_the_channel_cannot_send_is_refused_before_it_is_queued() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    let Outcome::Refused(refusal) = reply(&mut desk, &"x".repeat(101)) else { panic!("accepted") };
    assert_eq!(refusal.code, "too_long");
    let customer = desk.customer_of("whatsapp", "62811");
    let parts = vec![Part::Image(Default::default())];
    let fact = Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None };
    let Outcome::Refused(refusal) = desk.apply(fact) else { panic!("accepted") };
    assert_eq!(refusal.code, "unsupported");
}

#[test]
fn each_end_of_a_send_is_as_the_design_says() {
    let ends = [
        (SendResult::Retry { at: Millis(0), problem: problem("busy") }, "queued", 1),
        (SendResult::Credentials { problem: problem("expired") }, "queued", 1),
        (SendResult::Failed { class: "recipient_gone".into(), problem: problem("gone") }, "failed", 0),
        (SendResult::Uncertain { problem: problem("no answer") }, "uncertain", 0),
        (sent("x"), "sent", 0),
    ];
    for (result, expected, waiting) in ends {
        let mut desk = Desk::new();
        let id = queued(&mut desk);
        end(&mut desk, id, 1, result.clone());
        assert_eq!(state(&desk, id), expected);
        assert_eq!(outbox::view::outbox(&desk.tables, &channel("wa"), 10).unwrap().len(), waiting, "{expected}");
        let parked = channel_view::channel(&desk.tables, &channel("wa")).unwrap().unwrap().parked.is_some();
        assert_eq!(parked, matches!(result, SendResult::Credentials { .. }));
    }
}

#[test]
fn an_uncertain_message_goes_out_again_only_when_a_person_says_so() {
    let mut desk = Desk::new();
    let id = queued(&mut desk);
    end(&mut desk, id, 1, SendResult::Uncertain { problem: problem("no answer") });
    assert!(matches!(desk.apply(Fact::SendStarted { message: id, attempt: 2 }), Outcome::Refused(_)));
    assert!(matches!(desk.apply(Fact::RetryRequested { message: id }), Outcome::Queued { .. }));
    end(&mut desk, id, 2, sent("x"));
    assert_eq!(state(&desk, id), "sent");
}

#[test]
fn what_is_done_to_a_message_shows_when_the_channel_has_taken_it_and_only_where_it_can() {
    use jackfield_core::fact::MessageAction;
    let mut desk = Desk::new();
    let mut able = crate::support::rules();
    able.content.extend(["reaction", "mark-read", "edit", "delete"].map(String::from));
    desk.apply(Fact::ChannelSet { channel: channel("wa"), source: crate::support::source(), rules: able, scope: None });
    let id = queued(&mut desk);
    let act =
        |desk: &mut Desk, message, action| desk.apply(Fact::ActionRequested { message, action, idempotency: None });
    assert!(matches!(act(&mut desk, id, MessageAction::Delete), Outcome::Refused(_)), "it is not on the channel yet");
    end(&mut desk, id, 1, sent("x"));
    let parts = vec![Part::Text { text: "better".into() }];
    let Outcome::Queued { message: edit, .. } = act(&mut desk, id, MessageAction::Edit { parts }) else {
        panic!("refused")
    };
    assert_eq!(desk.message(id)["parts"][0]["text"], "hi");
    end(&mut desk, edit, 1, sent(""));
    assert_eq!(desk.message(id)["parts"][0]["text"], "better");
    assert!(matches!(act(&mut desk, id, MessageAction::MarkRead), Outcome::Refused(_)), "it is not the customer's");
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), ["better", "hello"]);
}

#[test]
fn a_customer_waits_until_somebody_answers_on_whatever_channel() {
    let mut desk = Desk::new();
    let waiting = |desk: &Desk| {
        let filter = inbox::Filter { channel: None, waiting: Some(true) };
        inbox::inbox(&desk.tables, &filter, None, 10).unwrap().items.len()
    };
    desk.receive("wa", vec![text("in-1", ana(), "hello")]);
    assert_eq!(waiting(&desk), 1);
    reply(&mut desk, "hi");
    assert_eq!(waiting(&desk), 0);
    desk.receive("wa", vec![text("in-2", ana(), "and?")]);
    assert_eq!(waiting(&desk), 1);
}

#[test]
fn a_follower_that_resumes_misses_nothing_and_sees_nothing_twice() {
    use feed::view::{EventId, events};
    let mut desk = Desk::new();
    for n in 0..5 {
        let pair = vec![text(&format!("a{n}"), ana(), "x"), text(&format!("b{n}"), ana(), "y")];
        desk.receive("wa", pair);
    }
    let (all, _) = events(&desk.tables, EventId::default(), None, 1000).unwrap();
    for (stop, (id, _)) in all.iter().enumerate() {
        let seen: EventId = id.to_string().parse().unwrap();
        let (rest, _) = events(&desk.tables, seen, None, 1000).unwrap();
        let ids: Vec<_> = rest.iter().map(|(id, _)| *id).collect();
        let expected: Vec<_> = all[stop + 1..].iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, expected);
    }
}

#[test]
fn every_page_of_a_timeline_and_of_the_inbox_follows_the_one_before() {
    let mut desk = Desk::new();
    for n in 0..25 {
        desk.receive(
            "wa",
            vec![text(&format!("m{n}"), sender("whatsapp", &format!("9{}", n % 7), vec![]), &format!("{n}"))],
        );
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = inbox::inbox(&desk.tables, &Default::default(), before.as_deref(), 3).unwrap();
        seen.extend(page.items.iter().map(|i| i.customer));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let unique: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (7, 7));
    let customer = desk.customer_of("whatsapp", "90");
    let first = timeline::timeline(&desk.tables, customer, None, 2).unwrap().unwrap();
    let rest = timeline::timeline(&desk.tables, customer, first.next.as_deref(), 10).unwrap().unwrap();
    assert_eq!((first.items.len(), rest.items.len()), (2, 2));
}

#[test]
fn the_pages_of_a_timeline_have_every_entry_of_one_moment_once() {
    let mut desk = Desk::new();
    let order = || {
        let (kind, summary) = (String::from("order"), String::from("an order"));
        body(EventBody::Touchpoint { sender: ana(), kind, at: None, summary, extra: vec![] })
    };
    desk.receive("wa", vec![order(), text("1", ana(), "one"), order(), text("2", ana(), "two")]);
    let customer = desk.customer_of("whatsapp", "62811");
    let of_pages = |limit: usize| {
        let (mut entries, mut before) = (Vec::new(), None);
        loop {
            let page = timeline::timeline(&desk.tables, customer, before.as_deref(), limit).unwrap().unwrap();
            entries.extend(page.items.iter().map(|entry| serde_json::to_string(entry).unwrap()));
            before = page.next;
            if before.is_none() {
                return entries;
            }
        }
    };
    for limit in 1..=3 {
        assert_eq!(of_pages(limit), of_pages(100), "{limit} a page");
    }
}

#[test]
fn a_message_that_was_taken_back_before_it_came_is_not_shown_however_much_else_was_said_of_it() {
    let mut desk = Desk::new();
    let reaction = |n: usize| {
        let sender = sender("whatsapp", &format!("other-{n}"), vec![]);
        body(EventBody::Reaction { message_id: "m".into(), sender, emoji: Some("+".into()), at: None })
    };
    desk.receive("wa", (0..limits::EARLY + 4).map(reaction).collect());
    desk.receive("wa", vec![body(EventBody::Deletion { message_id: "m".into(), at: None })]);
    desk.receive("wa", vec![text("m", ana(), "what I took back")]);
    assert!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")).is_empty());
}

#[test]
fn the_latest_of_several_edits_that_came_before_their_message_counts() {
    let edit = |words: &str, at: Option<u64>| {
        let parts = vec![Part::Text { text: words.into() }];
        body(EventBody::Edit { message_id: "m".into(), at: at.map(|at| Millis(START - HOUR + at)), parts })
    };
    for (edits, wanted) in [
        (vec![edit("first", Some(1)), edit("second", Some(2))], "second"),
        (vec![edit("second", Some(2)), edit("first", Some(1))], "second"),
        (vec![edit("first", None), edit("second", None)], "second"),
    ] {
        let mut desk = Desk::new();
        for edit in edits {
            desk.receive("wa", vec![edit]);
        }
        desk.receive("wa", vec![text("m", ana(), "written")]);
        assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "62811")), [wanted]);
    }
}

#[test]
fn what_a_channel_says_of_a_call_counts_by_when_it_was_so() {
    let call = |state: &str, at: u64| {
        let (call_id, direction, state) = (String::from("c"), String::from("inbound"), state.to_owned());
        let at = Some(Millis(START - HOUR + at));
        body(EventBody::Call { call_id, sender: ana(), direction, state, at, duration_seconds: None, extra: vec![] })
    };
    let mut desk = Desk::new();
    for (state, at) in [("ringing", 1), ("completed", 3), ("answered", 2)] {
        desk.receive("wa", vec![call(state, at)]);
    }
    let view = desk.view(desk.customer_of("whatsapp", "62811"));
    assert!(view.contains("inbound call, completed"), "{view}");
}
