//! Everything that is loaded: connectors, and the channels that use them.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jackfield_core::canonical::Context;
use jackfield_core::event::{Identifier, Problem};
use jackfield_core::fact::{ChannelRules, Source};
use jackfield_core::ids::{ChannelId, Millis};
use jackfield_sandbox::{
    Call, CallError, Channel, Connector, Delivery, Failure, Grants, Health, Hints, Limits, Receipt, Received, Request,
    Step, Usage,
};
use tokio::sync::{Notify, Semaphore};

use crate::clock;
use crate::metrics::Metrics;

/// How many calls the percentiles of a channel look back on.
const RECENT_CALLS: usize = 512;

/// A connector that was loaded.
#[derive(Debug)]
pub struct LoadedConnector {
    /// The name that the configuration gives it.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// Manifest, digest, interfaces.
    pub connector: Arc<Connector>,
    /// Which loaded version of this name it is, from 1.
    pub generation: u64,
    /// When it was loaded.
    pub loaded_at: Millis,
}

/// What is loaded.
#[derive(Debug, Default)]
pub struct Channels {
    connectors: Vec<Arc<LoadedConnector>>,
    channels: BTreeMap<ChannelId, Arc<ChannelRuntime>>,
}

impl Channels {
    /// These.
    #[must_use]
    pub fn new(connectors: Vec<Arc<LoadedConnector>>, channels: Vec<Arc<ChannelRuntime>>) -> Self {
        let channels = channels.into_iter().map(|channel| (channel.id.clone(), channel)).collect();
        Self { connectors, channels }
    }

    /// One of the channels.
    #[must_use]
    pub fn get(&self, id: &ChannelId) -> Option<Arc<ChannelRuntime>> {
        self.channels.get(id).cloned()
    }

    /// All channels, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ChannelRuntime>> {
        self.channels.values()
    }

    /// All connectors, by name.
    #[must_use]
    pub fn connectors(&self) -> Vec<Arc<LoadedConnector>> {
        self.connectors.clone()
    }
}

/// A connector that is compiled into the program.
#[cfg(feature = "native-connector")]
pub type Native = fn(Request) -> Result<Call<Received>, CallError>;

/// A channel that is switched on.
#[derive(Debug)]
pub struct ChannelRuntime {
    /// Its name.
    pub id: ChannelId,
    /// The code that speaks for it.
    pub connector: Arc<LoadedConnector>,
    /// What it may do.
    pub grants: Grants,
    /// What a call may use.
    pub limits: Limits,
    /// What the domain knows of it.
    pub rules: ChannelRules,
    /// The public URL of its webhook.
    pub hook_url: String,
    /// Where phone numbers without a country code are from.
    pub region: Option<String>,
    /// What its calls came to.
    pub activity: Activity,
    /// Room for parked deliveries that may be anybody's.
    pub parked: ParkedRoom,
    /// Places for webhooks that are worked on or wait.
    pub(crate) webhooks: Semaphore,
    /// Wakes the outbox.
    pub(crate) wake: Notify,
    /// What stands in for the guest's `receive`, if anything does; see the feature in Cargo.toml.
    #[cfg(feature = "native-connector")]
    pub native: std::sync::OnceLock<Native>,
    pub(crate) channel: Channel,
    pub(crate) metrics: Arc<Metrics>,
}

impl ChannelRuntime {
    /// The code, as facts name it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.connector.connector.source()
    }

    /// What canonical forms depend on.
    #[must_use]
    pub fn context(&self) -> Context {
        Context { channel: self.id.clone(), region: self.region.clone() }
    }

    /// [`Channel::receive`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn receive(&self, request: Request) -> Result<Call<Received>, CallError> {
        #[cfg(feature = "native-connector")]
        if let Some(native) = self.native.get() {
            return self.counted("receive", async { native(request) }).await;
        }
        self.counted("receive", self.channel.receive(request)).await
    }

    /// [`Channel::deliver`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn deliver(&self, delivery: Delivery, key: &str) -> Result<Call<Receipt>, CallError> {
        self.counted("deliver", self.channel.deliver(delivery, key)).await
    }

    /// [`Channel::hints`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn hints(&self, who: Identifier) -> Result<Call<Hints>, CallError> {
        self.counted("hints", self.channel.hints(who)).await
    }

    /// [`Channel::check`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn check(&self) -> Result<Call<Health>, CallError> {
        self.counted("check", self.channel.check()).await
    }

    /// [`Channel::connect`] with the public URL of the webhook, counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn connect(&self) -> Result<Call<Vec<Step>>, CallError> {
        self.counted("connect", self.channel.connect(&self.hook_url)).await
    }

    async fn counted<T>(
        &self,
        function: &'static str,
        call: impl Future<Output = Result<Call<T>, CallError>>,
    ) -> Result<Call<T>, CallError> {
        let ended = call.await;
        let (usage, result) = match &ended {
            Ok(Call { result: Ok(_), effects }) => (effects.usage, Ended::Well),
            Ok(Call { result: Err(failure), effects }) => (effects.usage, Ended::Failure(failure)),
            Err(error) => (error.usage, Ended::Fault(error)),
        };
        self.metrics.call(self.id.as_str(), function, result.word(), usage.wall.as_secs_f64());
        self.activity.note(function, usage, &result);
        ended
    }
}

/// How a call ended.
enum Ended<'a> {
    Well,
    Failure(&'a Failure),
    Fault(&'a CallError),
}

impl Ended<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Failure(failure) => failure.class(),
            Self::Fault(error) => error.kind.as_str(),
        }
    }
}

