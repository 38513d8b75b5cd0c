//! The channels that are switched on, and the connectors that they use.
//!
//! * [`runtime`]: one channel while the host runs. [`calls`]: its calls, with the fallback to the generation that stands by.
//! * [`activity`]: what these calls came to. [`log`]: what they logged. [`lines`]: what strangers may have written into
//!   the host's log. [`quota`]: how much may be parked. [`state`]: a connector's
//!   committed state.
//!
//! [`Channels`] is the registry. Its content is replaced as a whole, so that no reader sees half of a configuration.

pub mod activity;
mod calls;
pub mod lines;
pub mod log;
pub mod quota;
pub mod runtime;
pub mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jackfield_core::ids::ChannelId;
use tokio::sync::{mpsc, watch};

pub use calls::Answered;
pub use runtime::ChannelRuntime;
#[cfg(feature = "native-connector")]
pub use runtime::Native;

use crate::connectors::slot::{Alarm, Slot};

/// Every channel that is switched on, and every connector.
#[derive(Debug)]
pub struct Channels {
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    channels: ArcSwap<BTreeMap<ChannelId, Arc<ChannelRuntime>>>,
    alarms: mpsc::UnboundedSender<Alarm>,
    /// Counts how often other channels were switched on.
    changes: watch::Sender<u64>,
}

impl Channels {
    /// An empty registry. Generations that fail too often are reported to `alarms`.
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
    pub fn of(&self, connector: &str) -> Vec<Arc<ChannelRuntime>> {
        self.channels.load().values().filter(|channel| channel.slot.name == connector).cloned().collect()
    }

    /// The channels that no generation serves, each with the reason.
    #[must_use]
    pub fn not_serving(&self) -> Vec<(ChannelId, String)> {
        let all = self.channels.load();
        all.values().filter_map(|channel| Some((channel.id.clone(), channel.why_not_serving()?))).collect()
    }

    /// From here on these are the channels.
    pub(crate) fn replace(&self, channels: Vec<Arc<ChannelRuntime>>) {
        self.channels.store(Arc::new(channels.into_iter().map(|channel| (channel.id.clone(), channel)).collect()));
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Changes whenever other channels are switched on.
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
