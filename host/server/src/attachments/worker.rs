//! The files that are wanted as work that becomes due.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::fact::{Actor, Fact};
use jackfield_core::ids::{MessageId, Millis};
use jackfield_core::keys;
use jackfield_core::rows::{self, Message, Wanted};
use jackfield_core::tables;
use jackfield_core::views::operations;
use tokio::sync::Notify;

use super::fetch::{self, RetryDecision};
use super::{AttachmentError, find_stored};
use crate::channels::ChannelRuntime;
use crate::clock;
use crate::host::Host;
use crate::jobs::worker::{self, Selection, Work};
use crate::outbox::backoff;

/// Attempts after which a file is given up. From the tenth on they are up to ten minutes apart, so the last comes some eight hours after the
/// first: long enough for a provider's bad day, or for a grant that was forgotten.
const ATTEMPTS: u32 = 100;

/// The first wait after an attempt that came to nothing, milliseconds.
const FIRST_WAIT: u64 = 2_000;

/// How long to wait where nothing could be tried: nothing serves, no place was free, the disk or the store failed.
const TROUBLE: Duration = Duration::from_secs(2);

/// Fetches what is wanted of a channel until the host stops or the configuration says something else of the channel. What is cut off in
/// the middle is fetched after the next start.
pub(super) async fn run(host: Arc<Host>, channel: Arc<ChannelRuntime>) {
    let files = Files { host: Arc::clone(&host), channel: Arc::clone(&channel), hold: Millis(0) };
    let places = channel.limits.media_concurrency;
    worker::run(host, channel, files, places).await;
}

struct Files {
    host: Arc<Host>,
    channel: Arc<ChannelRuntime>,
    /// Nothing is started before this time.
    hold: Millis,
}

impl Work for Files {
    type Item = Wanted;
    type Key = (MessageId, u16);

    const DRAINS: bool = false;

    fn wake(channel: &ChannelRuntime) -> &Notify {
        &channel.files
    }

    fn held_until(&self) -> Millis {
        self.hold
    }

    fn select(&self, busy: &HashSet<Self::Key>, now: Millis, places: usize) -> tables::Result<Selection<Wanted>> {
        let rows = operations::wanted(&self.host.view(), &self.channel.id, usize::MAX)?;
        Ok(select(rows, busy, now, places))
    }

    fn key(&self, item: &Wanted) -> Self::Key {
        (item.message, item.part)
    }

    fn attempt(&self, item: Wanted) -> impl Future<Output = Option<Millis>> + Send + 'static {
        let (host, channel) = (Arc::clone(&self.host), Arc::clone(&self.channel));
        async move {
            let went_well = attempt(&host, &channel, &item).await;
            (!went_well).then(|| Millis(clock::now().0.saturating_add(clock::millis(TROUBLE))))
        }
    }

    fn ended(&mut self, hold: Option<Option<Millis>>) {
        // A panic is trouble, too.
        let hold = hold.unwrap_or_else(|| Some(Millis(clock::now().0.saturating_add(clock::millis(TROUBLE)))));
        self.hold = self.hold.max(hold.unwrap_or_default());
    }
}

/// Picks what is due: files that were never tried first, the newest of them first, since providers give files out for minutes only; then
/// those that failed before, what is due longest first.
fn select(rows: Vec<Wanted>, busy: &HashSet<(MessageId, u16)>, now: Millis, places: usize) -> Selection<Wanted> {
    let free = rows.into_iter().filter(|row| !busy.contains(&(row.message, row.part)));
    let (due, later): (Vec<Wanted>, Vec<Wanted>) = free.partition(|row| backoff::is_due(row.at, row.attempts, now));
    let (mut fresh, mut tried): (Vec<Wanted>, Vec<Wanted>) = due.into_iter().partition(|row| row.attempts == 0);
    fresh.reverse();
    tried.sort_by_key(|row| row.at);
    fresh.extend(tried);
    fresh.truncate(places);
    Selection { due: fresh, next: later.iter().map(|row| row.at).min() }
}

