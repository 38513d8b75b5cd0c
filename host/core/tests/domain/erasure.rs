//! A person is erased: nothing of the person is left, and everybody else is as before.

use std::collections::BTreeMap;

use crate::support::{Desk, HOUR, channel, hint, identifier, named, sender, source, text, with_parts};
use jackfield_core::apply::apply;
use jackfield_core::canonical::{self, Context};
use jackfield_core::conversation::inbox;
use jackfield_core::conversation::rows::{MESSAGES, TOUCHPOINTS};
use jackfield_core::effect::Effect;
use jackfield_core::erasure::plan::Plan;
use jackfield_core::event::{
    DeliveryScope, DeliveryUpdate, Event, EventBody, Media, Part, Problem, Property, Sender, Thread, Trust,
};
use jackfield_core::fact::{
    Actor, Attachment, Entry, Fact, Idempotency, MessageAction, Outcome, RawRequest, SendResult, StateChange, Timer,
    Via,
};
use jackfield_core::identity::rows::{BY_ACTIVITY, BY_ADDRESS, CUSTOMERS, IDENTITIES};
use jackfield_core::identity::{customer, links, search};
use jackfield_core::ids::{CustomerId, IdentityId, MessageId, Millis, Seq};
use jackfield_core::outbox::rows::{DUE, HEADS, OUTBOX, QUEUES};
use jackfield_core::tables::Memory;
use jackfield_core::views::operations;

/// What is left once a customer is erased: the journal, and the tables that are built from it.
pub(crate) struct Left {
    pub(crate) journal: Vec<Entry>,
    pub(crate) tables: Memory,
    plan: Plan,
}

fn replay(journal: &[Entry]) -> Memory {
    let mut tables = Memory::default();
    for entry in journal {
        // As it is written and read.
        let entry: Entry = serde_json::from_str(&serde_json::to_string(entry).unwrap()).unwrap();
        apply(&mut tables, &entry).unwrap();
    }
    tables
}

pub(crate) fn rewritten(tables: &Memory, journal: &[Entry], plan: Option<Plan>) -> Left {
    let erasure = operations::open_erasure(tables).unwrap().unwrap();
    let mut plan = plan.unwrap_or_else(|| {
        let mut plan = Plan::new(tables, &erasure).unwrap();
        journal.iter().for_each(|entry| plan.look(tables, entry).unwrap());
        plan
    });
    plan.looked(tables).unwrap();
    let mut left = journal.to_vec();
    for entry in &mut left {
        if let Some(fact) = plan.rewrite(tables, entry).unwrap() {
            entry.fact = fact;
        }
    }
    Left { tables: replay(&left), journal: left, plan }
}

/// Erases a customer, and shows that everybody else's rows are what they were.
pub(crate) fn erase(desk: &mut Desk, who: CustomerId) -> Left {
    let outcome = desk.apply_as(Actor::Operator, erased(who));
    assert!(matches!(outcome, Outcome::Erased { .. }), "{outcome:?}");
    let left = rewritten(&desk.tables, &desk.journal, None);
    assert_eq!(others(&left.tables), others(&desk.tables));
    let erased = |tables: &Memory| operations::open_erasure(tables).unwrap().unwrap().identities;
    assert_eq!(erased(&left.tables), erased(&desk.tables));
    assert!(operations::erasure_of(&left.tables, who).unwrap().is_some(), "whoever asks is told");
    let again = rewritten(&left.tables, &left.journal, Some(left.plan));
    assert_eq!(again.journal, left.journal, "nothing is left for a second time");
    let anew = rewritten(&again.tables, &again.journal, None);
    assert_eq!(anew.journal, again.journal, "nor for somebody who begins anew");
    Left { plan: anew.plan, ..again }
}

