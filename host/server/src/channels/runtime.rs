//! One channel while the host runs: its settings, what it counts, and what wakes its jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jackfield_core::canonical::Context;
use jackfield_core::channel::rows::longer_pause;
use jackfield_core::fact::ChannelRules;
use jackfield_core::ids::{ChannelId, Millis};
use jackfield_core::rows::Channel;
use jackfield_sandbox::Limits;
#[cfg(feature = "native-connector")]
use jackfield_sandbox::{Call, CallError, Received, Request};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::lines::Lines;
use super::log::CallLog;
use super::quota::ParkedQuota;
use crate::config::{ChannelConfig, Config, SecretsMark};
use crate::connectors::generation::{BoundChannel, Generation};
use crate::connectors::slot::Slot;
use crate::metrics::Metrics;

/// A connector that is compiled into the program.
#[cfg(feature = "native-connector")]
pub type Native = fn(Request) -> Result<Call<Received>, CallError>;

/// KiB of webhook bodies of one channel that may be in memory at once: a quarter of what all may have, so that no channel takes it all.
const CHANNEL_BODIES_KIB: usize = 32 << 10;

/// How many channels were made. The first has 1.
static MADE: AtomicU64 = AtomicU64::new(1);

/// A channel that is switched on.
#[derive(Debug)]
pub struct ChannelRuntime {
    /// Its name.
    pub id: ChannelId,
    /// The connector that speaks for it.
    pub slot: Arc<Slot>,
    /// Its section of the configuration.
    pub config: ChannelConfig,
    /// Its secrets when it was made.
    pub(crate) secrets: SecretsMark,
    /// Another number for each channel that is made, also where the configuration says the same: its secrets may be others.
    pub(crate) made: u64,
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
    /// What its webhooks may write into the host's log.
    pub(crate) lines: Arc<Lines>,
    /// Room for parked deliveries that may be anybody's.
    pub parked: Arc<ParkedQuota>,
    /// Places for webhooks that are worked on or wait.
    pub(crate) webhooks: Semaphore,
    /// KiB of webhook bodies of this channel that may be in memory at once.
    pub(crate) bodies: Semaphore,
    /// Whether the operator has stopped it. Written by the reactor only.
    pub(crate) paused: AtomicBool,
    /// Until when it sends nothing because its provider asked for that, milliseconds since 1970; 0 if it did not.
    pub(crate) held_until: Arc<AtomicU64>,
    /// Cancelled once the configuration says something else of it. Its jobs end then.
    pub(crate) gone: CancellationToken,
    /// Wakes the outbox.
    pub(crate) wake: Notify,
    /// Wakes the job that fetches files.
    pub(crate) files: Notify,
    /// Wakes the job that polls.
    pub(crate) polls: Notify,
    /// What stands in for the guest's `receive`, if anything does; see the feature in Cargo.toml.
    #[cfg(feature = "native-connector")]
    pub native: std::sync::OnceLock<Native>,
    pub(super) metrics: Arc<Metrics>,
}

impl ChannelRuntime {
    /// A channel of the configuration that nothing serves yet.
    pub(crate) fn new(
        config: &Config,
        id: &ChannelId,
        channel: &ChannelConfig,
        slot: Arc<Slot>,
        metrics: &Arc<Metrics>,
        public_url: &str,
    ) -> Self {
        Self {
            hook_url: format!("{public_url}/hooks/{id}"),
            id: id.clone(),
            slot,
            config: channel.clone(),
            secrets: SecretsMark::of(&channel.secrets, |path| config.resolve(path)),
            made: MADE.fetch_add(1, Ordering::Relaxed),
            limits: channel.limits.limits(),
            region: config.region(channel),
            activity: Arc::default(),
            log: Arc::default(),
            lines: Arc::default(),
            parked: Arc::default(),
            webhooks: Semaphore::new(usize::try_from(channel.limits.webhooks()).unwrap_or(usize::MAX)),
            bodies: Semaphore::new(CHANNEL_BODIES_KIB),
            paused: AtomicBool::new(false),
            held_until: Arc::default(),
            gone: CancellationToken::new(),
            wake: Notify::new(),
            files: Notify::new(),
            polls: Notify::new(),
            #[cfg(feature = "native-connector")]
            native: std::sync::OnceLock::new(),
            metrics: Arc::clone(metrics),
        }
    }

    /// Has what was counted before the configuration changed go on.
    pub(crate) fn continue_from(&mut self, before: &Self) {
        self.activity = Arc::clone(&before.activity);
        self.log = Arc::clone(&before.log);
        self.lines = Arc::clone(&before.lines);
        self.parked = Arc::clone(&before.parked);
        // What the provider of another connector asks for, and a call of that one may bring late, is nothing to this one.
        if Arc::ptr_eq(&self.slot, &before.slot) {
            self.held_until = Arc::clone(&before.held_until);
        }
    }

    /// The generation that serves it: the active one, or the one that stands by where the active one is not loaded or does not fit.
    #[must_use]
    pub fn serving(&self) -> Option<(Arc<Generation>, Arc<BoundChannel>)> {
        self.slot.loaded().find_map(|generation| {
            let bound = generation.bound(&self.id)?;
            Some((generation, bound))
        })
    }

    /// Why no generation serves it; none if one does.
    #[must_use]
    pub fn why_not_serving(&self) -> Option<String> {
        if self.serving().is_some() {
            return None;
        }
        let name = &self.slot.name;
        let refused = self.slot.loaded().find_map(|generation| generation.refusal(&self.id));
        Some(match (refused, self.slot.problem()) {
            (Some(problems), _) => {
                problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ")
            }
            (None, Some(problem)) => problem,
            (None, None) => {
                format!("No generation of the connector {name} serves; see `jackfield connector show {name}`.")
            }
        })
    }

    /// What the tables say of it. For the reactor.
    pub(crate) fn take_over(&self, row: Option<&Channel>) {
        self.paused.store(row.is_some_and(|row| row.paused), Ordering::Release);
        let held = row.and_then(|row| row.held_until).unwrap_or_default();
        self.held_until.store(held.0, Ordering::Relaxed);
    }

    /// The provider asked for a pause.
    pub(crate) fn hold(&self, until: Millis) {
        let longer = |before| Some(longer_pause(Some(Millis(before)), until).0);
        // It never refuses.
        _ = self.held_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, longer);
    }

    /// Until when sending waits because the provider asked for it; none if it did not, or that is over.
    #[must_use]
    pub fn held(&self, now: Millis) -> Option<Millis> {
        let until = Millis(self.held_until.load(std::sync::atomic::Ordering::Relaxed));
        (until > now).then_some(until)
    }

    /// Whether it is served by another connector than this one, by the id in its manifest: what that one brought, and what is meant for it,
    /// is not for who serves now. False while nothing serves.
    #[must_use]
    pub fn has_passed_from(&self, connector: &str) -> bool {
        self.serving().is_some_and(|(generation, _)| generation.source().connector != connector)
    }

    /// What the channel can do; none while nothing serves it.
    #[must_use]
    pub fn rules(&self) -> Option<ChannelRules> {
        self.serving().map(|(generation, _)| generation.rules())
    }

    /// Whether the connector that serves it has webhooks at all. Without a connector it may have some.
    #[must_use]
    pub fn takes_webhooks(&self) -> bool {
        self.serving().is_none_or(|(generation, _)| generation.connector.interfaces().receive)
    }

    /// What canonical forms depend on.
    #[must_use]
    pub fn context(&self) -> Context {
        Context { channel: self.id.clone(), region: self.region.clone() }
    }
}
