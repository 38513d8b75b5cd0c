//! Nothing of the person is left, and nobody finds the person again.

use super::{ANA, BUDI, body, erase, erased, is_refused, others, phone, queued, reacts, request, rewritten};
use crate::support::{Desk, HOUR, channel, hint, identifier, named, sender, source, text, with_parts};
use jackfield_core::apply::apply;
use jackfield_core::canonical::{self, Context};
use jackfield_core::conversation::inbox;
use jackfield_core::effect::Effect;
use jackfield_core::event::{DeliveryScope, DeliveryUpdate, EventBody, Media, Part, Problem, Property, Trust};
use jackfield_core::fact::{
    Actor, Attachment, Entry, Fact, MessageAction, Outcome, RawRequest, SendResult, StateChange, Timer,
};
use jackfield_core::identity::rows::IDENTITIES;
use jackfield_core::identity::{customer, search};
use jackfield_core::ids::{CustomerId, IdentityId, Millis, Seq};
use jackfield_core::views::operations;

#[test]
fn nothing_that_a_person_wrote_got_or_did_is_left() {
    let mut desk = Desk::new();
    let mut first = text(
        "ana-1",
        sender("whatsapp", "621-ana", vec![named("Ana Annasdottir"), hint("phone", ANA, Trust::Attested)]),
        "ana wrote this",
    );
    first.id = "ana-event-1".into();
    desk.receive("wa", vec![first]);
    desk.receive("wa", vec![text("budi-1", phone(BUDI), "budi stays")]);
    let ana = desk.customer_of("phone", ANA);
    let image =
        Part::Image(Media { id: Some("ana-file".into()), filename: Some("ana.jpg".into()), ..Media::default() });
    desk.receive("wa", vec![with_parts(text("ana-2", sender("whatsapp", "621-ana", vec![]), ""), vec![image])]);
    let pictured = desk.first_message(ana);
    let attachment = Attachment { sha256: "ab".repeat(32), size: 1, mime: None, filename: Some("ana.jpg".into()) };
    let state = vec![StateChange { key: "cursor".into(), value: Some(b"kept state".to_vec()) }];
    desk.apply(Fact::AttachmentStored {
        channel: channel("wa"),
        message: pictured,
        part: 0,
        reference: None,
        attachment,
        source: None,
        state,
    });
    desk.receive(
        "wa",
        vec![body(EventBody::Edit {
            message_id: "ana-1".into(),
            at: None,
            parts: vec![Part::Text { text: "ana mended this".into() }],
        })],
    );
    let ana_here = sender("whatsapp", "621-ana", vec![]);
    let touched = EventBody::Touchpoint {
        sender: ana_here.clone(),
        kind: "order".into(),
        at: None,
        summary: "ana ordered".into(),
        extra: vec![],
    };
    let call = |state: &str| EventBody::Call {
        call_id: "ana-call".into(),
        sender: ana_here.clone(),
        direction: "inbound".into(),
        state: state.into(),
        at: None,
        duration_seconds: None,
        extra: vec![Property { name: "who".into(), value: "\"ana-extra\"".into() }],
    };
    desk.receive("wa", vec![body(touched), body(call("ringing")), body(call("missed"))]);
    let reaction = EventBody::Reaction {
        message_id: "budi-1".into(),
        sender: ana_here.clone(),
        emoji: Some("ana-heart".into()),
        at: None,
    };
    desk.receive("wa", vec![body(reaction)]);
    desk.apply(Fact::HintsLearnt {
        channel: channel("wa"),
        identity: identifier("whatsapp", "621-ana"),
        id: None,
        hints: vec![named("Ana From Profile")],
        source: None,
        state: vec![],
    });
    let sent = queued(desk.apply(request(ana, "hello ana", None, Some("key-of-ana"))));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply(Fact::SendEnded {
        message: sent,
        attempt: 1,
        result: SendResult::Sent { external_ids: vec!["out-ana".into()] },
        events: vec![],
        source: None,
        state: vec![],
    });
    desk.receive(
        "wa",
        vec![body(EventBody::Delivery {
            about: DeliveryScope::Message("out-ana".into()),
            state: DeliveryUpdate::Read,
            at: None,
        })],
    );
    desk.receive(
        "wa",
        vec![body(EventBody::Delivery {
            about: DeliveryScope::ThreadUntil("621-ana".into(), Millis(desk.now)),
            state: DeliveryUpdate::Read,
            at: None,
        })],
    );
    let waiting = queued(desk.apply(request(ana, "never sent to ana", None, None)));
    desk.apply(Fact::ActionRequested {
        message: sent,
        action: MessageAction::React { emoji: Some("ana-thumb".into()) },
        idempotency: None,
    });
    let raw = RawRequest {
        method: "POST".into(),
        url: "http://x/hooks/wa".into(),
        headers: vec![],
        body: format!("{{\"from\":\"{}\"}}", &ANA[1..]).into_bytes(),
        received_at: Millis(1),
        concealed: false,
        concealed_body: false,
    };
    let problem = Problem { message: "cannot be read".into(), code: None };
    desk.apply(Fact::DeliveryParked {
        channel: channel("wa"),
        source: source(),
        request: raw,
        problem,
        verified: true,
    });
    let parked = operations::parked_of(&desk.tables, ana).unwrap().unwrap().1.unwrap();
    desk.apply(Fact::ParkedDiscarded { parked });

    let left = erase(&mut desk, ana);
    left.assert_gone(&[
        "ana-1",
        "ana-event-1",
        "Annasdottir",
        "ana wrote",
        "621-ana",
        &ANA[1..],
        "ana-file",
        "ana.jpg",
        "ana mended",
        "ana ordered",
        "ana-call",
        "ana-extra",
        "ana-heart",
        "Ana From",
        "hello ana",
        "out-ana",
        "never sent",
        "ana-thumb",
        &"ab".repeat(32),
    ]);
    assert!(left.holds("budi stays"));
    assert_eq!(operations::state(&left.tables, &channel("wa"), "cursor").unwrap().unwrap(), b"kept state");
    assert!(left.plan.files.is_empty(), "of one who begins anew");
    for tables in [&desk.tables, &left.tables] {
        assert!(customer::customer(tables, ana).unwrap().is_none());
        assert!(operations::message(tables, sent).unwrap().is_none());
        assert!(operations::to_send(tables, waiting).unwrap().is_none());
        assert_eq!(search::search(tables, "ana", 10).unwrap().len(), 0);
        assert!(operations::erasure_of(tables, ana).unwrap().is_some());
    }
    let refused = desk.apply(request(ana, "x", None, None));
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    assert!(matches!(desk.apply(erased(ana)), Outcome::Refused(_)));
}

