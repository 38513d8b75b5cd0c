//! The worker of one channel: fetches what is due, and knows when to look again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::fact::{Actor, Fact};
use jackfield_core::ids::{MessageId, Millis};
use jackfield_core::keys;
use jackfield_core::rows::{self, Message, Wanted};
use jackfield_core::tables;
use jackfield_core::views::operations;
use tokio::task::{self, JoinError, JoinSet};

use super::fetch::{self, Then};
use super::{AttachmentError, here};
use crate::channels::ChannelRuntime;
use crate::clock;
use crate::host::Host;
use crate::outbox::backoff;

/// Attempts after which a file is given up. From the tenth on they are up to ten minutes apart, so the last comes some eight hours after the
/// first: long enough for a provider's bad day, or for a grant that was forgotten.
const ATTEMPTS: u32 = 100;

/// The first wait after an attempt that came to nothing, milliseconds.
const FIRST_WAIT: u64 = 2_000;

/// How long to wait where nothing could be tried: nothing serves, no place was free, the disk or the store failed.
const TROUBLE: Duration = Duration::from_secs(2);

/// How many of the files that are wanted are looked at in one go. Only behind more than these that all wait for their next attempt would
/// one have to wait too, and then only until some of them have come or are given up.
const LOOKED_AT: usize = 1_000;

/// Fetches what is wanted of a channel until the host stops or the configuration says something else of the channel.
pub(super) async fn run(host: Arc<Host>, channel: Arc<ChannelRuntime>) {
    let mut worker = Worker { host, channel, running: JoinSet::new(), busy: HashMap::new(), hold: Millis(0) };
    loop {
        let pause = worker.start().unwrap_or_else(|error| {
            tracing::error!(channel = %worker.channel.id, "what is to be fetched cannot be read: {error}");
            Some(TROUBLE)
        });
        let until = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What is cut off in the middle is fetched after the next start.
            () = worker.host.stop.begun() => return,
            () = worker.channel.gone.cancelled() => return,
            () = worker.channel.files.notified() => {}
            Some(ended) = worker.running.join_next_with_id() => worker.ended(ended),
            () = until => {}
        }
    }
}

struct Worker {
    host: Arc<Host>,
    channel: Arc<ChannelRuntime>,
    /// Whether each went as it should.
    running: JoinSet<bool>,
    /// The files that attempts run for.
    busy: HashMap<task::Id, (MessageId, u16)>,
    /// Nothing is started before this time.
    hold: Millis,
}

impl Worker {
    /// Starts what is due, as far as there are places. How long to wait before looking again; none is until something happens.
    fn start(&mut self) -> tables::Result<Option<Duration>> {
        let (view, now) = (self.host.view(), clock::now());
        if self.hold > now {
            return Ok(Some(clock::until(self.hold)));
        }
        if operations::channel(&view, &self.channel.id)?.is_none_or(|row| row.is_quiet()) {
            return Ok(None);
        }
        let mut next: Option<Millis> = None;
        for row in operations::wanted(&view, &self.channel.id, LOOKED_AT)? {
            let file = (row.message, row.part);
            if row.at > now {
                next = Some(next.map_or(row.at, |next| next.min(row.at)));
            } else if self.running.len() >= self.channel.limits.media_concurrency {
                // The end of one makes a place for the next.
                return Ok(None);
            } else if !self.busy.values().any(|busy| *busy == file) {
                let (host, channel) = (Arc::clone(&self.host), Arc::clone(&self.channel));
                let task = self.running.spawn(async move { attempt(&host, &channel, &row).await });
                self.busy.insert(task.id(), file);
            }
        }
        Ok(next.map(clock::until))
    }

    fn ended(&mut self, ended: Result<(task::Id, bool), JoinError>) {
        let (id, well) = ended.unwrap_or_else(|error| {
            tracing::error!(channel = %self.channel.id, "a fetch has broken off: {error}");
            (error.id(), false)
        });
        self.busy.remove(&id);
        if !well {
            self.hold = Millis(clock::now().0 + clock::millis(TROUBLE));
        }
    }
}

/// One attempt, written down. Whether it went as it should, file or not.
async fn attempt(host: &Host, channel: &ChannelRuntime, row: &Wanted) -> bool {
    one(host, channel, row).await.unwrap_or_else(|error| {
        tracing::error!(channel = %channel.id, message = %row.message, "a file cannot be fetched now: {error}");
        false
    })
}

async fn one(host: &Host, channel: &ChannelRuntime, row: &Wanted) -> Result<bool, AttachmentError> {
    let file = (row.message, row.part);
    let _turn = host.fetching.take(file).await;
    let message: Option<Message> = rows::get(&host.view(), &keys::message(row.message))?;
    let media = message.and_then(|message| message.parts.get(usize::from(row.part))?.media().cloned());
    // It was taken back meanwhile, or somebody else fetched it.
    let Some(media) = media else { return Ok(true) };
    if here(host, row.message, row.part, &media).await?.is_some() {
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
fn again(then: Then, number: u32) -> Option<Option<Millis>> {
    match then {
        Then::Wait => None,
        Then::Again(after_ms) if number < ATTEMPTS => {
            let wait = after_ms.unwrap_or_else(|| backoff::wait(number, FIRST_WAIT, backoff::random()));
            Some(Some(Millis(clock::now().0.saturating_add(wait))))
        }
        Then::Again(_) | Then::Never => Some(None),
    }
}