/// One attempt, written down. Whether it went as it should, file or not.
async fn attempt(host: &Host, channel: &ChannelRuntime, row: &Wanted) -> bool {
    run_attempt(host, channel, row).await.unwrap_or_else(|error| {
        tracing::error!(channel = %channel.id, message = %row.message, "a file cannot be fetched now: {error}");
        false
    })
}

async fn run_attempt(host: &Host, channel: &ChannelRuntime, row: &Wanted) -> Result<bool, AttachmentError> {
    let file = (row.message, row.part);
    let _turn = host.fetching.take(file).await;
    let message: Option<Message> = rows::get(&host.view(), &keys::message(row.message))?;
    let media = message.and_then(|message| message.parts.get(usize::from(row.part))?.media().cloned());
    // It was taken back meanwhile, or somebody else fetched it.
    let Some(media) = media else { return Ok(true) };
    if find_stored(host, row.message, row.part, &media).await?.is_some() {
        return Ok(true);
    }
    let reference = media.reference().map(str::to_owned);
    let Err(missed) = fetch::fetch(host, channel, file, media).await? else { return Ok(true) };
    let Some(again) = again(missed.then, row.attempts + 1) else { return Ok(false) };
    if again.is_none() {
        tracing::warn!(channel = %channel.id, message = %row.message, part = row.part, "a file will not be had: {}", missed.problem.message);
    }
    let (channel, message, part) = (channel.id.clone(), row.message, row.part);
    let actor = Actor::Channel(channel.clone());
    let fact = Fact::AttachmentMissed { channel, message, part, reference, again, problem: missed.problem };
    host.append(actor, fact).await?;
    Ok(true)
}

/// When a file is tried again after attempt number `number`, if it is; none if the attempt does not count.
fn again(then: RetryDecision, number: u32) -> Option<Option<Millis>> {
    match then {
        RetryDecision::Wait => None,
        RetryDecision::Again(after_ms) if number < ATTEMPTS => {
            let own = || backoff::wait(number, FIRST_WAIT, backoff::random());
            let wait = after_ms.map_or_else(own, backoff::asked_for);
            Some(Some(Millis(clock::now().0.saturating_add(wait))))
        }
        RetryDecision::Again(_) | RetryDecision::Never => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::ids::Seq;

    use super::*;

    fn row(seq: u64, at: u64, attempts: u32) -> Wanted {
        Wanted { message: MessageId::new(Seq(seq), 0), part: 0, at: Millis(at), attempts }
    }

    #[test]
    fn a_new_file_does_not_wait_behind_thousands_that_are_tried_again() {
        let mut rows: Vec<Wanted> = (1..=5_000).map(|seq| row(seq, 90, 3)).collect();
        rows.push(row(5_001, 500, 0));
        let selection = select(rows, &HashSet::new(), Millis(100), 2);
        let picked: Vec<u64> = selection.due.iter().map(|row| row.message.seq().0).collect();
        assert_eq!(picked, [5_001, 1]);
    }

    #[test]
    fn what_is_due_later_says_when_and_what_runs_is_not_started_twice() {
        let rows = vec![row(1, 90, 1), row(2, 700, 1), row(3, 300, 1)];
        let busy = HashSet::from([(MessageId::new(Seq(1), 0), 0)]);
        assert_eq!(select(rows, &busy, Millis(100), 8), Selection { due: Vec::new(), next: Some(Millis(300)) });
    }

    #[test]
    fn a_file_is_asked_for_within_bounds_whatever_the_provider_says() {
        let wait = |after_ms| match again(RetryDecision::Again(Some(after_ms)), 1) {
            Some(Some(at)) => at.0.saturating_sub(clock::now().0),
            other => panic!("{other:?}"),
        };
        assert!((900..=1_000).contains(&wait(0)), "{}", wait(0));
        assert!(wait(u64::MAX) <= backoff::LONGEST);
    }
}