#[test]
fn a_person_who_writes_again_is_a_new_customer_also_before_the_journal_is_rewritten() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "first life")]);
    let before = desk.customer_of("phone", ANA);
    desk.apply_as(Actor::Operator, erased(before));
    desk.receive("wa", vec![text("2", phone(ANA), "second life")]);
    let now = desk.customer_of("phone", ANA);
    assert_ne!(before, now);
    let left = rewritten(&desk.tables, &desk.journal, None);
    assert_eq!(others(&left.tables), others(&desk.tables));
    left.assert_gone(&["first life"]);
    assert!(left.holds("second life"));
    let first: Vec<&Entry> = left.journal.iter().filter(|entry| entry.seq <= before.seq()).collect();
    assert!(!serde_json::to_string(&first).unwrap().contains(ANA));
}

#[test]
fn all_that_was_merged_into_one_customer_is_erased_under_any_of_its_ids() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    desk.receive("tg", vec![text("2", sender("telegram", "ana-t", vec![]), "of ana too")]);
    let (one, other) = (desk.customer_of("phone", ANA), desk.customer_of("telegram", "ana-t"));
    desk.apply(Fact::MergeRequested { a: one, b: other, reason: "she said so".into(), idempotency: None });
    let left = erase(&mut desk, other);
    left.assert_gone(&["of ana", "ana-t", "she said so", &ANA[1..]]);
    assert_eq!(operations::erasure_of(&left.tables, one).unwrap().unwrap().identities.len(), 2);
}

#[test]
fn what_looks_like_a_stand_in_leads_to_nobody_however_it_comes_in() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", sender("chat", "victim-1", vec![]), "of the victim")]);
    let (victim, who) = (desk.customer_of("chat", "victim-1"), desk.identity_of("chat", "victim-1"));
    let before = others(&desk.tables);
    let row = |desk: &Desk| serde_json::to_string(&IDENTITIES.get(&desk.tables, (who,)).unwrap().unwrap()).unwrap();
    let was = row(&desk);
    for value in [format!("erased:{who}"), format!(" erased:{who} "), format!("info@erased:{who}")] {
        let forged = || sender("chat", &value, vec![named("Forged")]);
        let proof = hint("chat", &value, Trust::Attested);
        let linking = sender("chat", "attacker-7", vec![proof.clone(), hint("chat", &value, Trust::Claimed)]);
        let (old, new) = (identifier("chat", &value), identifier("chat", "attacker-7"));
        let call = EventBody::Call {
            call_id: "c".into(),
            sender: forged(),
            direction: "inbound".into(),
            state: "missed".into(),
            at: None,
            duration_seconds: None,
            extra: vec![],
        };
        let touch = EventBody::Touchpoint {
            sender: forged(),
            kind: "order".into(),
            at: None,
            summary: "forged".into(),
            extra: vec![],
        };
        let events = vec![
            text(&format!("m {value}"), forged(), "forged"),
            reacts(forged(), "1"),
            text(&format!("l {value}"), linking, "linked"),
            body(EventBody::IdentityChange { old, new, at: None, reason: "moved".into() }),
            body(touch),
            body(call),
        ];
        desk.receive("wa", events);
        let context = Context { channel: channel("wa"), region: None };
        let hints = canonical::hints(vec![proof], Trust::Attested, &context);
        let identity = identifier("chat", "attacker-7");
        desk.apply(Fact::HintsLearnt {
            channel: channel("wa"),
            identity,
            id: None,
            hints,
            source: None,
            state: vec![],
        });
        assert_eq!(search::find(&desk.tables, &identifier("chat", value.trim())).unwrap().len(), 0);
    }
    assert_eq!(row(&desk), was);
    assert_eq!(desk.timeline_texts(victim), ["of the victim"]);
    let now = others(&desk.tables);
    assert!(before.iter().all(|(key, value)| now.get(key) == Some(value)), "{before:#?} {now:#?}");
}