/// The rows of those who are not erased, as far as others can see them.
fn others(tables: &Memory) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let is_gone = |id: IdentityId| IDENTITIES.get(tables, (id,)).unwrap().unwrap().erased.is_some();
    for row in IDENTITIES.scan(tables, IDENTITIES.all(), false) {
        let (_, row) = row.unwrap();
        let shown = if row.erased.is_some() { String::from("erased") } else { serde_json::to_string(&row).unwrap() };
        all.insert(row.id.to_string(), shown);
    }
    for row in CUSTOMERS.scan(tables, CUSTOMERS.all(), false) {
        let ((id,), row) = row.unwrap();
        all.insert(id.to_string(), serde_json::to_string(&row).unwrap());
    }
    for row in BY_ADDRESS.scan(tables, BY_ADDRESS.all(), false) {
        let (key, id) = row.unwrap();
        all.insert(format!("{key:?}"), id.to_string());
    }
    for row in BY_ACTIVITY.scan(tables, BY_ACTIVITY.all(), false) {
        let (key, _) = row.unwrap();
        all.insert(format!("active {key:?}"), String::new());
    }
    let mut kept = Vec::new();
    for row in MESSAGES.scan(tables, MESSAGES.all(), false) {
        let (_, mut row) = row.unwrap();
        // An echo goes with what it echoes, wherever it was filed.
        let echoed = row.echo_of.and_then(|id| MESSAGES.get(tables, (id,)).unwrap());
        if is_gone(row.identity) || echoed.is_some_and(|echoed| is_gone(echoed.identity)) {
            continue;
        }
        kept.push(row.id);
        row.reactions.retain(|reaction| !is_gone(reaction.identity));
        row.withdrawn.retain(|reaction| !is_gone(reaction.identity));
        // What it answered may be gone.
        let answered = row.reply_to.and_then(|id| MESSAGES.get(tables, (id,)).unwrap());
        if answered.is_none_or(|answered| is_gone(answered.identity)) {
            (row.reply_to, row.reply_to_external) = (None, None);
        }
        all.insert(row.id.to_string(), serde_json::to_string(&row).unwrap());
    }
    for row in TOUCHPOINTS.scan(tables, TOUCHPOINTS.all(), false) {
        let (_, row) = row.unwrap();
        if row.identity.is_some_and(|id| !is_gone(id)) {
            all.insert(row.id.to_string(), serde_json::to_string(&row).unwrap());
        }
    }
    for row in links::suggestions(tables, None, None, 1_000).unwrap().items {
        let pair = format!("suggested {} {}", row.claimant.identity, row.target.identity);
        all.insert(pair, format!("{:?}", row.state));
    }
    for name in ["wa", "ig", "tg"] {
        let parked = operations::channel(tables, &channel(name)).unwrap().unwrap().parked.is_some();
        let cursor = operations::state(tables, &channel(name), "cursor").unwrap();
        all.insert(format!("channel {name}"), format!("{parked} {cursor:?}"));
    }
    for row in OUTBOX.scan(tables, OUTBOX.all(), false) {
        let ((_, id), row) = row.unwrap();
        if kept.contains(&id) {
            all.insert(format!("waits {id}"), format!("{row:?}"));
        }
    }
    for row in QUEUES.scan(tables, QUEUES.all(), false) {
        let (key, _) = row.unwrap();
        if kept.contains(&key.2) {
            all.insert(format!("queued {key:?}"), String::new());
        }
    }
    for row in HEADS.scan(tables, HEADS.all(), false) {
        let (key, head) = row.unwrap();
        if kept.contains(&head.message) {
            all.insert(format!("head {key:?}"), format!("{head:?}"));
        }
    }
    for row in DUE.scan(tables, DUE.all(), false) {
        let (key, _) = row.unwrap();
        if kept.contains(&key.2) {
            all.insert(format!("due {key:?}"), String::new());
        }
    }
    all
}

impl Left {
    fn holds(&self, text: &str) -> bool {
        let has = |bytes: &[u8]| bytes.windows(text.len()).any(|found| found == text.as_bytes());
        let journal = self.journal.iter().any(|entry| serde_json::to_string(entry).unwrap().contains(text));
        journal || self.tables.0.iter().any(|(key, value)| has(key) || has(value))
    }