/// What the calls of a channel came to since the start.
#[derive(Debug, Default)]
pub struct Activity(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    snapshot: Snapshot,
    /// Microseconds, the latest last.
    recent: VecDeque<u32>,
}

/// What the calls of a channel came to since the start.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Calls, by function.
    pub calls: BTreeMap<&'static str, u64>,
    /// Calls that came to nothing, by kind: `trap`, `cpu_exceeded`, …
    pub faults: BTreeMap<&'static str, u64>,
    /// Calls that the connector answered with a failure, by class: `retry`, `rejected`, …
    pub failures: BTreeMap<&'static str, u64>,
    /// Webhooks that did not prove where they come from.
    pub denied: u64,
    /// The last fault, or failure other than a denial.
    pub last_error: Option<LastError>,
    /// Half of the last 512 calls took no longer, microseconds. None before the first call.
    pub p50_micros: Option<u32>,
    /// Of the last 512 calls, 99 % took no longer, microseconds.
    pub p99_micros: Option<u32>,
}

/// What last went wrong on a channel.
#[derive(Clone, Debug)]
pub struct LastError {
    /// When.
    pub at: Millis,
    /// In which function.
    pub function: &'static str,
    /// The kind of the fault or the class of the failure.
    pub kind: &'static str,
    /// Why.
    pub problem: Problem,
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, function: &'static str, usage: Usage, ended: &Ended<'_>) {
        let mut tally = self.lock();
        if tally.recent.len() >= RECENT_CALLS {
            tally.recent.pop_front();
        }
        tally.recent.push_back(u32::try_from(usage.wall.as_micros()).unwrap_or(u32::MAX));
        let snapshot = &mut tally.snapshot;
        *snapshot.calls.entry(function).or_default() += 1;
        let problem = match ended {
            Ended::Well => return,
            // Anybody can send an unsigned request; it must not push what matters out of sight.
            Ended::Failure(Failure::Unauthenticated(_)) => {
                snapshot.denied += 1;
                return;
            }
            Ended::Failure(failure) => {
                *snapshot.failures.entry(failure.class()).or_default() += 1;
                failure.problem().clone()
            }
            Ended::Fault(error) => {
                *snapshot.faults.entry(error.kind.as_str()).or_default() += 1;
                Problem { message: error.message.clone(), code: None }
            }
        };
        snapshot.last_error = Some(LastError { at: clock::now(), function, kind: ended.word(), problem });
    }

    /// As it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (mut snapshot, mut recent) = {
            let tally = self.lock();
            (tally.snapshot.clone(), Vec::from_iter(tally.recent.iter().copied()))
        };
        recent.sort_unstable();
        let at = |percent: usize| recent.get((recent.len().saturating_sub(1)) * percent / 100).copied();
        (snapshot.p50_micros, snapshot.p99_micros) = (at(50), at(99));
        snapshot
    }
}

/// How many parked deliveries of a channel may be anybody's, and how many bytes they may have.
///
/// A request whose call failed before it was verified may be genuine, so it is worth keeping; but anybody can send such requests, so
/// they must not fill the disk. What is parked is counted here, whoever sent it; only what is not verified is refused for it.
#[derive(Debug, Default)]
pub struct ParkedRoom {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl ParkedRoom {
    /// Deliveries.
    pub const COUNT: u64 = 100;
    /// Bytes of their bodies and headers.
    pub const BYTES: u64 = 16 << 20;

    /// A delivery is parked now.
    pub fn add(&self, bytes: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A delivery is parked no more.
    pub fn remove(&self, bytes: u64) {
        let less = |by: u64| move |n: u64| Some(n.saturating_sub(by));
        let _ = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(1));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(bytes));
    }

    /// Takes room for a delivery that may be anybody's; false if there is none.
    #[must_use]
    pub fn take(&self, bytes: u64) -> bool {
        self.add(bytes);
        let fits =
            self.count.load(Ordering::Relaxed) <= Self::COUNT && self.bytes.load(Ordering::Relaxed) <= Self::BYTES;
        if !fits {
            self.remove(bytes);
        }
        fits
    }
}

/// A short wait that a client is told, for what is over soon.
pub(crate) const SOON: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_strangers_deliveries_is_bounded_and_comes_back() {
        let room = ParkedRoom::default();
        for _ in 0..ParkedRoom::COUNT {
            assert!(room.take(10));
        }
        assert!(!room.take(10), "count");
        room.remove(10);
        assert!(room.take(10));
        let room = ParkedRoom::default();
        assert!(room.take(ParkedRoom::BYTES - 1));
        assert!(!room.take(2), "bytes");
        assert!(room.take(1));
    }

    #[test]
    fn a_denied_webhook_does_not_hide_the_last_error() {
        let activity = Activity::default();
        let problem = Problem { message: String::from("no"), code: None };
        let usage = |ms| Usage { wall: Duration::from_millis(ms), ..Usage::default() };
        activity.note("receive", usage(1), &Ended::Failure(&Failure::Other(problem.clone())));
        activity.note("receive", usage(3), &Ended::Failure(&Failure::Unauthenticated(problem)));
        activity.note("receive", usage(2), &Ended::Well);
        let seen = activity.snapshot();
        assert_eq!((seen.denied, seen.calls["receive"], seen.failures["other"]), (1, 3, 1));
        assert_eq!(seen.last_error.unwrap().kind, "other");
        assert_eq!((seen.p50_micros, seen.p99_micros), (Some(2_000), Some(2_000)));
    }
}
