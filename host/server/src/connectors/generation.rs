//! One loaded version of a connector, bound to every channel that uses it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use jackfield_core::event::Problem;
use jackfield_core::fact::{ChannelRules, Source};
use jackfield_core::ids::{ChannelId, Millis};
use jackfield_sandbox::{CallError, CallErrorKind, Channel, Connector, Grants, Usage};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// A channel as a generation serves it.
#[derive(Clone, Debug)]
pub struct BoundChannel {
    /// Ready to be called.
    pub channel: Channel,
    /// What it may do.
    pub grants: Grants,
    /// The number of the channel that it was bound for, which stands for its settings and secrets.
    made: u64,
    /// Cancelled once the channel may do less than this.
    revoked: CancellationToken,
}

impl BoundChannel {
    /// A channel that was bound; `made` is its number.
    #[must_use]
    pub fn new(channel: Channel, grants: Grants, made: u64) -> Self {
        Self { channel, grants, made, revoked: CancellationToken::new() }
    }

    /// A call of it, which ends when something that it may do is taken back.
    ///
    /// # Errors
    /// Those of the call, and [`CallErrorKind::Revoked`].
    pub(crate) async fn unless_revoked<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        tokio::select! {
            ended = call => ended,
            () = self.revoked.cancelled() => Err(revoked()),
        }
    }

    /// Whether it may do something that is not granted now.
    #[must_use]
    pub fn exceeds(&self, now: &Grants) -> bool {
        grants_less(now, &self.grants)
    }

    /// Whether its calls have ended for good, whatever is granted by now.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.is_cancelled()
    }

    /// Ends its calls.
    pub(super) fn revoke(&self) {
        self.revoked.cancel();
    }
}

fn revoked() -> CallError {
    CallError {
        kind: CallErrorKind::Revoked,
        message: String::from("A grant of the channel was taken back while the call ran."),
        authenticated: false,
        log: Vec::new(),
        // How far it had come is not known, so something may have been sent.
        usage: Usage { http_sent: 1, ..Usage::default() },
    }
}

/// How a generation serves a channel, or why it does not.
pub type Binding = Result<Arc<BoundChannel>, Arc<[Problem]>>;

/// The channels of a generation.
pub type Bindings = BTreeMap<ChannelId, Binding>;

/// One loaded version of a connector.
#[derive(Debug)]
pub struct Generation {
    /// From 1, in the order in which they came.
    pub number: u32,
    /// Manifest, digest, interfaces.
    pub connector: Arc<Connector>,
    /// When it was loaded.
    pub loaded_at: Millis,
    bindings: ArcSwap<Bindings>,
    running: AtomicUsize,
    idle: Notify,
}

impl Generation {
    /// A version that was loaded just now.
    #[must_use]
    pub fn new(number: u32, connector: Arc<Connector>, bindings: Bindings) -> Self {
        Self {
            number,
            connector,
            loaded_at: clock::now(),
            bindings: ArcSwap::from_pointee(bindings),
            running: AtomicUsize::new(0),
            idle: Notify::new(),
        }
    }

    /// A channel of it; none if it does not serve the channel.
    #[must_use]
    pub fn bound(&self, channel: &ChannelId) -> Option<Arc<BoundChannel>> {
        self.bindings.load().get(channel)?.as_ref().ok().cloned()
    }

    /// Why it does not serve a channel that uses it; none if it does, or was never bound to it.
    #[must_use]
    pub fn refusal(&self, channel: &ChannelId) -> Option<Arc<[Problem]>> {
        self.bindings.load().get(channel)?.as_ref().err().cloned()
    }

    /// Whether it is bound to the channel that has this number, with these grants.
    #[must_use]
    pub fn is_bound_as(&self, channel: &ChannelId, made: u64, grants: &Grants) -> bool {
        let is_so = |bound: Arc<BoundChannel>| bound.made == made && bound.grants == *grants && !bound.is_revoked();
        self.bound(channel).is_some_and(is_so)
    }

    /// Serves a channel like this from here on. Calls that run with more than is granted now end.
    pub fn bind(&self, id: &ChannelId, binding: Binding) {
        let before = self.bindings.rcu(|bindings| {
            let mut bindings = Bindings::clone(bindings);
            bindings.insert(id.clone(), binding.clone());
            bindings
        });
        if let Some(Ok(before)) = before.get(id)
            && binding.as_ref().map_or(true, |now| before.exceeds(&now.grants))
        {
            before.revoke();
        }
    }

    /// How facts name it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.connector.source()
    }

    /// What a channel can do with it.
    #[must_use]
    pub fn rules(&self) -> ChannelRules {
        self.connector.manifest().channel_rules(self.connector.interfaces().send)
    }

    /// A call of it, counted as running as long as it does.
    pub(crate) async fn run<T>(&self, call: impl Future<Output = T>) -> T {
        let _running = Running::begin(self);
        call.await
    }

    /// Returns once none of its calls runs.
    pub(crate) async fn idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Whether something that `before` grants is not granted now.
fn grants_less(now: &Grants, before: &Grants) -> bool {
    before.http.iter().any(|origin| !now.http.contains(origin))
        || before.private_addresses.iter().any(|origin| !now.private_addresses.contains(origin))
        || (before.public_webhook && !now.public_webhook)
        || before.attests.iter().any(|kind| !now.attests.contains(kind))
        || before.scopes.iter().any(|scope| !now.scopes.contains(scope))
}

/// A call that runs.
struct Running<'a>(&'a Generation);

impl<'a> Running<'a> {
    fn begin(generation: &'a Generation) -> Self {
        generation.running.fetch_add(1, Ordering::AcqRel);
        Self(generation)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_granted_any_more_is_less() {
        let origin = || vec!["https://a.example".parse().unwrap()];
        let words = || vec![String::from("x")];
        let all = Grants {
            http: origin(),
            private_addresses: origin(),
            public_webhook: true,
            attests: words(),
            scopes: words(),
        };
        assert!(!grants_less(&all, &all));
        let less = [
            Grants { http: Vec::new(), ..all.clone() },
            Grants { private_addresses: Vec::new(), ..all.clone() },
            Grants { public_webhook: false, ..all.clone() },
            Grants { attests: Vec::new(), ..all.clone() },
            Grants { scopes: Vec::new(), ..all.clone() },
        ];
        for less in less {
            assert!(grants_less(&less, &all), "{less:?}");
            assert!(!grants_less(&all, &less), "{less:?}");
        }
    }
}
