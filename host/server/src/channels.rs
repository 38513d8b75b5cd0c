//! The channels that are switched on, and the connectors that they use.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jackfield_core::canonical::Context;
use jackfield_core::event::Identifier;
use jackfield_core::fact::{ChannelRules, Source};
use jackfield_core::ids::ChannelId;
use jackfield_sandbox::{
    Batch, Call, CallError, CallErrorKind, Channel, Delivery, Failure, Health, Hints, Limits, Receipt, Received,
    Request, Step, Usage,
};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Ended};
use crate::call_log::CallLog;
use crate::config::ChannelConfig;
use crate::connectors::slot::Alarm;
use crate::connectors::{Generation, Line, Slot};
use crate::metrics::Metrics;

/// What is loaded. What changes while the host runs changes as a whole, so that nobody sees half of it.
#[derive(Debug)]
pub struct Channels {
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    channels: ArcSwap<BTreeMap<ChannelId, Arc<ChannelRuntime>>>,
    alarms: mpsc::UnboundedSender<Alarm>,
    /// Counts how often other channels were switched on.
    changes: watch::Sender<u64>,
}

impl Channels {
    /// Nothing yet. Generations that fail too often are told to `alarms`.
    #[must_use]
    pub fn new(alarms: mpsc::UnboundedSender<Alarm>) -> Self {
        Self { slots: Mutex::default(), channels: ArcSwap::default(), alarms, changes: watch::Sender::new(0) }
    }

    /// One of the channels.
    #[must_use]
    pub fn get(&self, id: &ChannelId) -> Option<Arc<ChannelRuntime>> {
        self.channels.load().get(id).cloned()
    }

    /// All channels, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ChannelRuntime>> {
        self.channels.load().values().cloned().collect()
    }

    /// The channels that use a connector.
    #[must_use]
    pub fn of(&self, slot: &Slot) -> Vec<Arc<ChannelRuntime>> {
        self.channels.load().values().filter(|channel| channel.slot.name == slot.name).cloned().collect()
    }

    /// From here on these are the channels.
    pub(crate) fn replace(&self, channels: Vec<Arc<ChannelRuntime>>) {
        self.channels.store(Arc::new(channels.into_iter().map(|channel| (channel.id.clone(), channel)).collect()));
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Tells whenever other channels are switched on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// All connectors, by name.
    #[must_use]
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A connector.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// A connector, made if there is none of this name.
    pub(crate) fn slot_for(&self, name: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(name.to_owned()).or_insert_with(|| Arc::new(Slot::new(name, self.alarms.clone())));
        Arc::clone(slot)
    }

    /// Takes a connector out.
    pub(crate) fn drop_slot(&self, name: &str) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
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
    /// The connector that speaks for it.
    pub slot: Arc<Slot>,
    /// Its section of the configuration.
    pub config: ChannelConfig,
    /// What a call may use.
    pub limits: Limits,
    /// The public URL of its webhook.
    pub hook_url: String,
    /// Where phone numbers without a country code are from.
    pub region: Option<String>,
    /// What its calls came to.
    pub activity: Arc<Activity>,
    /// What they logged.
    pub log: Arc<CallLog>,
    /// Room for parked deliveries that may be anybody's.
    pub parked: Arc<ParkedRoom>,
    /// Places for webhooks that are worked on or wait.
    pub(crate) webhooks: Semaphore,
    /// KiB of webhook bodies of this channel that may be in memory at once.
    pub(crate) bodies: Semaphore,
    /// Whether the operator has stopped it.
    pub(crate) paused: AtomicBool,
    /// Ends its worker: the configuration says something else of it by now.
    pub(crate) gone: CancellationToken,
    /// Wakes the outbox.
    pub(crate) wake: Notify,
    /// Wakes who fetches files.
    pub(crate) files: Notify,
    /// What stands in for the guest's `receive`, if anything does; see the feature in Cargo.toml.
    #[cfg(feature = "native-connector")]
    pub native: std::sync::OnceLock<Native>,
    pub(crate) metrics: Arc<Metrics>,
}

/// What a call came to, and on which code.
#[derive(Debug)]
pub struct Answered<T> {
    /// The code that answered, or failed to.
    pub source: Source,
    /// What it came to.
    pub ended: Result<Call<T>, CallError>,
}

impl ChannelRuntime {
    /// The generation that serves it, and how.
    #[must_use]
    pub fn serving(&self) -> Option<(Arc<Generation>, Arc<Line>)> {
        let generation = self.slot.active()?;
        let line = generation.line(&self.id)?;
        Some((generation, line))
    }

    /// What it can do.
    #[must_use]
    pub fn rules(&self) -> Option<ChannelRules> {
        Some(self.slot.active()?.rules())
    }

    /// Whether the connector that serves it has webhooks at all. Without a connector it may have some.
    #[must_use]
    pub fn takes_webhooks(&self) -> bool {
        self.slot.active().is_none_or(|generation| generation.connector.interfaces().receive)
    }

    /// What canonical forms depend on.
    #[must_use]
    pub fn context(&self) -> Context {
        Context { channel: self.id.clone(), region: self.region.clone() }
    }

