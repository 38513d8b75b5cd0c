//! Who is who: claims, proofs, merges, and undoing them.

use crate::support::{Desk, HOUR, channel, hint, identifier, named, sender, text};
use jackfield_core::event::{Event, EventBody, Trust};
use jackfield_core::fact::{ClaimPolicy, Fact, Outcome, Via};
use jackfield_core::identity::rows::SuggestionState;
use jackfield_core::identity::{customer, links, search};
use jackfield_core::ids::{CustomerId, SuggestionId};

const PHONE: &str = "+6281234567890";

fn laptop_question(desk: &mut Desk) {
    let who = sender("instagram", "ig-ana", vec![named("Ana")]);
    desk.receive("ig", vec![text("ig-1", who, "Is the laptop in stock? My order is under 0812-3456-7890")]);
}

fn complaint(desk: &mut Desk) {
    let who = sender("whatsapp", "6281234567890", vec![hint("phone", PHONE, Trust::Attested), named("Ana Putri")]);
    desk.receive("wa", vec![text("wa-1", who, "My shipment is late")]);
}

fn open_suggestion(desk: &Desk) -> SuggestionId {
    let page = links::suggestions(&desk.tables, Some(SuggestionState::Open), None, 10).unwrap();
    assert_eq!(page.items.len(), 1);
    page.items[0].id
}

fn accept(desk: &mut Desk, suggestion: SuggestionId) -> Outcome {
    desk.apply(Fact::SuggestionDecided {
        suggestion,
        claimant: None,
        target: None,
        accept: true,
        reason: "asked".into(),
        idempotency: None,
    })
}

#[test]
fn the_proven_owner_sees_the_claimants_thread_with_the_reason_and_the_claimant_sees_nothing() {
    let mut desk = Desk::new();
    laptop_question(&mut desk);
    complaint(&mut desk);
    let (owner, claimant) = (desk.customer_of("phone", PHONE), desk.customer_of("instagram", "ig-ana"));
    assert_ne!(owner, claimant);
    let owners = desk.view(owner);
    assert!(owners.contains("Is the laptop in stock?"), "{owners}");
    assert!(owners.contains("instagram ig-ana named the phone +6281234567890"), "{owners}");
    let claimants = desk.view(claimant);
    for secret in ["shipment", "whatsapp", "Putri", "wa-1", &owner.to_string()] {
        assert!(!claimants.contains(secret), "{secret} leaks: {claimants}");
    }
    assert!(claimants.contains("whether it is theirs is not proven"));
}

#[test]
fn the_order_of_claim_and_proof_does_not_matter() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    laptop_question(&mut desk);
    let owners = desk.view(desk.customer_of("phone", PHONE));
    assert!(owners.contains("Is the laptop in stock?"), "{owners}");
}

#[test]
fn accepting_makes_one_customer_and_unlinking_restores_both_views_to_the_byte() {
    let mut desk = Desk::new();
    laptop_question(&mut desk);
    complaint(&mut desk);
    let (owner, claimant) = (desk.customer_of("phone", PHONE), desk.customer_of("instagram", "ig-ana"));
    let before = (desk.view(owner), desk.view(claimant));
    let suggestion = open_suggestion(&desk);
    let Outcome::Decided { customer } = accept(&mut desk, suggestion) else { panic!("not accepted") };
    assert_eq!(desk.view(owner), desk.view(claimant), "both old ids give the one customer");
    assert_eq!(desk.timeline_texts(customer).len(), 2);
    for kind_value in [("instagram", "ig-ana"), ("whatsapp", "6281234567890")] {
        let mut undone = Desk {
            tables: desk.tables.clone(),
            journal: desk.journal.clone(),
            now: desk.now,
            last_cost: desk.last_cost,
        };
        let identity = search::find(&undone.tables, &identifier(kind_value.0, kind_value.1)).unwrap()[0]
            .identities
            .iter()
            .find(|i| i.kind == kind_value.0)
            .unwrap()
            .id;
        let fact = Fact::UnlinkRequested { customer, identity, reason: "wrong".into(), idempotency: None };
        assert!(matches!(undone.apply(fact), Outcome::Unlinked { .. }));
        assert_eq!((undone.view(owner), undone.view(claimant)), before);
    }
}

