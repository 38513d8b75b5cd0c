//! Which ends of attempts to send counted, and which were refused.
//!
//! The tables do not tell: a message keeps the latest of its history only. So attempts are followed through the journal, by the rules of
//! the outbox. An end that was refused must not come to anything once its message is erased.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{Entry, Fact, SendResult};
use crate::ids::{ChannelId, MessageId, Seq};

/// The attempts of a journal, as far as it was looked through.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    running: BTreeMap<MessageId, u32>,
    /// The person's messages that are not to be sent any more, or wait for somebody to ask for it.
    left_outbox: BTreeSet<MessageId>,
    counted: BTreeSet<Seq>,
    /// Facts up to here that are looked through again change nothing.
    followed: Seq,
}

impl Attempts {
    /// Takes note of the next fact. `until` is the fact that had the person erased, and `messages` are the person's.
    pub(super) fn follow(&mut self, entry: &Entry, until: Seq, messages: &BTreeMap<MessageId, ChannelId>) {
        if entry.seq <= self.followed {
            return;
        }
        self.followed = entry.seq;
        match &entry.fact {
            Fact::SendStarted { message, attempt } => {
                let is_erased = entry.seq > until && messages.contains_key(message);
                if !is_erased && !self.left_outbox.contains(message) {
                    self.running.entry(*message).or_insert(*attempt);
                }
            }
            Fact::SendEnded { message, attempt, result, .. } if self.running.get(message) == Some(attempt) => {
                self.running.remove(message);
                self.counted.insert(entry.seq);
                let waits = matches!(result, SendResult::Retry { .. } | SendResult::Credentials { .. });
                if !waits && messages.contains_key(message) {
                    self.left_outbox.insert(*message);
                }
            }
            Fact::RetryRequested { message } => _ = self.left_outbox.remove(message),
            _ => {}
        }
    }

    /// Whether an end of an attempt counted.
    pub(super) fn counts(&self, ended: Seq) -> bool {
        self.counted.contains(&ended)
    }
}