    /// [`Channel::receive`], counted.
    pub async fn receive(&self, request: &Request) -> Answered<Received> {
        #[cfg(feature = "native-connector")]
        if let (Some(native), Some(generation)) = (self.native.get(), self.slot.active()) {
            let ended = self.counted("receive", async { native(request.clone()) }).await;
            return Answered { source: generation.source(), ended };
        }
        self.answered("receive", |channel| {
            let request = request.clone();
            async move { channel.receive(request).await }
        })
        .await
    }

    /// The same on a generation of the caller's choice, which answers for itself.
    pub(crate) async fn receive_on(
        &self,
        generation: &Generation,
        line: &Line,
        request: Request,
    ) -> Answered<Received> {
        let ended = self.counted("receive", generation.run(line.channel.receive(request))).await;
        Answered { source: generation.source(), ended }
    }

    /// [`Channel::poll`], counted.
    pub async fn poll(&self, cursor: Option<Vec<u8>>) -> Answered<Batch> {
        self.answered("poll", |channel| {
            let cursor = cursor.clone();
            async move { channel.poll(cursor).await }
        })
        .await
    }

    /// [`Channel::deliver`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn deliver(&self, delivery: Delivery, key: &str) -> Result<Call<Receipt>, CallError> {
        let deliver = |channel: Channel| {
            let delivery = delivery.clone();
            async move { channel.deliver(delivery, key).await }
        };
        self.answered("deliver", deliver).await.ended
    }

    /// [`Channel::hints`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn hints(&self, who: Identifier) -> Result<Call<Hints>, CallError> {
        let hints = |channel: Channel| {
            let who = who.clone();
            async move { channel.hints(who).await }
        };
        self.answered("hints", hints).await.ended
    }

    /// [`Channel::check`], counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn check(&self) -> Result<Call<Health>, CallError> {
        self.answered("check", |channel| async move { channel.check().await }).await.ended
    }

    /// [`Channel::connect`] with the public URL of the webhook, counted.
    ///
    /// # Errors
    /// When the call came to nothing.
    pub async fn connect(&self) -> Result<Call<Vec<Step>>, CallError> {
        self.answered("connect", |channel| async move { channel.connect(&self.hook_url).await }).await.ended
    }

    /// A call on the generation that serves. If it comes to nothing, and nothing has left the host, the other generation that is loaded
    /// gets the same call: a call is a transaction, so the first one left nothing behind.
    async fn answered<T, F>(&self, function: &'static str, call: impl Fn(Channel) -> F) -> Answered<T>
    where
        F: Future<Output = Result<Call<T>, CallError>>,
    {
        let Some((generation, line)) = self.serving() else {
            return nothing_serves(&self.slot.name);
        };
        let ended = self.counted(function, generation.run(call(line.channel.clone()))).await;
        let fault = match &ended {
            Err(error) if is_fault(error) => error,
            _ => {
                self.slot.well(generation.number);
                return Answered { source: generation.source(), ended };
            }
        };
        if fault.usage.http_sent > 0 {
            // Waiting for somebody else too long says nothing about the version.
            if fault.kind != CallErrorKind::WallExceeded {
                self.slot.strike(generation.number, &fault.message);
            }
            return Answered { source: generation.source(), ended };
        }
        let other = self.slot.other_than(generation.number);
        let Some((line, other)) = other.and_then(|other| Some((other.line(&self.id)?, other))) else {
            return Answered { source: generation.source(), ended };
        };
        let second = self.counted(function, other.run(call(line.channel.clone()))).await;
        match &second {
            // It never could, which is no better.
            Ok(Call { result: Err(Failure::Unsupported(_)), .. }) => Answered { source: generation.source(), ended },
            Err(error) if is_fault(error) || error.kind == CallErrorKind::Busy => {
                Answered { source: generation.source(), ended }
            }
            _ => {
                self.slot.strike(generation.number, &fault.message);
                Answered { source: other.source(), ended: second }
            }
        }
    }

    pub(crate) async fn counted<T>(
        &self,
        function: &'static str,
        call: impl Future<Output = Result<Call<T>, CallError>>,
    ) -> Result<Call<T>, CallError> {
        let ended = call.await;
        let (usage, logged, result) = match &ended {
            Ok(Call { result: Ok(_), effects }) => (effects.usage, &effects.log, Ended::Well),
            Ok(Call { result: Err(failure), effects }) => (effects.usage, &effects.log, Ended::Failure(failure)),
            Err(error) => (error.usage, &error.log, Ended::Fault(error)),
        };
        self.log.add(function, logged, ended.as_ref().err().map(|error| error.message.as_str()));
        self.metrics.call(self.id.as_str(), function, result.word(), usage.wall.as_secs_f64());
        self.activity.note(function, usage, &result);
        ended
    }
}

/// Whether a call came to nothing by the doing of the guest's code.
fn is_fault(error: &CallError) -> bool {
    !matches!(error.kind, CallErrorKind::Busy | CallErrorKind::Unverified)
}

fn nothing_serves<T>(connector: &str) -> Answered<T> {
    let error = CallError {
        kind: CallErrorKind::Instantiate,
        message: format!("No generation of the connector {connector} serves this channel."),
        authenticated: false,
        log: Vec::new(),
        usage: Usage::default(),
    };
    let source = Source { connector: connector.to_owned(), version: String::new(), digest: String::new() };
    Answered { source, ended: Err(error) }
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
}