#[test]
fn a_rejected_suggestion_shows_nothing_and_does_not_come_back() {
    let mut desk = Desk::new();
    laptop_question(&mut desk);
    complaint(&mut desk);
    let suggestion = open_suggestion(&desk);
    desk.apply(Fact::SuggestionDecided {
        suggestion,
        claimant: None,
        target: None,
        accept: false,
        reason: "no".into(),
        idempotency: None,
    });
    let who = sender("instagram", "ig-ana", vec![]);
    desk.receive("ig", vec![text("ig-2", who, "again: 0812-3456-7890")]);
    let owners = desk.view(desk.customer_of("phone", PHONE));
    assert!(!owners.contains("laptop"), "{owners}");
    assert!(links::suggestions(&desk.tables, Some(SuggestionState::Open), None, 10).unwrap().items.is_empty());
}

#[test]
fn an_id_that_other_tables_gave_a_known_sender_stands_for_the_sender() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    let who = sender("whatsapp", "6281234567890", vec![]);
    desk.receive("wa", vec![text("wa-2", who, "Hello?")]);
    // Tables in which nobody had this address made a customer of the second message.
    let last = desk.journal.last().unwrap().seq;
    let (given, known) = (CustomerId::new(last, 0), desk.customer_of("phone", PHONE));
    assert_ne!(given, known);
    assert_eq!(desk.view(given), desk.view(known));
    let request = |via| Fact::MessageRequested {
        customer: given,
        parts: vec![jackfield_core::event::Part::Text { text: "hi".into() }],
        via,
        reply_to: None,
        thread: None,
        idempotency: None,
    };
    for via in [None, Some(Via::Identity(given.into()))] {
        assert!(matches!(desk.apply(request(via)), Outcome::Queued { .. }));
    }
    let nobody = CustomerId::new(last, 1);
    assert!(customer::customer(&desk.tables, nobody).unwrap().is_none());
}

#[test]
fn no_reply_goes_to_an_address_that_was_merely_claimed() {
    let mut desk = Desk::new();
    laptop_question(&mut desk);
    complaint(&mut desk);
    let owner = desk.customer_of("phone", PHONE);
    let claimant = search::find(&desk.tables, &identifier("instagram", "ig-ana")).unwrap()[0].identities[0].id;
    for via in [Via::Identity(claimant), Via::Channel(channel("ig"))] {
        let parts = vec![jackfield_core::event::Part::Text { text: "hi".into() }];
        let fact = Fact::MessageRequested {
            customer: owner,
            parts,
            via: Some(via),
            reply_to: None,
            thread: None,
            idempotency: None,
        };
        assert!(matches!(desk.apply(fact), Outcome::Refused(_)));
    }
}

#[test]
fn two_channels_that_attest_one_number_are_one_customer_with_a_reason() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    let who = sender("telegram", "77", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("tg", vec![text("tg-1", who, "me again")]);
    let id = desk.customer_of("telegram", "77");
    assert_eq!(id, desk.customer_of("phone", PHONE));
    let view = customer::customer(&desk.tables, id).unwrap().unwrap();
    let telegram = view.identities.iter().find(|i| i.kind == "telegram").unwrap().id;
    let why = links::why(&desk.tables, id, telegram).unwrap().unwrap();
    assert_eq!(why.path.len(), 2, "{why:?}");
}

#[test]
fn taking_a_proof_apart_holds_against_the_next_message() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    let telegram = || sender("telegram", "77", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("tg", vec![text("tg-1", telegram(), "me")]);
    let customer = desk.customer_of("telegram", "77");
    let view = customer::customer(&desk.tables, customer).unwrap().unwrap();
    let identity = view.identities.iter().find(|i| i.kind == "telegram").unwrap().id;
    desk.apply(Fact::UnlinkRequested { customer, identity, reason: "a shop's phone".into(), idempotency: None });
    desk.receive("tg", vec![text("tg-2", telegram(), "still me")]);
    assert_ne!(desk.customer_of("telegram", "77"), desk.customer_of("phone", PHONE));
}

