//! API keys and what may be done with them.

use jackfield_core::fact::{Actor, Fact, Outcome, Role, Source};
use jackfield_core::generation::{Signature, Stage};

use crate::support::{Desk, sender, text};

fn key(desk: &mut Desk) -> Actor {
    let created = desk.apply(Fact::KeyCreated { name: "thief".into(), role: Role::Admin, hash: "a".repeat(64) });
    let Outcome::KeyCreated { key } = created else { panic!("{created:?}") };
    Actor::Key(key)
}

fn revoke(desk: &mut Desk, actor: &Actor) {
    let Actor::Key(key) = actor else { panic!("{actor:?}") };
    assert_eq!(desk.apply(Fact::KeyRevoked { key: *key }), Outcome::Done);
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.code == "unauthenticated")
}

#[test]
fn a_key_that_was_revoked_decides_nothing_however_long_ago_its_request_began() {
    let mut desk = Desk::new();
    let actor = key(&mut desk);
    desk.receive("wa", vec![text("1", sender("whatsapp", "62811", vec![]), "hello")]);
    let customer = desk.customer_of("whatsapp", "62811");
    let create = |hash: &str| Fact::KeyCreated { name: "next".into(), role: Role::Admin, hash: hash.repeat(64) };
    let send = || Fact::MessageRequested {
        customer,
        parts: vec![jackfield_core::event::Part::Text { text: "pay here".into() }],
        via: None,
        reply_to: None,
        thread: None,
        idempotency: None,
    };
    assert!(matches!(desk.apply_as(actor.clone(), create("b")), Outcome::KeyCreated { .. }));
    assert!(matches!(desk.apply_as(actor.clone(), send()), Outcome::Queued { .. }));
    revoke(&mut desk, &actor);
    assert!(is_refused(&desk.apply_as(actor.clone(), create("c"))));
    assert!(is_refused(&desk.apply_as(actor, send())));
}

#[test]
fn a_version_whose_key_is_revoked_on_the_way_never_serves_and_its_end_is_told() {
    let mut desk = Desk::new();
    let actor = key(&mut desk);
    let source = Source { connector: "whatsapp".into(), version: "2".into(), digest: "d".repeat(64) };
    let (connector, origin) = (String::from("whatsapp"), String::from("upload"));
    let staged = Fact::GenerationStaged { connector, source, signature: Signature::Unsigned, origin };
    let Outcome::Staged { generation } = desk.apply_as(actor.clone(), staged) else { panic!("it is staged") };
    revoke(&mut desk, &actor);
    let moved = |to| Fact::GenerationMoved {
        connector: "whatsapp".into(),
        generation,
        to,
        problem: None,
        missing: vec![],
        approved: None,
        differences: vec![],
    };
    for to in [Stage::Approved, Stage::Active] {
        assert!(is_refused(&desk.apply_as(actor.clone(), moved(to))), "{to:?}");
    }
    assert_eq!(desk.apply_as(actor, moved(Stage::Refused)), Outcome::Done);
}
