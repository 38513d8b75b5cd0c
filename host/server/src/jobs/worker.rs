//! One channel's worker for work that becomes due. It reads what is due from the tables and keeps nothing of its own that matters.

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jackfield_core::ids::Millis;
use jackfield_core::tables;
use jackfield_core::views::operations;
use tokio::sync::Notify;

use super::lane::{Ended, Lane};
use crate::channels::ChannelRuntime;
use crate::clock;
use crate::host::Host;
use crate::jobs::backoff;

/// How long to wait when the views cannot be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What may start, and when there is something to do again.
#[derive(Debug, PartialEq, Eq)]
pub struct Selection<T> {
    /// May start now, what is due longest first.
    pub due: Vec<T>,
    /// The earliest time at which another becomes due; none if none waits for a time.
    pub next: Option<Millis>,
}

/// Picks at most `places` items out of an index by time. `read` gives up to so many that are due at a time, and when the next one is;
/// `may` says whether one may start.
///
/// # Errors
/// Those of `read`.
pub fn due<T>(
    read: impl Fn(Millis, usize) -> tables::Result<(Vec<T>, Option<Millis>)>,
    may: impl Fn(&T) -> bool,
    now: Millis,
    busy: usize,
    places: usize,
) -> tables::Result<Selection<T>> {
    // Those that run may be among what is due.
    let limit = places.saturating_add(busy);
    let (mut due, mut next) = read(now, limit)?;
    if next.is_some_and(|at| at.0 > now.0.saturating_add(backoff::LONGEST)) {
        // Nothing waits for so long: the clock was ahead when that was written.
        (due, next) = read(Millis(u64::MAX), limit)?;
    }
    due.retain(|item| may(item));
    due.truncate(places);
    // Where the limit was reached, the end of what runs has it looked at again.
    Ok(Selection { due, next: next.filter(|at| *at > now && at.0 < u64::MAX) })
}

/// A kind of work.
pub trait Work: Send {
    /// Something to be done.
    type Item: Send;
    /// Two items with one key are never worked on at the same time.
    type Key: Clone + Eq + Hash + Send;

    /// Whether attempts that run when the host stops are waited for. What is not waited for is dropped.
    const DRAINS: bool;

    /// What wakes the worker when there may be more to do.
    fn wake(channel: &ChannelRuntime) -> &Notify;

    /// The most that may be started now, and how long to wait for more where that is less than there are places.
    fn allowance(&mut self) -> (usize, Duration) {
        (usize::MAX, Duration::ZERO)
    }

    /// One of the allowance is used.
    fn use_one(&mut self) {}

    /// Until when nothing is started.
    fn held_until(&self) -> Millis;

    /// Reads what may start, at most `places` items, none of which has a key that is `busy`.
    ///
    /// # Errors
    /// When the views cannot be read.
    fn select(&self, busy: &HashSet<Self::Key>, now: Millis, places: usize) -> tables::Result<Selection<Self::Item>>;

    /// The key of an item.
    fn key(&self, item: &Self::Item) -> Self::Key;

    /// Brings to a truthful end what attempts that broke off left behind, so that it is due again or over. Called before anything is
    /// started, and after an attempt has panicked; the attempts that run have the keys `busy`. False if that has to be tried again.
    fn recover(&mut self, _busy: &HashSet<Self::Key>) -> impl Future<Output = bool> + Send {
        std::future::ready(true)
    }

    /// One attempt, with its end written down. Until when nothing more is to be started, if the attempt says so.
    fn attempt(&self, item: Self::Item) -> impl Future<Output = Option<Millis>> + Send + 'static;

    /// An attempt ended; `hold` is none if it panicked.
    fn ended(&mut self, hold: Option<Option<Millis>>);
}

