//! The files that are wanted as work that becomes due.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::fact::{Actor, Fact};
use jackfield_core::ids::{MessageId, Millis};
use jackfield_core::rows::Wanted;
use jackfield_core::tables;
use jackfield_core::views::operations;
use tokio::sync::Notify;

use super::fetch::{self, RetryDecision};
use super::{AttachmentError, find_stored};
use crate::channels::ChannelRuntime;
use crate::clock;
use crate::host::Host;
use crate::jobs::backoff;
use crate::jobs::worker::{self, Selection, Work};

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
        let view = self.host.view();
        let due = |now, limit| operations::due_files(&view, &self.channel.id, now, limit);
        let is_due =
            |row: &Wanted| backoff::is_due(row.at, row.attempts, now) && !busy.contains(&(row.message, row.part));
        worker::due(due, is_due, now, busy.len(), places)
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
    let message = operations::message(&host.view(), row.message)?;
    let media = message.and_then(|message| message.parts.get(usize::from(row.part))?.media().cloned());
    // It was taken back meanwhile, or somebody else fetched it.
    let Some(media) = media else { return Ok(true) };
    if find_stored(host, row.message, row.part, &media).await?.is_some() {
        return Ok(true);
    }
    let reference = media.reference().map(str::to_owned);
    let Err(missed) = fetch::fetch(host, channel, file, media).await? else { return Ok(true) };
    let Some(again) = again(missed.then, row.attempts + 1) else { return Ok(false) };
    if operations::message(&host.view(), row.message)?.is_none() {
        return Ok(true);
    }
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
    use super::*;

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
