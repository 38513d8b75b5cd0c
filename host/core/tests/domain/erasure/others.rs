//! Everybody else is as before.

use super::{ANA, BUDI, CITRA, body, ended, erase, in_group, phone, queued, reacts, request, sent_as};
use crate::support::{Desk, HOUR, channel, hint, identifier, sender, source, text};
use jackfield_core::event::{DeliveryScope, DeliveryUpdate, EventBody, Problem, Property, Trust};
use jackfield_core::fact::{Fact, Outcome, RawRequest};
use jackfield_core::identity::rows::IDENTITIES;
use jackfield_core::identity::{links, search};
use jackfield_core::ids::Millis;
use jackfield_core::tables::Memory;
use jackfield_core::views::operations;

#[test]
fn the_events_of_others_in_the_same_fact_keep_their_places_and_ids() {
    let mut desk = Desk::new();
    let with_email = |who: &str, mail: &str| sender("whatsapp", who, vec![hint("email", mail, Trust::Attested)]);
    desk.receive(
        "wa",
        vec![
            text("a", with_email("ana-w", "ana@example.com"), "of ana"),
            text("b", with_email("budi-w", "budi@example.com"), "of budi"),
            text("c", with_email("ana-w", "ana@example.com"), "of ana again"),
            text("d", with_email("citra-w", "citra@example.com"), "of citra"),
        ],
    );
    let ana = desk.customer_of("whatsapp", "ana-w");
    let left = erase(&mut desk, ana);
    left.assert_gone(&["ana-w", "ana@example.com", "of ana"]);
    assert!(left.holds("of budi") && left.holds("of citra"));
}

#[test]
fn an_identity_that_an_erased_fact_made_for_somebody_else_stays() {
    let mut desk = Desk::new();
    // One event makes both; an agent says that they are two people.
    desk.receive(
        "wa",
        vec![text("1", sender("whatsapp", "ana-w", vec![hint("phone", BUDI, Trust::Attested)]), "of ana")],
    );
    let both = desk.customer_of("whatsapp", "ana-w");
    let (budis, reason) = (desk.identity_of("phone", BUDI), "that number is of budi, not of ana".to_owned());
    desk.apply(Fact::UnlinkRequested { customer: both, identity: budis, reason, idempotency: None });
    desk.receive("tg", vec![text("2", phone(BUDI), "of budi")]);
    let (ana, budi) = (desk.customer_of("whatsapp", "ana-w"), desk.customer_of("phone", BUDI));
    assert_ne!(ana, budi);
    let sent = queued(desk.apply(request(budi, "to budi", None, None)));
    let left = erase(&mut desk, ana);
    left.assert_gone(&["ana-w", "of ana"]);
    assert_eq!(operations::to_send(&left.tables, sent).unwrap().unwrap().to.id, budis);
}

#[test]
fn whoever_was_merged_with_the_person_and_taken_out_again_keeps_what_is_theirs() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    desk.receive("tg", vec![text("2", sender("telegram", "budi-t", vec![]), "of budi")]);
    let (ana, budi) = (desk.customer_of("phone", ANA), desk.customer_of("telegram", "budi-t"));
    let merge = |reason: &str| Fact::MergeRequested { a: ana, b: budi, reason: reason.into(), idempotency: None };
    desk.apply(merge("ana told me"));
    // Named by the customer's older id, and gone to the other one, or to nobody.
    let to_budi = queued(desk.apply(request(ana, "for budi", None, None)));
    desk.receive("wa", vec![text("3", phone(ANA), "ana again")]);
    let to_ana = queued(desk.apply(request(budi, "for ana", None, None)));
    let unsent = desk.apply(request(ana, &"too long".repeat(20), None, Some("refused")));
    assert!(matches!(unsent, Outcome::Refused(_)));
    let budis = desk.identity_of("telegram", "budi-t");
    desk.apply(Fact::UnlinkRequested {
        customer: ana,
        identity: budis,
        reason: "ana is not budi".into(),
        idempotency: None,
    });
    assert!(operations::to_send(&desk.tables, to_ana).unwrap().is_some());
    let left = erase(&mut desk, ana);
    left.assert_gone(&["of ana", "ana again", "for ana", "ana told me", "ana is not", &ANA[1..], "too long"]);
    assert_eq!(operations::to_send(&left.tables, to_budi).unwrap().unwrap().to.id, budis);
    assert!(operations::to_send(&left.tables, to_ana).unwrap().is_none());
}

