//! Nothing grows without a bound, and nobody is hidden by the many.

use super::{PHONE, event, queued, send, shop, unproven, victim};
use crate::support::{Desk, hint, sender, text};
use jackfield_core::event::{
    DeliveryScope, DeliveryUpdate, Event, EventBody, Hint, Part, Property, Sender, Subject, Trust,
};
use jackfield_core::fact::Fact;
use jackfield_core::identity::{customer, links, search};
use jackfield_core::ids::Millis;
use jackfield_core::limits;
use jackfield_core::tables::Read;

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