    fn assert_gone(&self, texts: &[&str]) {
        for text in texts {
            assert!(!self.holds(text), "{text} is still there");
        }
    }
}

fn phone(value: &str) -> Sender {
    sender("phone", value, vec![])
}

pub(crate) fn in_group(mut event: Event, group: &str) -> Event {
    if let EventBody::Message(message) = &mut event.body {
        message.thread = Thread { id: group.into(), kind: "group".into() };
    }
    event
}

pub(crate) fn body(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

const ANA: &str = "+6281234567801";
const BUDI: &str = "+6281234567802";
const CITRA: &str = "+6281234567803";

pub(crate) fn request(customer: CustomerId, words: &str, via: Option<Via>, key: Option<&str>) -> Fact {
    let parts = vec![Part::Text { text: words.into() }];
    let idempotency = key.map(|key| Idempotency { key: key.into(), request: "r".into() });
    Fact::MessageRequested { customer, parts, via, reply_to: None, thread: None, idempotency }
}

pub(crate) fn erased(customer: CustomerId) -> Fact {
    Fact::CustomerErased { customer, identities: vec![] }
}

/// Another request under the same key.
fn other_request(customer: CustomerId, words: &str, key: &str) -> Fact {
    let mut fact = request(customer, words, None, None);
    if let Fact::MessageRequested { idempotency, .. } = &mut fact {
        *idempotency = Some(Idempotency { key: key.into(), request: "another".into() });
    }
    fact
}

pub(crate) fn ended(message: MessageId, result: SendResult, events: Vec<Event>, state: Vec<StateChange>) -> Fact {
    Fact::SendEnded { message, attempt: 1, result, events, source: None, state }
}

pub(crate) fn sent_as(external: &str) -> SendResult {
    SendResult::Sent { external_ids: vec![external.into()] }
}

pub(crate) fn reacts(who: Sender, to: &str) -> Event {
    body(EventBody::Reaction { message_id: to.into(), sender: who, emoji: Some("yes".into()), at: None })
}

fn cursor(value: &str) -> Vec<StateChange> {
    vec![StateChange { key: "cursor".into(), value: Some(value.as_bytes().to_vec()) }]
}

fn is_refused(outcome: &Outcome, why: &str) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.code == why)
}

