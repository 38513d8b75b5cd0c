//! The store as the host uses it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::disk::TestDisk;
use crate::support::{contains, copy, fact, name, open, rows, small};
use jackfield_core::effect::Effect;
use jackfield_core::fact::{Actor, Fact, Source, StateChange};
use jackfield_core::ids::Seq;
use jackfield_core::tables::{self, Read};
use jackfield_store::{AppendError, CloseError, Committed, Options};

#[tokio::test]
async fn an_append_returns_when_readers_see_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let mut watch = store.watch();
    for n in 1..=20 {
        let Committed { seq, .. } = store.append(Actor::Host, fact(&n.to_string())).await.unwrap();
        assert_eq!(seq, Seq(n));
        assert_eq!((tables::applied(&store.read()).unwrap(), store.applied()), (seq, seq));
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), seq);
    }
    let stored: Vec<Seq> = store.journal_entries(Seq(18)).unwrap().map(|entry| entry.unwrap().seq).collect();
    assert_eq!(stored, [Seq(18), Seq(19), Seq(20)]);
}

#[tokio::test]
async fn the_effects_of_facts_are_there_when_their_appender_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let (mut effects, mut late) = (store.effects(), store.effects());
    let pause = |channel: &str| Fact::ChannelPaused { channel: channel.parse().unwrap() };
    let set = |channel: &str| Fact::ChannelSet {
        channel: channel.parse().unwrap(),
        source: Source { connector: String::from("c"), version: String::from("1"), digest: "0".repeat(64) },
        rules: serde_json::from_str(r#"{"sends":true}"#).unwrap(),
        scope: None,
    };
    store.append_all(vec![(Actor::Host, set("shop")), (Actor::Host, set("web"))]).await.unwrap();
    let batch = effects.next().await.unwrap();
    assert_eq!(batch.through, Seq(2));
    let channel = |channel: &str| Effect::Channel(channel.parse().unwrap());
    assert_eq!(batch.effects, [channel("shop"), channel("web")].into());
    let seq = store.append(Actor::Operator, pause("shop")).await.unwrap().seq;
    let batch = effects.next().await.unwrap();
    assert_eq!((batch.through, batch.effects), (seq, [channel("shop")].into()));
    store.close().await.unwrap();
    assert_eq!(effects.next().await, None);
    let merged = late.next().await.unwrap();
    assert_eq!((merged.through, merged.effects), (seq, [channel("shop"), channel("web")].into()));
    assert_eq!(late.next().await, None);
}

#[tokio::test]
async fn a_group_gets_consecutive_numbers_and_one_outcome_each() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    assert!(store.append_all(Vec::new()).await.unwrap().is_empty());
    let group = (0..1000).map(|n| (Actor::Operator, fact(&n.to_string()))).collect();
    let committed = store.append_all(group).await.unwrap();
    assert_eq!(committed.iter().map(|c| c.seq.0).collect::<Vec<_>>(), (1..=1000).collect::<Vec<_>>());
    assert_eq!(store.stats().journal.batches, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_of_many_tasks_are_each_committed_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let task = |task: u64| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for n in 0..20 {
                seqs.push(store.append(Actor::Host, fact(&format!("{task}-{n}"))).await.unwrap().seq.0);
            }
            seqs
        })
    };
    let mut seqs = Vec::new();
    for task in (0..50).map(task).collect::<Vec<_>>() {
        seqs.extend(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=1000).collect::<Vec<_>>());
    let stats = store.stats();
    assert_eq!((stats.journal.facts, stats.applied, stats.stopped), (1000, Seq(1000), None));
    assert!(stats.journal.batches < 1000);
}

#[tokio::test]
async fn a_fact_that_cannot_be_read_back_is_never_stored() {
    use jackfield_core::event::Part;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let nowhere = Part::Location { latitude: f64::NAN, longitude: 0.0, name: None, address: None };
    let identity = jackfield_core::ids::IdentityId::new(Seq(1), 0);
    let bad = Fact::MessageRequested {
        customer: identity.into(),
        parts: vec![nowhere],
        via: None,
        reply_to: None,
        thread: None,
        idempotency: None,
    };
    assert!(matches!(store.append(Actor::Host, bad).await, Err(AppendError::Unwritable(_))));
    assert_eq!(store.applied(), Seq(0));
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let store = open(dir.path(), &Options { disk: Arc::new(disk.clone()), ..small() });
    store.append(Actor::Host, fact("a")).await.unwrap();
    disk.set_space(Some(40));
    let error = store.append(Actor::Host, fact("b")).await.unwrap_err();
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    disk.set_space(None);
    assert_eq!(store.append(Actor::Host, fact("c")).await.unwrap().seq, Seq(2));
}

/// What a channel brings, about `kib` KiB.
fn brought(kib: usize) -> Fact {
    Fact::Received {
        channel: "shop".parse().unwrap(),
        source: Source { connector: String::from("c"), version: String::from("1"), digest: "0".repeat(64) },
        events: Vec::new(),
        state: vec![StateChange { key: String::from("k"), value: Some(vec![7; kib << 10]) }],
        unreadable: Vec::new(),
    }
}

