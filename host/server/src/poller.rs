//! Channels without webhooks: asked for what is new, again and again.
//!
//! One question at a time for a channel, whichever generation answers it: one worker asks, and waits until the answer is on stable
//! storage, so that two generations, or two configurations, never ask the same account at once ([`supervisor`]). The cursor is stored
//! together with the events it stands behind.

use std::sync::Arc;
use std::time::Duration;

use jackfield_core::canonical;
use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, Outcome, Source};
use jackfield_core::tables;
use jackfield_core::views::operations;
use jackfield_sandbox::Failure;
use jackfield_store::Committed;

use crate::channels::{Answered, ChannelRuntime};
use crate::host::Host;
use crate::jobs::backoff;
use crate::jobs::supervisor;

/// At least so long, whatever it says, unless more is there already.
const SHORTEST: Duration = Duration::from_millis(100);
/// At most so long, whatever it says.
const LONGEST: Duration = Duration::from_secs(3_600);
/// The first wait after a question that came to nothing, milliseconds; it doubles with each further one.
const FIRST_WAIT: u64 = 1_000;

/// Polls until the host stops.
pub async fn run(host: Arc<Host>) {
    supervisor::one_for_each(host, "poll", poll).await;
}

/// Polls one channel until the host stops or the configuration says something else of the channel.
async fn poll(host: Arc<Host>, channel: Arc<ChannelRuntime>) {
    let mut failures = 0;
    loop {
        let pause = match is_due(&host, &channel) {
            // The reactor wakes it when a generation, the pause or a grant has changed.
            Ok(false) => None,
            Err(error) => {
                tracing::error!(channel = %channel.id, "it cannot be told whether to poll: {error}");
                failures += 1;
                Some(after(failures))
            }
            Ok(true) => tokio::select! {
                () = host.stop.begun() => return,
                asked = ask(&host, &channel) => match asked {
                    Ok(pause) => {
                        failures = 0;
                        Some(pause)
                    }
                    Err(wait) => {
                        failures += 1;
                        Some(wait.unwrap_or_else(|| after(failures)))
                    }
                }
            },
        };
        let waited = async {
            match pause {
                // What wakes it does not make it ask a provider earlier than it may.
                Some(pause) => tokio::time::sleep(pause).await,
                None => channel.polls.notified().await,
            }
        };
        tokio::select! {
            () = host.stop.begun() => return,
            () = channel.gone.cancelled() => return,
            () = waited => {}
        }
    }
}

fn is_due(host: &Host, channel: &ChannelRuntime) -> tables::Result<bool> {
    if !channel.serving().is_some_and(|(generation, _)| generation.connector.interfaces().poll) {
        return Ok(false);
    }
    let row = operations::channel(&host.view(), &channel.id)?;
    Ok(row.is_some_and(|row| !row.is_suspended()))
}

/// One question. How long to wait before the next; or, if it came to nothing, how long the channel said to wait.
async fn ask(host: &Host, channel: &ChannelRuntime) -> Result<Duration, Option<Duration>> {
    let cursor = operations::cursor(&host.view(), &channel.id).map_err(|error| {
        tracing::error!(channel = %channel.id, "the cursor cannot be read: {error}");
        None
    })?;
    let Answered { source, ended } = channel.poll(cursor.clone()).await;
    let call = ended.map_err(|error| {
        tracing::warn!(channel = %channel.id, kind = error.kind.as_str(), "polling failed: {error}");
        None
    })?;
    let batch = match call.result {
        Ok(batch) => batch,
        Err(failure) => return Err(refused(host, channel, source, failure).await),
    };
    let moved = batch.cursor.is_some() && batch.cursor != cursor;
    let pause = match (batch.more, moved) {
        (true, true) => Duration::ZERO,
        // Whoever asks again from the same place gets the same again.
        (true, false) => SHORTEST,
        (false, _) => batch.wait.unwrap_or_else(|| channel.config.limits.poll()).clamp(SHORTEST, LONGEST),
    };
    if batch.events.is_empty() && batch.unreadable.is_empty() && call.effects.state.is_empty() && !moved {
        return Ok(pause);
    }
    let events = canonical::events(batch.events, &channel.context());
    let (state, unreadable) = (call.effects.state, batch.unreadable);
    let polled = |events, state, unreadable| Fact::Polled {
        channel: channel.id.clone(),
        source: source.clone(),
        events,
        state,
        unreadable,
        cursor: batch.cursor.clone(),
    };
    let (actor, fact) = (Actor::Channel(channel.id.clone()), polled(events, state, unreadable));
    let stored = match host.append(actor.clone(), fact).await {
        // It is kept, and a mended version applies it. To ask from the same place would bring the same again.
        Ok(Committed { outcome: Outcome::Skipped { reason }, .. }) => {
            tracing::error!(channel = %channel.id, "what polling brought met a defect, and is passed over: {reason}");
            host.append(actor, polled(Vec::new(), Vec::new(), Vec::new())).await
        }
        stored => stored,
    };
    match stored {
        Ok(Committed { outcome: Outcome::Skipped { .. }, .. }) => Err(None),
        Ok(_) => Ok(pause),
        Err(error) => {
            tracing::error!(channel = %channel.id, "what polling brought cannot be stored, and will be asked for again: {error}");
            Err(None)
        }
    }
}

async fn refused(host: &Host, channel: &ChannelRuntime, source: Source, failure: Failure) -> Option<Duration> {
    tracing::warn!(channel = %channel.id, class = failure.class(), "polling failed: {}", failure.problem().message);
    match failure {
        Failure::Retry { after_ms, .. } | Failure::RateLimited { after_ms, .. } => {
            after_ms.map(|ms| Duration::from_millis(ms).clamp(SHORTEST, LONGEST))
        }
        Failure::Credentials(problem) => {
            park(host, channel, source, problem).await;
            None
        }
        _ => None,
    }
}

/// Asking on with credentials that do not work would only lock the account.
async fn park(host: &Host, channel: &ChannelRuntime, source: Source, problem: Problem) {
    let fact = Fact::ChannelParked { channel: channel.id.clone(), source: Some(source), problem };
    if let Err(error) = host.append(Actor::Channel(channel.id.clone()), fact).await {
        tracing::error!(channel = %channel.id, "the channel cannot be parked: {error}");
    }
}

fn after(failures: u32) -> Duration {
    Duration::from_millis(backoff::wait(failures, FIRST_WAIT, backoff::random())).max(SHORTEST)
}
