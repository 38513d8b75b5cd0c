//! A person is erased: nothing of the person is left, and everybody else is as before.

mod among_others;
mod commands;
mod histories;
mod others;
mod person;
mod rewriting;

use std::collections::BTreeMap;

use crate::support::{Desk, channel, sender};
use jackfield_core::apply::apply;
use jackfield_core::conversation::rows::{MESSAGES, TOUCHPOINTS};
use jackfield_core::erasure::plan::Plan;
use jackfield_core::event::{Event, EventBody, Part, Sender, Thread};
use jackfield_core::fact::{Actor, Entry, Fact, Idempotency, Outcome, SendResult, StateChange, Via};
use jackfield_core::identity::links;
use jackfield_core::identity::rows::{BY_ACTIVITY, BY_ADDRESS, CUSTOMERS, IDENTITIES};
use jackfield_core::ids::{CustomerId, IdentityId, MessageId};
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

fn rewritten(tables: &Memory, journal: &[Entry], plan: Option<Plan>) -> Left {
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
    pub(crate) fn holds(&self, text: &str) -> bool {
        let has = |bytes: &[u8]| bytes.windows(text.len()).any(|found| found == text.as_bytes());
        let journal = self.journal.iter().any(|entry| serde_json::to_string(entry).unwrap().contains(text));
        journal || self.tables.0.iter().any(|(key, value)| has(key) || has(value))
    }

    pub(crate) fn assert_gone(&self, texts: &[&str]) {
        for text in texts {
            assert!(!self.holds(text), "{text} is still there");
        }
    }
}

fn phone(value: &str) -> Sender {
    sender("phone", value, vec![])
}

fn in_group(mut event: Event, group: &str) -> Event {
    if let EventBody::Message(message) = &mut event.body {
        message.thread = Thread { id: group.into(), kind: "group".into() };
    }
    event
}

fn body(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

const ANA: &str = "+6281234567801";
const BUDI: &str = "+6281234567802";
const CITRA: &str = "+6281234567803";

fn request(customer: CustomerId, words: &str, via: Option<Via>, key: Option<&str>) -> Fact {
    let parts = vec![Part::Text { text: words.into() }];
    let idempotency = key.map(|key| Idempotency { key: key.into(), request: "r".into() });
    Fact::MessageRequested { customer, parts, via, reply_to: None, thread: None, idempotency }
}

fn erased(customer: CustomerId) -> Fact {
    Fact::CustomerErased { customer, identities: vec![] }
}

fn ended(message: MessageId, result: SendResult, events: Vec<Event>, state: Vec<StateChange>) -> Fact {
    Fact::SendEnded { message, attempt: 1, result, events, source: None, state }
}

fn sent_as(external: &str) -> SendResult {
    SendResult::Sent { external_ids: vec![external.into()] }
}

fn reacts(who: Sender, to: &str) -> Event {
    body(EventBody::Reaction { message_id: to.into(), sender: who, emoji: Some("yes".into()), at: None })
}

fn cursor(value: &str) -> Vec<StateChange> {
    vec![StateChange { key: "cursor".into(), value: Some(value.as_bytes().to_vec()) }]
}

fn is_refused(outcome: &Outcome, why: &str) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.code == why)
}

fn queued(outcome: Outcome) -> MessageId {
    match outcome {
        Outcome::Queued { message, .. } => message,
        other => panic!("{other:?}"),
    }
}