#[tokio::test]
async fn a_channel_that_floods_gets_a_part_of_the_last_of_the_disk_and_leaves_room_for_others() {
    const RESERVE: u64 = 4 << 20;
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let store = open(dir.path(), &Options { disk: Arc::new(disk.clone()), reserve_bytes: RESERVE, ..small() });
    let channel = |name: &str| Actor::Channel(name.parse().unwrap());
    disk.set_free(Some(RESERVE));
    for _ in 0..10 {
        store.append(channel("flood"), brought(12)).await.unwrap();
    }
    assert!(!store.is_disk_low().unwrap());
    disk.set_free(Some(RESERVE - 1));
    assert!(store.is_disk_low().unwrap());
    let mut stored = 0;
    let refused = loop {
        match store.append(channel("flood"), brought(12)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Reserved { .. }), "{refused}");
    assert_eq!((stored, store.stats().journal.reserved), (3, 1), "64 KiB are a channel's part");
    store.append(channel("other"), brought(12)).await.unwrap();
    let message = "msg_1".parse().unwrap();
    store.append(channel("flood"), Fact::SendStarted { message, attempt: 1 }).await.unwrap();
    store.append(Actor::Operator, fact("key")).await.unwrap();
    disk.set_free(Some(RESERVE / 4 - 1));
    let last = store.append(channel("quiet"), brought(1)).await.unwrap_err();
    assert!(matches!(last, AppendError::Reserved { .. }), "{last}");
    store.append(Actor::Operator, fact("another")).await.unwrap();
    disk.set_free(Some(RESERVE));
    store.append(channel("flood"), brought(12)).await.unwrap();
}

#[tokio::test]
async fn a_dropped_store_has_finished_what_was_handed_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    store.append(Actor::Host, fact("a")).await.unwrap();
    let before = rows(&store);
    drop(store);
    let store = open(dir.path(), &small());
    assert_eq!((rows(&store), store.stats().rebuilt), (before, None));
}

#[tokio::test]
async fn a_closed_store_refuses_and_its_readers_hear_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let other = store.clone();
    store.append(Actor::Host, fact("a")).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(other.append(Actor::Host, fact("b")).await, Err(AppendError::Closed));
    assert!(other.read().get(tables::APPLIED).is_err());
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_does_not_let_go_makes_the_stop_unclean_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    store.append(Actor::Host, fact("a")).await.unwrap();
    let view = store.read();
    assert!(matches!(store.close().await, Err(CloseError::Readers)));
    assert_eq!(view.applied().unwrap(), Seq(1));
    drop(view);
    assert_eq!(open(dir.path(), &small()).applied(), Seq(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_segments_taken_while_appending_restores() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    let stop = Arc::new(AtomicBool::new(false));
    let appender = tokio::spawn({
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                store.append(Actor::Host, fact("x")).await.unwrap();
            }
        }
    });
    for _ in 0..20 {
        let mut watch = store.watch();
        watch.changed().await.unwrap();
        let acknowledged = store.applied();
        let copied = tempfile::tempdir().unwrap();
        copy(&dir.path().join("journal"), &copied.path().join("journal"));
        assert!(jackfield_store::export(dir.path()).unwrap().all(|entry| entry.is_ok()), "also of the running one");
        let restored = open(copied.path(), &small());
        assert!(restored.applied() >= acknowledged);
        let fresh: Vec<_> = restored.journal_entries(Seq(1)).unwrap().map(Result::unwrap).collect();
        let original = store.journal_entries(Seq(1)).unwrap().map(Result::unwrap);
        assert!(original.take(fresh.len()).eq(fresh));
    }
    stop.store(true, Ordering::Relaxed);
    appender.await.unwrap();
}

#[tokio::test]
async fn redacted_facts_keep_their_places_and_their_text_is_gone_from_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &small());
    for n in 0..30 {
        store.append(Actor::Operator, fact(&format!("secret{n}."))).await.unwrap();
    }
    store.close().await.unwrap();
    let seqs = BTreeSet::from([Seq(2), Seq(17), Seq(30), Seq(99)]);
    let before: Vec<_> = jackfield_store::export(dir.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(jackfield_store::redact(dir.path(), &small(), &seqs).unwrap(), 3);
    assert_eq!(jackfield_store::redact(dir.path(), &small(), &seqs).unwrap(), 0);
    for text in ["secret1.", "secret16.", "secret29."] {
        assert!(!contains(dir.path(), text.as_bytes()), "{text}");
    }
    assert!(contains(dir.path(), b"secret0."));
    let after: Vec<_> = jackfield_store::export(dir.path()).unwrap().map(Result::unwrap).collect();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.seq, before.at, &before.actor), (after.seq, after.at, &after.actor));
        let gone = seqs.contains(&before.seq);
        assert_eq!(after.fact, if gone { Fact::Redacted { idempotency: None } } else { before.fact.clone() });
    }
    let store = open(dir.path(), &small());
    assert_eq!(store.append(Actor::Host, fact("after")).await.unwrap().seq, Seq(31));
    assert_eq!(name(&store.journal_entries(Seq(31)).unwrap().next().unwrap().unwrap().fact), "after");
}