/// Works until the host stops or the configuration says something else of the channel. Where the worker panics, attempts that are waited
/// for at a stop come to their end first.
pub async fn run<W: Work>(host: Arc<Host>, channel: Arc<ChannelRuntime>, mut work: W, places: usize) {
    let mut lane = Lane::new(places);
    let worked = AssertUnwindSafe(work_on(&host, &channel, &mut work, &mut lane)).catch_unwind().await;
    if W::DRAINS {
        while let Some(Ended { result, .. }) = lane.ended().await {
            if worked.is_ok() {
                work.ended(result);
            }
        }
    }
    if let Err(panic) = worked {
        resume_unwind(panic);
    }
}

async fn work_on<W: Work>(
    host: &Host,
    channel: &ChannelRuntime,
    work: &mut W,
    lane: &mut Lane<W::Key, Option<Millis>>,
) {
    // What a worker before this one left behind is not known.
    let mut broke_off = true;
    while !host.stop.has_begun() && !channel.gone.is_cancelled() {
        broke_off = broke_off && !work.recover(&lane.busy()).await;
        let pause = match broke_off {
            true => Some(READ_AGAIN),
            false => start(host, channel, work, lane).unwrap_or_else(|error| {
                tracing::error!(channel = %channel.id, "what is to be done cannot be read: {error}");
                Some(READ_AGAIN)
            }),
        };
        let until = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = host.stop.begun() => {}
            () = channel.gone.cancelled() => {}
            () = W::wake(channel).notified() => {}
            Some(Ended { result, .. }) = lane.ended() => {
                broke_off |= result.is_none();
                work.ended(result);
            }
            () = until => {}
        }
    }
}

/// Starts what may start. How long to wait at most before looking again; none is until something happens.
fn start<W: Work>(
    host: &Host,
    channel: &ChannelRuntime,
    work: &mut W,
    lane: &mut Lane<W::Key, Option<Millis>>,
) -> tables::Result<Option<Duration>> {
    // The reactor wakes the worker when either changes.
    if operations::channel(&host.view(), &channel.id)?.is_none_or(|row| row.is_suspended())
        || channel.serving().is_none()
    {
        return Ok(None);
    }
    let now = clock::now();
    if !backoff::is_due(work.held_until(), 1, now) {
        return Ok(Some(clock::until(work.held_until())));
    }
    let free = lane.free();
    let (allowed, wait) = work.allowance();
    let places = free.min(allowed);
    if places == 0 {
        // The end of an attempt makes a place, time makes an allowance.
        return Ok((free > 0).then_some(wait));
    }
    let Selection { due, next } = work.select(&lane.busy(), now, places)?;
    let all_places_taken = due.len() >= places;
    for item in due {
        work.use_one();
        let key = work.key(&item);
        lane.start(key, work.attempt(item));
    }
    Ok(match all_places_taken {
        false => next.map(clock::until),
        true if free <= allowed => None,
        true => Some(wait),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index by time.
    fn index(times: &[u64]) -> impl Fn(Millis, usize) -> tables::Result<(Vec<u64>, Option<Millis>)> + '_ {
        |now, limit| {
            let due: Vec<u64> = times.iter().copied().filter(|at| *at <= now.0).take(limit).collect();
            Ok((due.clone(), times.get(due.len()).map(|at| Millis(*at)).filter(|at| *at > now)))
        }
    }

    #[test]
    fn what_is_due_longest_comes_first_and_what_comes_next_says_when() {
        let now = Millis(100);
        let selection = due(index(&[0, 50, 90, 300]), |at| *at != 0, now, 1, 8).unwrap();
        assert_eq!(selection, Selection { due: vec![50, 90], next: Some(Millis(300)) });
        assert_eq!(due(index(&[0, 50, 90]), |_| true, now, 0, 2).unwrap().due, [0, 50]);
    }

    #[test]
    fn a_time_that_a_wrong_clock_wrote_holds_nothing_back() {
        let (now, ahead) = (Millis(100), 100 + 7 * 60 * 60 * 1_000);
        let selection = due(index(&[ahead]), |at| backoff::is_due(Millis(*at), 3, now), now, 0, 8).unwrap();
        assert_eq!(selection.due, [ahead]);
    }
}