#[test]
fn in_a_group_the_others_stay_with_their_answers_and_reactions() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![in_group(text("g1", phone(ANA), "ana in the group"), "group")]);
    let mut answer = in_group(text("g2", phone(BUDI), "budi answers"), "group");
    if let EventBody::Message(message) = &mut answer.body {
        message.reply_to = Some("g1".into());
    }
    // Citra is known by a reaction to a message of Ana only.
    let reaction = |id: &str, who: &str| {
        body(EventBody::Reaction { message_id: id.into(), sender: phone(who), emoji: Some("yes".into()), at: None })
    };
    desk.receive("wa", vec![answer, reaction("g1", CITRA), reaction("g2", ANA), reaction("g2", CITRA)]);
    let read = DeliveryScope::ThreadUntil("group".into(), Millis(desk.now));
    desk.receive("wa", vec![body(EventBody::Delivery { about: read, state: DeliveryUpdate::Read, at: None })]);
    let citra = desk.identity_of("phone", CITRA);
    let ana = desk.customer_of("phone", ANA);
    let left = erase(&mut desk, ana);
    left.assert_gone(&["ana in the group", "\"g1\"", &ANA[1..]]);
    assert_eq!(IDENTITIES.get(&left.tables, (citra,)).unwrap().unwrap().value, CITRA);
    assert!(serde_json::to_string(&left.journal).unwrap().contains("thread_until"), "the mark is about others, too");
}

#[test]
fn a_reaction_that_came_before_the_erased_message_makes_its_person_under_the_same_id() {
    let mut desk = Desk::new();
    let reaction =
        EventBody::Reaction { message_id: "late".into(), sender: phone(CITRA), emoji: Some("yes".into()), at: None };
    desk.receive("wa", vec![body(reaction)]);
    desk.receive("wa", vec![in_group(text("late", phone(ANA), "ana is late"), "group")]);
    desk.receive("wa", vec![text("c", phone(CITRA), "of citra")]);
    let ana = desk.customer_of("phone", ANA);
    let left = erase(&mut desk, ana);
    left.assert_gone(&["ana is late", &ANA[1..]]);
}

#[test]
fn a_number_that_passed_to_somebody_else_stays_theirs_whoever_of_the_two_is_erased() {
    for first in [true, false] {
        let mut desk = Desk::new();
        desk.receive("wa", vec![text("1", phone(ANA), "of the first owner")]);
        let before = desk.customer_of("phone", ANA);
        desk.now += 366 * 24 * HOUR;
        desk.receive("wa", vec![text("2", phone(ANA), "of the second owner"), text("3", phone(BUDI), "of budi")]);
        let after = desk.customer_of("phone", ANA);
        assert_ne!(before, after);
        let left = erase(&mut desk, if first { before } else { after });
        assert_eq!(left.holds("of the first"), !first);
        assert_eq!(left.holds("of the second"), first);
    }
}

#[test]
fn what_others_claimed_and_suggested_about_the_person_goes_and_other_suggestions_keep_their_ids() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana"), text("2", phone(BUDI), "of budi")]);
    let claims = |value: &str| hint("phone", value, Trust::Claimed);
    let claimant = sender("instagram", "citra-i", vec![claims(ANA), claims(BUDI)]);
    desk.receive("ig", vec![text("3", claimant, "of citra")]);
    let ana_claims = sender(
        "instagram",
        "ana-i",
        vec![hint("phone", "+6281234567899", Trust::Claimed), hint("phone", ANA, Trust::Attested)],
    );
    desk.receive("ig", vec![text("4", ana_claims, "more of ana")]);
    let open = |tables: &Memory| {
        let page = links::suggestions(tables, None, None, 10).unwrap();
        page.items.into_iter().map(|s| (s.id, s.target.value)).collect::<Vec<_>>()
    };
    assert_eq!(open(&desk.tables).len(), 2);
    let ana = desk.customer_of("phone", ANA);
    let left = erase(&mut desk, ana);
    left.assert_gone(&["of ana", "ana-i", &ANA[1..], "6281234567899"]);
    assert_eq!(open(&left.tables), open(&desk.tables));
    assert_eq!(open(&left.tables)[0].1, BUDI);
}