pub(crate) fn queued(outcome: Outcome) -> MessageId {
    match outcome {
        Outcome::Queued { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

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
fn a_journal_that_was_rewritten_in_part_is_gone_on_with_whatever_tables_were_built_from_it() {
    let mut desk = Desk::new();
    for n in 0..6 {
        let ana = sender("whatsapp", "ana-w", vec![hint("phone", ANA, Trust::Attested), named("Ana Annasdottir")]);
        desk.receive("wa", vec![text(&format!("a{n}"), ana, "of ana"), text(&format!("b{n}"), phone(BUDI), "of budi")]);
    }
    let ana = desk.customer_of("phone", ANA);
    desk.apply_as(Actor::Operator, erased(ana));
    let whole = rewritten(&desk.tables, &desk.journal, None);
    for cut in 0..desk.journal.len() {
        // The newest segments are rewritten first.
        let partly: Vec<Entry> = desk.journal[..cut].iter().chain(&whole.journal[cut..]).cloned().collect();
        let left = rewritten(&replay(&partly), &partly, None);
        assert_eq!(left.journal, whole.journal, "{cut}");
        assert_eq!(left.tables, whole.tables, "{cut}");
    }
}

#[test]
fn what_was_on_its_way_when_the_person_was_erased_is_found_by_the_second_time() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    let ana = desk.customer_of("phone", ANA);
    let identity = desk.identity_of("phone", ANA);
    let sent = queued(desk.apply(request(ana, "to ana", None, None)));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply_as(Actor::Operator, erased(ana));
    let mut left = rewritten(&desk.tables, &desk.journal, None);
    let late = [
        Fact::SendEnded {
            message: sent,
            attempt: 1,
            result: SendResult::Sent { external_ids: vec!["out-ana".into()] },
            events: vec![],
            source: None,
            state: vec![],
        },
        Fact::HintsLearnt {
            channel: channel("wa"),
            identity: identifier("phone", ANA),
            id: Some(identity),
            hints: vec![named("Ana Late")],
            source: None,
            state: vec![],
        },
    ];
    for fact in late {
        let seq = Seq(left.journal.len() as u64 + 1);
        left.journal.push(Entry { seq, at: Millis(desk.now), actor: Actor::Host, fact });
    }
    let left = rewritten(&replay(&left.journal), &left.journal, Some(left.plan));
    left.assert_gone(&["out-ana", "Ana Late", &ANA[1..]]);
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
fn a_decision_about_a_suggestion_stays_with_its_pair_whoever_is_erased() {
    for says_whom in [true, false] {
        for accept in [true, false] {
            let mut desk = Desk::new();
            desk.receive("wa", vec![text("1", phone(ANA), "of ana"), text("2", phone(BUDI), "of budi")]);
            desk.receive("wa", vec![text("3", phone(CITRA), "of citra")]);
            let ana = desk.customer_of("phone", ANA);
            let visitor = Sender { trust: Trust::Claimed, ..phone(ANA) };
            let claims = |who: &str, value: &str| sender("instagram", who, vec![hint("phone", value, Trust::Claimed)]);
            desk.receive(
                "ig",
                vec![
                    text("4", visitor, "of a visitor"),
                    text("5", claims("dewi-i", BUDI), "of dewi"),
                    text("6", claims("eka-i", CITRA), "of eka"),
                ],
            );
            let all = links::suggestions(&desk.tables, None, None, 10).unwrap().items;
            let about = all.iter().find(|row| row.target.value == BUDI).unwrap();
            let (claimant, target) = (about.claimant.identity, about.target.identity);
            let decided = |claimant, target| Fact::SuggestionDecided {
                suggestion: about.id,
                claimant,
                target,
                accept,
                reason: "she said so".into(),
                idempotency: None,
            };
            let nobody = desk.apply(decided(Some(target), Some(ana.into())));
            assert!(is_refused(&nobody, "not_found"), "{nobody:?}");
            let fact = if says_whom { decided(Some(claimant), Some(target)) } else { decided(None, None) };
            let outcome = desk.apply(fact);
            assert!(matches!(outcome, Outcome::Decided { .. }), "{outcome:?}");
            let states = |tables: &Memory| {
                let page = links::suggestions(tables, None, None, 10).unwrap();
                let told = page.items.into_iter().map(|row| (row.claimant.value, row.target.value, row.state));
                told.filter(|(claimant, ..)| claimant != ANA).collect::<Vec<_>>()
            };
            let left = erase(&mut desk, ana);
            assert_eq!(states(&left.tables), states(&desk.tables));
        }
    }
}

#[test]
fn the_key_of_a_command_that_was_erased_is_good_for_no_other_command() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana"), text("2", phone(BUDI), "of budi")]);
    let (ana, budi) = (desk.customer_of("phone", ANA), desk.customer_of("phone", BUDI));
    let sent = queued(desk.apply(request(ana, "hello ana", None, Some("K1"))));
    assert_eq!(queued(desk.apply(request(ana, "hello ana", None, Some("K1")))), sent);
    let refused = desk.apply(other_request(budi, "refused", "K1"));
    assert!(is_refused(&refused, "idempotency_mismatch"), "{refused:?}");
    // A key of a command that was refused is good for another one.
    assert!(matches!(desk.apply(request(ana, &"too long".repeat(20), None, Some("K2"))), Outcome::Refused(_)));
    queued(desk.apply(other_request(budi, "sent to budi", "K2")));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply(ended(sent, sent_as("out-ana"), vec![], vec![]));
    let react = |key: &str| Fact::ActionRequested {
        message: sent,
        action: MessageAction::MarkRead,
        idempotency: Some(Idempotency { key: key.into(), request: "r".into() }),
    };
    desk.apply(react("K3"));
    desk.apply(other_request(budi, "perhaps", "K3"));
    let left = erase(&mut desk, ana);
    left.assert_gone(&["hello ana", "out-ana"]);
    let again = apply_to(&left, request(ana, "hello ana", None, Some("K1")));
    assert!(is_refused(&again, "not_found"), "{again:?}");
    let old: Fact = serde_json::from_str(r#"{"type":"redacted"}"#).unwrap();
    assert_eq!(old, Fact::Redacted { idempotency: None });
    assert_eq!(serde_json::to_string(&old).unwrap(), r#"{"type":"redacted"}"#);
}

fn apply_to(left: &Left, fact: Fact) -> Outcome {
    let mut tables = left.tables.clone();
    let at = left.journal.last().unwrap().at;
    let entry = Entry { seq: Seq(left.journal.len() as u64 + 1), at, actor: Actor::Host, fact };
    apply(&mut tables, &entry).unwrap().outcome
}

#[test]
fn an_end_of_an_attempt_that_was_refused_stays_refused_without_its_message() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    let ana = desk.customer_of("phone", ANA);
    let sent = queued(desk.apply(request(ana, "to ana", None, None)));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    desk.apply(ended(sent, sent_as("out-ana"), vec![], cursor("kept")));
    let late = vec![text("b", phone(BUDI), "refused of budi")];
    let refused = desk.apply(ended(sent, sent_as("out-2"), late, cursor("refused")));
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    let left = erase(&mut desk, ana);
    assert_eq!(operations::state(&left.tables, &channel("wa"), "cursor").unwrap().unwrap(), b"kept");
}

#[test]
fn what_an_attempt_brought_besides_stays_as_it_was_without_its_message() {
    let mut desk = Desk::new();
    desk.receive("wa", vec![text("1", phone(ANA), "of ana")]);
    let ana = desk.customer_of("phone", ANA);
    let sent = queued(desk.apply(request(ana, "to ana", None, None)));
    desk.apply(Fact::SendStarted { message: sent, attempt: 1 });
    let besides = vec![text("b", phone(BUDI), "of budi"), text("a", phone(ANA), "more of ana")];
    let problem = Problem { message: "the token of ana is bad".into(), code: None };
    desk.apply(ended(sent, SendResult::Credentials { problem }, besides, cursor("kept")));
    let is_parked = |tables: &Memory| operations::channel(tables, &channel("wa")).unwrap().unwrap().parked.is_some();
    assert!(is_parked(&desk.tables));
    let budi = desk.customer_of("phone", BUDI);
    let left = erase(&mut desk, ana);
    left.assert_gone(&["to ana", "more of ana", "token of ana", &ANA[1..]]);
    assert!(is_parked(&left.tables));
    assert_eq!(operations::state(&left.tables, &channel("wa"), "cursor").unwrap().unwrap(), b"kept");
    let mut desk = Desk { tables: left.tables, journal: left.journal, ..Desk::new() };
    let erasure = operations::open_erasure(&desk.tables).unwrap().unwrap().seq;
    desk.apply(Fact::ErasureEnded { erasure });
    let left = erase(&mut desk, budi);
    left.assert_gone(&["of budi", &BUDI[1..]]);
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

/// Numbers at random, by a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % n
    }
}

/// A history at random: people on several channels who write alone and in groups, in batches, claim each other's numbers, are merged and
/// taken apart, get answers that are sent or not.
fn history(dice: &mut Dice, facts: u64) -> Desk {
    let mut desk = Desk::new();
    let mut count = 0_u64;
    let number = |person: u64| format!("+62812345678{person:02}");
    let mut known: Vec<MessageId> = Vec::new();
    let mut externals: Vec<String> = Vec::new();
    for _ in 0..facts {
        let any = |dice: &mut Dice, desk: &Desk| -> Option<IdentityId> {
            let all: Vec<IdentityId> =
                IDENTITIES.scan(&desk.tables, IDENTITIES.all(), false).map(|row| row.unwrap().1.id).collect();
            (!all.is_empty()).then(|| all[usize::try_from(dice.below(all.len() as u64)).unwrap()])
        };
        match dice.below(13) {
            12 => {
                let open = links::suggestions(&desk.tables, None, None, 200).unwrap().items;
                if !open.is_empty() {
                    let one = &open[usize::try_from(dice.below(open.len() as u64)).unwrap()];
                    let says_whom = dice.below(2) == 0;
                    desk.apply(Fact::SuggestionDecided {
                        suggestion: one.id,
                        claimant: says_whom.then_some(one.claimant.identity),
                        target: says_whom.then_some(one.target.identity),
                        accept: dice.below(2) == 0,
                        reason: "because".into(),
                        idempotency: None,
                    });
                }
            }
            0..=5 => {
                let mut events = Vec::new();
                for _ in 0..=dice.below(3) {
                    let person = dice.below(7);
                    let on_chat = dice.below(2) == 0;
                    let mut hints = vec![named(&format!("Person {person}"))];
                    match dice.below(4) {
                        0 if on_chat => hints.push(hint("phone", &number(person), Trust::Attested)),
                        1 => hints.push(hint("phone", &number(dice.below(9)), Trust::Claimed)),
                        2 if on_chat => {
                            hints.push(hint("email", &format!("mail{}@example.com", dice.below(9)), Trust::Attested))
                        }
                        _ => {}
                    }
                    let who = if on_chat {
                        sender("chat", &format!("chat-{person}"), hints)
                    } else {
                        sender("phone", &number(person), hints)
                    };
                    count += 1;
                    let id = format!("ext-{count}");
                    match dice.below(8) {
                        0 if !externals.is_empty() => {
                            let target =
                                externals[usize::try_from(dice.below(externals.len() as u64)).unwrap()].clone();
                            events.push(body(EventBody::Reaction {
                                message_id: target,
                                sender: who,
                                emoji: Some("yes".into()),
                                at: None,
                            }));
                        }
                        1 => events.push(body(EventBody::Touchpoint {
                            sender: who,
                            kind: "order".into(),
                            at: None,
                            summary: format!("order {count}"),
                            extra: vec![],
                        })),
                        2 => events.push(in_group(text(&id, who, &format!("text {count}")), "group")),
                        3 if !externals.is_empty() => {
                            // It came before.
                            let again = externals[usize::try_from(dice.below(externals.len() as u64)).unwrap()].clone();
                            events.push(text(&again, who, "a repetition"));
                        }
                        _ => events.push(text(&id, who, &format!("text {count}"))),
                    }
                    externals.push(id);
                }
                desk.receive(["wa", "tg"][usize::try_from(dice.below(2)).unwrap()], events);
            }
            6 | 7 => {
                if let Some(id) = any(dice, &desk) {
                    let words = format!(
                        "reply {}",
                        if dice.below(4) > 0 { String::from("that fits") } else { "long".repeat(50) }
                    );
                    let mut fact = request(id.into(), &words, None, None);
                    if let Fact::MessageRequested { idempotency, .. } = &mut fact {
                        let (key, request) = (format!("key-{}", dice.below(4)), format!("{id} {words}"));
                        *idempotency = (dice.below(2) == 0).then_some(Idempotency { key, request });
                    }
                    let outcome = desk.apply(fact);
                    if let Outcome::Queued { message, .. } = outcome {
                        known.push(message);
                    }
                }
            }
            8 => {
                if let (Some(a), Some(b)) = (any(dice, &desk), any(dice, &desk)) {
                    desk.apply(Fact::MergeRequested {
                        a: a.into(),
                        b: b.into(),
                        reason: "because".into(),
                        idempotency: None,
                    });
                }
            }
            9 => {
                if let Some(id) = any(dice, &desk) {
                    desk.apply(Fact::UnlinkRequested {
                        customer: id.into(),
                        identity: id,
                        reason: "because".into(),
                        idempotency: None,
                    });
                }
            }
            _ => {
                if let Some(message) = known.pop() {
                    count += 1;
                    let external = format!("out-{count}");
                    attempt(dice, &mut desk, message, &external);
                    externals.push(external);
                }
            }
        }
    }
    desk
}

/// An attempt to send a message, with reactions before and behind the channel's id of it, what its answer brings besides, and an end
/// that is refused.
fn attempt(dice: &mut Dice, desk: &mut Desk, message: MessageId, external: &str) {
    let Some(on) = MESSAGES.get(&desk.tables, (message,)).unwrap().map(|row| row.channel) else { return };
    let somebody = |dice: &mut Dice| match dice.below(2) {
        0 => phone(&format!("+62812345678{:02}", dice.below(9))),
        _ => sender("chat", &format!("chat-{}", dice.below(9)), vec![]),
    };
    if desk.apply(Fact::SendStarted { message, attempt: 1 }) != Outcome::Done {
        return;
    }
    for _ in 0..dice.below(3) {
        let early = reacts(somebody(dice), external);
        desk.receive(on.as_str(), vec![early]);
    }
    let besides = |dice: &mut Dice, word: &str| match dice.below(3) {
        0 => vec![text(&format!("{word}-{external}"), somebody(dice), word)],
        _ => vec![],
    };
    let problem = Problem { message: "no".into(), code: None };
    let result = match dice.below(6) {
        0 => SendResult::Credentials { problem },
        1 => SendResult::Uncertain { problem },
        2 => return,
        _ => sent_as(external),
    };
    let events = besides(dice, "besides");
    desk.apply(ended(message, result, events, cursor(external)));
    if dice.below(3) == 0 {
        let events = besides(dice, "refused");
        let refused = desk.apply(ended(message, sent_as("twice"), events, cursor("refused")));
        assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    }
    let late = reacts(somebody(dice), external);
    desk.receive(on.as_str(), vec![late]);
}

#[test]
fn whoever_is_erased_from_whatever_history_everybody_else_is_as_before() {
    for seed in 1..=24 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15) | 1);
        let mut desk = history(&mut dice, 60);
        for _ in 0..2 {
            let all: Vec<CustomerId> =
                CUSTOMERS.scan(&desk.tables, CUSTOMERS.all(), false).map(|row| row.unwrap().0.0).collect();
            let who = all[usize::try_from(dice.below(all.len() as u64)).unwrap()];
            let members = CUSTOMERS.get(&desk.tables, (who,)).unwrap().unwrap().members;
            let values: Vec<String> =
                members.iter().map(|id| IDENTITIES.get(&desk.tables, (*id,)).unwrap().unwrap().value).collect();
            println!("seed {seed}, {who}, {values:?}");
            let left = erase(&mut desk, who);
            let taken: Vec<String> = IDENTITIES
                .scan(&left.tables, IDENTITIES.all(), false)
                .map(|row| row.unwrap().1)
                .filter(|row| row.erased.is_none())
                .map(|row| row.value)
                .collect();
            for value in values.iter().filter(|value| !taken.contains(value)) {
                assert!(!left.holds(value), "{value}");
            }
            (desk.journal, desk.tables) = (left.journal, left.tables);
            let erasure = operations::open_erasure(&desk.tables).unwrap().unwrap().seq;
            desk.apply(Fact::ErasureEnded { erasure });
            assert!(operations::open_erasure(&desk.tables).unwrap().is_none());
        }
    }
}