#[test]
fn different_ids_of_one_outside_system_are_never_one_customer() {
    let mut desk = Desk::new();
    for (person, order) in [("a", "100"), ("b", "200")] {
        let hints = vec![hint("external", order, Trust::Attested), hint("phone", PHONE, Trust::Attested)];
        desk.receive("ig", vec![text(person, sender("instagram", person, hints), "hello")]);
    }
    let (a, b) = (desk.customer_of("instagram", "a"), desk.customer_of("instagram", "b"));
    assert_ne!(a, b);
    let fact = Fact::MergeRequested { a, b, reason: "same".into(), idempotency: None };
    let Outcome::Refused(refusal) = desk.apply(fact) else { panic!("merged") };
    assert_eq!(refusal.code, "conflict");
    assert!(!links::merge_preview(&desk.tables, a, b).unwrap().unwrap().allowed);
}

/// The channels of three connectors, of which each has a scope of its own.
fn three_connectors(desk: &mut Desk) {
    for name in ["wa", "ig", "tg"] {
        let (source, rules, scope) = (crate::support::source(), crate::support::rules(), Some(name.to_owned()));
        desk.apply(Fact::ChannelSet { channel: channel(name), source, rules, scope });
    }
}

#[test]
fn an_address_that_many_prove_is_shared_and_joins_nobody_until_an_agent_says_otherwise() {
    let mut desk = Desk::new();
    three_connectors(&mut desk);
    let prove = |desk: &mut Desk, n: usize| {
        let who = sender(&format!("kind{n}"), "x", vec![hint("phone", PHONE, Trust::Attested)]);
        desk.receive(["wa", "ig", "tg"][n % 3], vec![text(&format!("m{n}"), who, "hello")]);
    };
    (0..12).for_each(|n| prove(&mut desk, n));
    let customers: std::collections::BTreeSet<CustomerId> =
        (0..12).map(|n| desk.customer_of(&format!("kind{n}"), "x")).collect();
    assert_eq!(customers.len(), 12);
    let shared = desk.identity_of("phone", PHONE);
    assert_eq!(desk.apply(Fact::SharedCleared { identity: shared, reason: "one person".into() }), Outcome::Done);
    prove(&mut desk, 12);
    assert_eq!(desk.customer_of("kind12", "x"), desk.customer_of("phone", PHONE));
}

#[test]
fn one_connector_alone_makes_nobodys_address_a_shared_one() {
    let mut desk = Desk::new();
    three_connectors(&mut desk);
    complaint(&mut desk);
    let owner = desk.customer_of("whatsapp", "6281234567890");
    for n in 0..12 {
        let who = sender(&format!("kind{n}"), "x", vec![hint("phone", PHONE, Trust::Attested)]);
        desk.receive("ig", vec![text(&format!("m{n}"), who, "hello")]);
    }
    assert_eq!(desk.customer_of("phone", PHONE), owner);
}

#[test]
fn a_role_mailbox_joins_nobody() {
    let mut desk = Desk::new();
    for person in ["a", "b"] {
        let hints = vec![hint("email", "info@example.com", Trust::Attested)];
        desk.receive("ig", vec![text(person, sender("instagram", person, hints), "hello")]);
    }
    assert_ne!(desk.customer_of("instagram", "a"), desk.customer_of("instagram", "b"));
}

#[test]
fn a_number_that_nobody_vouched_for_in_a_year_begins_a_new_life_with_a_suggestion_to_the_old_one() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    let before = desk.customer_of("whatsapp", "6281234567890");
    desk.now += 366 * 24 * HOUR;
    let who = sender("telegram", "77", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("tg", vec![text("tg-1", who, "a new owner")]);
    let now = desk.customer_of("telegram", "77");
    assert_eq!(now, desk.customer_of("phone", PHONE), "the number is the new owner's");
    assert_ne!(now, before);
    assert!(!desk.view(now).contains("shipment"), "and shows nothing of the old one's");
    open_suggestion(&desk);
}

#[test]
fn the_new_owner_of_a_number_who_writes_from_it_is_not_the_old_one() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    let before = desk.customer_of("whatsapp", "6281234567890");
    desk.now += 366 * 24 * HOUR;
    desk.receive("wa", vec![text("wa-2", sender("whatsapp", "6281234567890", vec![]), "hello, new here")]);
    let now = desk.customer_of("whatsapp", "6281234567890");
    assert_ne!(now, before);
    assert!(!desk.view(now).contains("shipment"));
    open_suggestion(&desk);
}

