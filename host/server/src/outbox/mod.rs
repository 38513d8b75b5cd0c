//! Messages out: one worker a channel, which reads the channel's outbox from the views and keeps nothing of its own that matters.
//!
//! An attempt is recorded before it starts ([`attempt`]), so that a crash in its middle leaves a message that is known to be uncertain.
//!
//! * [`worker`]: what may start now, and when to look again.
//! * [`verdict`]: what an answer of the connector means for the message.
//!
//! The channel's rate is a [`bucket`](crate::jobs::bucket). How long to wait after a failure is told in [`backoff`](crate::jobs::backoff).

mod attempt;
pub mod verdict;
mod worker;

use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, SendResult};
use jackfield_core::rows::Channel;
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_store::{AppendError, Store};

use crate::clock;
use crate::host::Host;
use crate::jobs::supervisor;

/// The outbox could not be put in order at start-up.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The views.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Says of every attempt that was running when the host stopped what can be said: that nobody can tell, or, where repeating is safe,
/// that it is tried again. Before anything else sends.
///
/// # Errors
/// When the store cannot be read or appended to.
pub async fn settle(store: &Store) -> Result<u64, SettleError> {
    let mut settled = 0;
    for channel in operations::channels(&store.read())? {
        for outgoing in operations::outbox(&store.read(), &channel.id, usize::MAX)? {
            if let Some(attempt) = outgoing.running {
                let result = interrupted(&channel);
                let fact = Fact::SendEnded {
                    message: outgoing.message,
                    attempt,
                    result,
                    source: None,
                    events: Vec::new(),
                    state: Vec::new(),
                };
                store.append(Actor::Host, fact).await?;
                settled += 1;
            }
        }
    }
    Ok(settled)
}

fn interrupted(channel: &Channel) -> SendResult {
    let message = "The host stopped in the middle of this attempt, so nobody can tell whether it was sent.";
    let problem = Problem { message: String::from(message), code: Some(String::from("interrupted")) };
    match channel.rules.idempotent {
        true => SendResult::Retry { at: clock::now(), problem },
        false => SendResult::Uncertain { problem },
    }
}

/// Sends until the host stops; returns when every attempt has ended and is recorded.
pub async fn run(host: Arc<Host>) {
    supervisor::one_for_each(host, "outbox", worker::run).await;
}