#[test]
fn an_erasure_says_for_ever_whom_it_was_about_and_nobody_is_erased_under_an_alias() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    desk.receive("wa", vec![text("2", phone(ANA), "more of ana")]);
    let (ana, identity) = (desk.customer_of("phone", ANA), desk.identity_of("phone", ANA));
    let alias = CustomerId::from(IdentityId::from_bytes(desk.first_message(ana).to_bytes()));
    assert!(customer::customer(&desk.tables, alias).unwrap().is_some());
    assert!(operations::parked_of(&desk.tables, alias).unwrap().is_none());
    let refused = desk.apply_as(Actor::Operator, erased(alias));
    assert!(is_refused(&refused, "not_found"), "{refused:?}");
    let left = erase(&mut desk, ana);
    let whom = left.journal.iter().find_map(|entry| match &entry.fact {
        Fact::CustomerErased { identities, customer } if *customer == ana => Some(identities.clone()),
        _ => None,
    });
    assert_eq!(whom, Some(vec![identity]));
    // In tables that have nobody of that id.
    let mut other = Desk::new();
    let outcome = other.apply(Fact::CustomerErased { customer: ana, identities: vec![identity] });
    let Outcome::Erased { erasure } = outcome else { panic!("{outcome:?}") };
    assert_eq!(operations::open_erasure(&other.tables).unwrap().unwrap().identities, [identity]);
    assert_eq!(other.apply(Fact::ErasureEnded { erasure }), Outcome::Done);
    let unknown = other.apply(Fact::ErasureEnded { erasure: Seq(1) });
    assert!(is_refused(&unknown, "not_found"), "{unknown:?}");
}

#[test]
fn whoever_looks_for_a_former_name_of_somebody_who_is_erased_finds_nobody() {
    let mut desk = Desk::new();
    for (id, name) in [("1", "Formername"), ("2", "Presentname")] {
        desk.receive("wa", vec![text(id, sender("phone", ANA, vec![named(name)]), "of ana")]);
    }
    desk.receive("wa", vec![text("3", sender("phone", BUDI, vec![named("Formername")]), "of budi")]);
    let (ana, budi) = (desk.customer_of("phone", ANA), desk.customer_of("phone", BUDI));
    desk.apply_as(Actor::Operator, erased(ana));
    let found = search::search(&desk.tables, "formername", 10).unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [budi]);
    assert_eq!(search::search(&desk.tables, "formername nothing", 10).unwrap().len(), 0);
    assert_eq!(inbox::inbox(&desk.tables, &inbox::Filter::default(), None, 10).unwrap().items.len(), 1);
}

#[test]
fn files_that_nothing_refers_to_are_looked_for_once_a_day() {
    let mut desk = Desk::new();
    let mut days = Vec::new();
    for _ in 0..72 {
        let (due, timer) = operations::next_timer(&desk.tables).unwrap().unwrap();
        assert_eq!(timer, Timer::Retention);
        desk.now = desk.now.max(due.0) + 1000;
        let entry = Entry {
            seq: Seq(desk.journal.len() as u64 + 1),
            at: Millis(desk.now),
            actor: Actor::Host,
            fact: Fact::TimerFired { timer, due },
        };
        let applied = apply(&mut desk.tables, &entry).unwrap();
        desk.journal.push(entry);
        if applied.effects.contains(&Effect::UnusedFiles) {
            days.push(desk.now / (24 * HOUR));
        }
    }
    assert_eq!(days.len(), 3);
    days.dedup();
    assert_eq!(days.len(), 3);
}