#[test]
fn a_person_who_goes_on_under_the_number_of_somebody_else_is_not_joined_with_them() {
    let mut desk = Desk::new();
    for (number, words) in [("62811", "I am Budi"), ("62822", "I am Ana")] {
        desk.receive("wa", vec![text(number, sender("whatsapp", number, vec![]), words)]);
    }
    let (budi, ana) = (desk.customer_of("whatsapp", "62811"), desk.customer_of("whatsapp", "62822"));
    let (old, new) = (identifier("whatsapp", "62822"), identifier("whatsapp", "62811"));
    let change = EventBody::IdentityChange { old, new, at: None, reason: "number changed".into() };
    desk.receive("wa", vec![Event { id: "c1".into(), body: change }]);
    let now = desk.customer_of("whatsapp", "62811");
    assert_eq!(now, ana, "Ana goes on under the number");
    assert_ne!(now, budi);
    assert!(!desk.view(now).contains("I am Budi") && !desk.view(budi).contains("I am Ana"));
    open_suggestion(&desk);
}

#[test]
fn a_new_address_that_came_before_the_change_was_told_is_joined() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", sender("whatsapp", "62811", vec![]), "before")]);
    desk.receive("wa", vec![text("2", sender("whatsapp", "id.7", vec![]), "after")]);
    let (old, new) = (identifier("whatsapp", "62811"), identifier("whatsapp", "id.7"));
    let change = EventBody::IdentityChange { old, new, at: None, reason: "user id".into() };
    desk.receive("wa", vec![Event { id: "c1".into(), body: change }]);
    assert_eq!(desk.timeline_texts(desk.customer_of("whatsapp", "id.7")), ["after", "before"]);
}

#[test]
fn a_changed_number_takes_the_person_along_and_leaves_the_number_behind() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    let old_owner = desk.customer_of("whatsapp", "6281234567890");
    let change = EventBody::IdentityChange {
        old: identifier("whatsapp", "6281234567890"),
        new: identifier("whatsapp", "6289999999999"),
        at: None,
        reason: "number changed".into(),
    };
    desk.receive("wa", vec![Event { id: "c1".into(), body: change }]);
    assert_eq!(desk.customer_of("whatsapp", "6289999999999"), old_owner, "the person goes on");
    complaint_from_new_owner(&mut desk);
    let newcomer = desk.customer_of("whatsapp", "6281234567890");
    assert_ne!(newcomer, old_owner, "whoever has the old number now is somebody else");
    assert!(!desk.view(newcomer).contains("shipment is late"));
}

fn complaint_from_new_owner(desk: &mut Desk) {
    let who = sender("whatsapp", "6281234567890", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("wa", vec![text("wa-9", who, "hello, new here")]);
}

#[test]
fn the_policy_decides_what_claims_do() {
    for (policy, shown, one) in [
        (ClaimPolicy::Off, false, false),
        (ClaimPolicy::Suggest, false, false),
        (ClaimPolicy::OneWay, true, false),
        (ClaimPolicy::Auto, true, true),
    ] {
        let mut desk = Desk::new();
        desk.apply(Fact::ClaimsSet { policy });
        laptop_question(&mut desk);
        complaint(&mut desk);
        let (owner, claimant) = (desk.customer_of("phone", PHONE), desk.customer_of("instagram", "ig-ana"));
        assert_eq!(desk.view(owner).contains("laptop"), shown, "{policy:?}");
        assert_eq!(owner == claimant, one, "{policy:?}");
    }
}

#[test]
fn contradicting_names_stand_side_by_side_with_where_they_came_from() {
    let mut desk = Desk::new();
    laptop_question(&mut desk);
    complaint(&mut desk);
    let suggestion = open_suggestion(&desk);
    accept(&mut desk, suggestion);
    let view = customer::customer(&desk.tables, desk.customer_of("phone", PHONE)).unwrap().unwrap();
    let names: Vec<_> = view.profile.iter().filter(|f| f.field == "name").map(|f| f.value.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn customers_are_found_by_words_of_their_names_and_addresses() {
    let mut desk = Desk::new();
    complaint(&mut desk);
    for query in ["ana", "PUTRI", "ana pu", "62812"] {
        assert_eq!(search::search(&desk.tables, query, 10).unwrap().len(), 1, "{query}");
    }
    assert!(search::search(&desk.tables, "ana nobody", 10).unwrap().is_empty());
}