#[test]
fn a_reaction_that_overtook_the_end_of_its_messages_attempt_makes_its_person_under_the_same_id() {
    // Whose message it was; and who is erased.
    for (erased_is_reader, with_events) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut desk = Desk::new();
        desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
        let ana = desk.customer_of("phone", ANA);
        let sent = queued(desk.apply(request(ana, "to ana", None, None)));
        desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
        desk.receive("wa", vec![text("x", phone("+6281234567811"), "of x"), reacts(phone(BUDI), "out-1")]);
        assert_eq!(search::find(&desk.tables, &identifier("phone", BUDI)).unwrap().len(), 0, "not yet");
        let events = if with_events { vec![text("c", phone(CITRA), "of citra")] } else { vec![] };
        desk.apply(ended(sent, sent_as("out-1"), events, vec![]));
        let later = "+6281234567812";
        desk.receive("wa", vec![reacts(phone(BUDI), "out-1"), reacts(phone(later), "out-1")]);
        let budi = desk.customer_of("phone", BUDI);
        desk.receive("wa", vec![text("b", phone(BUDI), "of budi")]);
        let left = erase(&mut desk, if erased_is_reader { budi } else { ana });
        let gone = if erased_is_reader { BUDI } else { ANA };
        left.assert_gone(&[&gone[1..]]);
    }
}

#[test]
fn bytes_of_others_go_only_where_an_address_of_the_person_stands_alone() {
    let parked = |desk: &mut Desk, words: &str| {
        let request = RawRequest {
            method: "POST".into(),
            url: "http://x/hooks/wa".into(),
            headers: vec![],
            body: words.as_bytes().to_vec(),
            received_at: Millis(1),
            concealed: false,
            concealed_body: false,
        };
        let problem = Problem { message: "cannot be read".into(), code: None };
        desk.apply(Fact::DeliveryParked { channel: channel("wa"), source: source(), request, problem, verified: true });
        let other = Property { name: "system".into(), value: words.into() };
        desk.receive("wa", vec![body(EventBody::Other(other))]);
    };
    let (whole, part) = (r#"{"n":"from\n62812345678\u002b6281234567801"}"#, "91281234567801 and 628123456780155");
    for (value, stays, goes) in [
        ("message", "a message of budi", None),
        ("order7", "reorder77, preorder7, order7a", Some("the order7")),
        ("12345", "12345 is too short", None),
        (ANA, part, Some(whole)),
        (ANA, "of +62812345678", Some("from=%2b6281234567801&x")),
        (ANA, "+62-812-3456-7802, 2812 3456 7801", Some("+62-812-3456-7801")),
        (ANA, "0812 3456 780 1x, 12345678012", Some("call (0812) 3456/7801 2026-11-27")),
        (ANA, "812,345,67801", Some("0062 (0)812.3456.7801")),
        (ANA, r"912345\u00367801", Some(r"+62 812 345\u00367801\n")),
    ] {
        let mut desk = Desk::new();
        let kind = if value == ANA { "phone" } else { "web" };
        desk.receive("wa", vec![text("1", sender(kind, value, vec![]), "of a visitor")]);
        let visitor = desk.customer_of(kind, value);
        parked(&mut desk, stays);
        let (from, to) = (desk.journal.len() - 2, desk.journal.len());
        goes.iter().for_each(|words| parked(&mut desk, words));
        let before = desk.journal.clone();
        let left = erase(&mut desk, visitor);
        assert_eq!(left.journal[from..to], before[from..to], "{value}");
        for (left, before) in left.journal[to..].iter().zip(&before[to..]).take(2 * goes.iter().count()) {
            assert_ne!(left.fact, before.fact, "{value}");
        }
    }
}
