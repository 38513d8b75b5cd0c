//! The effects of applied facts, on their way to the consumers that act on them.
//!
//! Effects are level-triggered: they name what changed and whoever acts reads the tables. So batches that wait are merged into one set,
//! whose size is bounded by the number of things that there are. Only [`Effect::Person`] has no such bound; it is an offer to ask a
//! provider about somebody, and what is over [`MAX_PERSONS`] is dropped.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};

use jackfield_core::effect::Effect;
use jackfield_core::ids::Seq;
use tokio::sync::Notify;

use crate::sync::lock;

/// How many [`Effect::Person`] wait for a consumer at most. A guess: minutes of work for whoever asks providers.
pub const MAX_PERSONS: usize = 10_000;

/// What followed from some facts, merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectBatch {
    /// The last of these facts. Every reader sees it.
    pub through: Seq,
    /// What has to be looked at. Empty when nothing follows from these facts.
    pub effects: BTreeSet<Effect>,
    /// Whether other tables have taken the place of those that served, see [`Store::rebuilding`](crate::Store::rebuilding). Any row may
    /// be another one then, so whoever acts on effects acts as at the start.
    pub replaced: bool,
}

/// The effects of applied facts, for one consumer. They keep no store open.
#[derive(Debug)]
pub struct Effects {
    mailbox: Arc<Mailbox>,
}

impl Effects {
    /// What followed from the facts that were applied since the last call, as soon as there is any; none when the store is closed and
    /// everything was taken. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<EffectBatch> {
        loop {
            let ready = self.mailbox.ready.notified();
            {
                let mut inner = lock(&self.mailbox.inner);
                if let Some(batch) = inner.take() {
                    return Some(batch);
                }
                if inner.closed {
                    return None;
                }
            }
            ready.await;
        }
    }
}

/// Gives what is published to every consumer that is still there.
#[derive(Debug, Default)]
pub(crate) struct EffectsHub {
    consumers: Mutex<Consumers>,
}

#[derive(Debug, Default)]
struct Consumers {
    mailboxes: Vec<Weak<Mailbox>>,
    closed: bool,
}

impl EffectsHub {
    pub(crate) fn subscribe(&self) -> Effects {
        let mut consumers = lock(&self.consumers);
        let mailbox = Arc::new(Mailbox::default());
        lock(&mailbox.inner).closed = consumers.closed;
        consumers.mailboxes.push(Arc::downgrade(&mailbox));
        Effects { mailbox }
    }

    /// Called in the order of the facts, after they are visible.
    pub(crate) fn publish(&self, through: Seq, effects: Vec<Effect>) {
        self.each(|inner| inner.add(through, &effects));
    }

    /// Other tables serve now.
    pub(crate) fn publish_replaced(&self, through: Seq) {
        self.each(|inner| {
            inner.add(through, &[]);
            inner.replaced = true;
        });
    }

    /// Nothing more will be published.
    pub(crate) fn close(&self) {
        lock(&self.consumers).closed = true;
        self.each(|inner| inner.closed = true);
    }

    fn each(&self, mut change: impl FnMut(&mut Waiting)) {
        lock(&self.consumers).mailboxes.retain(|mailbox| {
            let Some(mailbox) = mailbox.upgrade() else { return false };
            change(&mut lock(&mailbox.inner));
            mailbox.ready.notify_one();
            true
        });
    }
}

#[derive(Debug, Default)]
struct Mailbox {
    inner: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    through: Option<Seq>,
    effects: BTreeSet<Effect>,
    persons: usize,
    replaced: bool,
    closed: bool,
}

impl Waiting {
    fn add(&mut self, through: Seq, effects: &[Effect]) {
        self.through = Some(through);
        for effect in effects {
            let is_person = matches!(effect, Effect::Person(..));
            if is_person && self.persons >= MAX_PERSONS {
                continue;
            }
            if self.effects.insert(effect.clone()) && is_person {
                self.persons += 1;
            }
        }
    }

    fn take(&mut self) -> Option<EffectBatch> {
        let through = self.through.take()?;
        self.persons = 0;
        let (effects, replaced) = (std::mem::take(&mut self.effects), std::mem::take(&mut self.replaced));
        Some(EffectBatch { through, effects, replaced })
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::{ChannelId, IdentityId};

    use super::*;

    fn channel(name: &str) -> ChannelId {
        name.parse().unwrap()
    }

    fn person(n: usize) -> Effect {
        Effect::Person(channel("shop"), IdentityId::new(Seq(n as u64), 0))
    }

    #[tokio::test]
    async fn batches_that_wait_are_merged_and_reach_every_consumer() {
        let hub = EffectsHub::default();
        let (mut one, mut other) = (hub.subscribe(), hub.subscribe());
        hub.publish(Seq(3), vec![Effect::Outbox(channel("shop")), Effect::Skipped]);
        hub.publish(Seq(7), vec![Effect::Outbox(channel("shop")), Effect::Files(channel("shop"))]);
        let effects = [Effect::Outbox(channel("shop")), Effect::Files(channel("shop")), Effect::Skipped];
        let merged = EffectBatch { through: Seq(7), effects: BTreeSet::from(effects), replaced: false };
        assert_eq!(one.next().await, Some(merged.clone()));
        assert_eq!(other.next().await, Some(merged));
        hub.publish(Seq(8), Vec::new());
        hub.publish_replaced(Seq(8));
        assert_eq!(one.next().await, Some(EffectBatch { through: Seq(8), effects: BTreeSet::new(), replaced: true }));
    }

    #[tokio::test]
    async fn what_was_published_before_the_end_is_taken_before_the_end_is_told() {
        let hub = EffectsHub::default();
        let mut effects = hub.subscribe();
        hub.publish(Seq(1), vec![Effect::Skipped]);
        hub.close();
        assert_eq!(effects.next().await.map(|batch| batch.through), Some(Seq(1)));
        assert_eq!(effects.next().await, None);
        assert_eq!(hub.subscribe().next().await, None);
    }

    #[tokio::test]
    async fn a_consumer_that_waits_is_woken() {
        let hub = EffectsHub::default();
        let mut effects = hub.subscribe();
        let publish = async {
            tokio::task::yield_now().await;
            hub.publish(Seq(1), vec![Effect::Skipped]);
        };
        let (batch, ()) = tokio::join!(effects.next(), publish);
        assert_eq!(batch.map(|batch| batch.through), Some(Seq(1)));
    }

    #[tokio::test]
    async fn more_persons_than_the_bound_are_dropped_and_nothing_else_is() {
        let hub = EffectsHub::default();
        let mut effects = hub.subscribe();
        hub.publish(Seq(1), (0..MAX_PERSONS + 5).map(person).collect());
        hub.publish(Seq(2), vec![Effect::Files(channel("shop"))]);
        let batch = effects.next().await.unwrap();
        assert_eq!(batch.effects.len(), MAX_PERSONS + 1);
        assert!(batch.effects.contains(&Effect::Files(channel("shop"))));
        hub.publish(Seq(3), vec![person(1)]);
        assert_eq!(effects.next().await.unwrap().effects.len(), 1);
    }
}
