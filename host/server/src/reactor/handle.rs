//! The way to the reactor: for whoever waits until it has come as far as a fact, or has something looked at that no fact is about.

use std::sync::Arc;

use jackfield_core::effect::Effect;
use jackfield_core::ids::Seq;
use tokio::sync::{mpsc, oneshot, watch};

use super::health::ReactorHealth;
use crate::channels::ChannelRuntime;

/// The way to the reactor. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReactorHandle {
    reached: watch::Receiver<Seq>,
    keys: watch::Receiver<u64>,
    orders: mpsc::UnboundedSender<Order>,
    health: Arc<ReactorHealth>,
}

/// The other end, for the reactor.
#[derive(Debug)]
pub struct ReactorInbox {
    pub(super) reached: watch::Sender<Seq>,
    pub(super) keys: watch::Sender<u64>,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) health: Arc<ReactorHealth>,
}

/// Something to be done that no fact is about.
#[derive(Debug)]
pub(super) enum Order {
    /// Act as if a fact had had this effect.
    Look(Effect, oneshot::Sender<()>),
    /// From here on these channels are switched on.
    Replace(Vec<Arc<ChannelRuntime>>, oneshot::Sender<()>),
}

/// Both ends of the way to a reactor.
#[must_use]
pub fn handle() -> (ReactorHandle, ReactorInbox) {
    let (reached, seen) = watch::channel(Seq(0));
    let (keys, changed) = watch::channel(0);
    let (send, orders) = mpsc::unbounded_channel();
    let health = Arc::new(ReactorHealth::default());
    let handle = ReactorHandle { reached: seen, keys: changed, orders: send, health: Arc::clone(&health) };
    (handle, ReactorInbox { reached, keys, orders, health })
}

impl ReactorHandle {
    /// Returns once the reactor has acted on every fact up to this one, or is gone.
    pub async fn reached(&self, seq: Seq) {
        // An error says that it is gone: the host has stopped.
        let _ = self.reached.clone().wait_for(|reached| *reached >= seq).await;
    }

    /// Has something looked at as if a fact had just changed it. Returns once that is done, or the reactor is gone.
    pub async fn look(&self, effect: Effect) {
        let (done, seen) = oneshot::channel();
        if self.orders.send(Order::Look(effect, done)).is_ok() {
            let _ = seen.await;
        }
    }

    /// Has these channels switched on, bound to the generations that are loaded, in place of all others.
    pub async fn replace_channels(&self, channels: Vec<Arc<ChannelRuntime>>) {
        let (done, seen) = oneshot::channel();
        if self.orders.send(Order::Replace(channels, done)).is_ok() {
            let _ = seen.await;
        }
    }

    /// How it stands.
    #[must_use]
    pub fn health(&self) -> &ReactorHealth {
        &self.health
    }

    /// Changes whenever an API key was revoked or changed. A stream that goes on looks at its key again then.
    #[must_use]
    pub fn keys(&self) -> watch::Receiver<u64> {
        self.keys.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fact_is_reached_when_the_reactor_says_so_and_nobody_waits_for_one_that_is_gone() {
        let (handle, inbox) = handle();
        let mut waits = Box::pin(handle.reached(Seq(3)));
        assert!(futures_util::poll!(&mut waits).is_pending());
        inbox.reached.send_replace(Seq(2));
        assert!(futures_util::poll!(&mut waits).is_pending());
        inbox.reached.send_replace(Seq(4));
        waits.await;
        drop(inbox);
        handle.reached(Seq(9)).await;
        handle.look(Effect::Skipped).await;
    }
}
