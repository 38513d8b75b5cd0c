//! What every part of the running host shares, and the one way to append a fact.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::ids::{ChannelId, MessageId, Millis, ParkedId};
use jackfield_core::keys;
use jackfield_core::rows::{self, Message, Parked};
use jackfield_core::tables;
use jackfield_sandbox::{Reply, Request};
use jackfield_store::{AppendError, Committed, Store, View};
use tokio::sync::Semaphore;

use crate::attachments::{self, Turns};
use crate::channels::Channels;
use crate::clock;
use crate::config::Config;
use crate::connectors::Lifecycle;
use crate::hints::HintsQueue;
use crate::ingress;
use crate::metrics::Metrics;
use crate::shutdown::Stop;

/// The running host. Shared as `Arc<Host>`.
pub struct Host {
    /// The journal, the views and the files.
    pub store: Store,
    /// What is loaded.
    pub channels: Arc<Channels>,
    /// The life of what is loaded.
    pub lifecycle: Arc<Lifecycle>,
    /// The configuration it was started with.
    pub config: Arc<Config>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Since when it runs.
    pub started_at: Millis,
    /// What providers and clients call, without a slash at the end.
    pub public_url: String,
    /// Whether it is stopping. Streams end when it says so.
    pub stop: Stop,
    /// Whose file is being fetched.
    pub fetching: Turns,
    pub(crate) hints: HintsQueue,
    /// KiB of webhook bodies that may be in memory at once.
    pub(crate) bodies: Semaphore,
}

/// MiB of webhook bodies that may be in memory at once.
const BODIES_MIB: usize = 128;

/// KiB of webhook bodies of one channel that may be in memory at once: a quarter, so that no channel takes the room of all.
pub(crate) const CHANNEL_BODIES_KIB: usize = (BODIES_MIB << 10) / 4;

impl Host {
    /// Puts the parts together. Nothing runs yet; see [`crate::serve`].
    #[must_use]
    pub fn new(
        store: Store,
        channels: Arc<Channels>,
        lifecycle: Arc<Lifecycle>,
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        bound: SocketAddr,
        hints: HintsQueue,
    ) -> Self {
        Self {
            public_url: config.server.public_url(bound),
            store,
            fetching: Turns::default(),
            channels,
            lifecycle,
            config,
            metrics,
            started_at: clock::now(),
            stop: Stop::default(),
            hints,
            bodies: Semaphore::new(BODIES_MIB << 10),
        }
    }

    /// One webhook request on a channel. Never errors: the reply says what happened. It is to be sent as it is.
    pub async fn receive(&self, channel: &ChannelId, request: impl Into<Request>) -> Reply {
        ingress::receive(self, channel, request.into()).await
    }

    /// Appends a fact; returns when it is on stable storage, applied and visible. Whatever waits for such a fact is woken.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, actor: Actor, fact: Fact) -> Result<Committed, AppendError> {
        let after = self.consequence(&fact);
        let committed = self.store.append(actor, fact).await?;
        if !matches!(committed.outcome, Outcome::Refused(_)) {
            self.follow(after);
        }
        Ok(committed)
    }

    /// Appends facts together, all or none; otherwise as [`Host::append`].
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append_together(&self, facts: Vec<(Actor, Fact)>) -> Result<Vec<Committed>, AppendError> {
        let after: Vec<Consequence> = facts.iter().map(|(_, fact)| self.consequence(fact)).collect();
        let committed = self.store.append_all(facts).await?;
        for (committed, after) in committed.iter().zip(after) {
            if !matches!(committed.outcome, Outcome::Refused(_)) {
                self.follow(after);
            }
        }
        Ok(committed)
    }

    /// A reader of the views as they are, and as they become.
    #[must_use]
    pub fn view(&self) -> View {
        self.store.read()
    }

    /// Has a channel's outbox looked at.
    pub fn outbox_wake(&self, channel: &ChannelId) {
        if let Some(channel) = self.channels.get(channel) {
            channel.wake.notify_one();
        }
    }

    fn consequence(&self, fact: &Fact) -> Consequence {
        match fact {
            Fact::MessageRequested { .. } => Consequence::Wake(None),
            Fact::RetryRequested { message } | Fact::ActionRequested { message, .. } => {
                Consequence::Wake(self.channel_of(*message).ok().flatten())
            }
            Fact::ChannelPaused { channel } => Consequence::Paused(channel.clone(), true),
            Fact::ChannelResumed { channel } => Consequence::Paused(channel.clone(), false),
            Fact::DeliveryParked { channel, request, .. } => {
                Consequence::Parked(channel.clone(), ingress::weight(request), true)
            }
            Fact::ParkedDiscarded { parked } => match self.parked(*parked) {
                Ok(Some(Parked { channel, request: Some(request), .. })) => {
                    Consequence::Parked(channel, ingress::weight(&request), false)
                }
                _ => Consequence::None,
            },
            Fact::Received { channel, .. } | Fact::Polled { channel, .. } if attachments::brings_files(fact) => {
                Consequence::Files(Some(channel.clone()))
            }
            Fact::SendEnded { message, .. } if attachments::brings_files(fact) => {
                Consequence::Files(self.channel_of(*message).ok().flatten())
            }
            _ => Consequence::None,
        }
    }

    fn follow(&self, consequence: Consequence) {
        match consequence {
            Consequence::None => {}
            Consequence::Wake(Some(channel)) => self.outbox_wake(&channel),
            // Which channel a new message goes out on is the views' to say; looking into an empty outbox costs less than asking.
            Consequence::Wake(None) => self.channels.all().iter().for_each(|channel| channel.wake.notify_one()),
            Consequence::Paused(channel, paused) => {
                if let Some(channel) = self.channels.get(&channel) {
                    channel.paused.store(paused, Ordering::Relaxed);
                    channel.wake.notify_one();
                    channel.files.notify_one();
                }
            }
            Consequence::Files(channel) => {
                if let Some(channel) = channel.and_then(|channel| self.channels.get(&channel)) {
                    channel.files.notify_one();
                }
            }
            Consequence::Parked(channel, bytes, added) => {
                if let Some(channel) = self.channels.get(&channel) {
                    match added {
                        true => channel.parked.add(bytes),
                        false => channel.parked.remove(bytes),
                    }
                }
            }
        }
    }

    fn channel_of(&self, message: MessageId) -> tables::Result<Option<ChannelId>> {
        Ok(rows::get::<Message>(&self.view(), &keys::message(message))?.map(|row| row.channel))
    }

    /// A parked delivery.
    pub(crate) fn parked(&self, id: ParkedId) -> tables::Result<Option<Parked>> {
        rows::get(&self.view(), &keys::parked(id))
    }
}

/// What follows from a fact outside the views.
enum Consequence {
    None,
    /// Something may be there to send; on any channel, if it is not known on which.
    Wake(Option<ChannelId>),
    /// A channel was paused, or goes on.
    Paused(ChannelId, bool),
    /// Files may be there to fetch.
    Files(Option<ChannelId>),
    /// A delivery of so many bytes is parked, or is so no more.
    Parked(ChannelId, u64, bool),
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}
