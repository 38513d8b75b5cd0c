//! What follows from facts outside the tables. One task, and the only code that changes what runs: which generation serves, what a
//! channel may do, whether it is paused, what wakes a job, how much room is left for parked deliveries.
//!
//! Effects are level-triggered: each names what changed, the reactor reads the tables and makes what runs equal to them. So it does not
//! matter who appended a fact, whether they waited for it, or how often an effect comes. At the start everything is looked at once.
//!
//! The reactor never waits for anything but the next effect: what takes time (loading a component) is a task of its own that has its
//! result looked at when it is there. What could not be read is looked at again.
//!
//! A mistake of its own is contained: it is counted, shown by `/readyz`, and what it was about is looked at again.
//!
//! * [`handle`]: the way to it. [`health`]: how it stands. [`timers`]: what the tables say is due at a time.

pub mod handle;
pub mod health;
mod timers;

use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::effect::Effect;
use jackfield_core::ids::{ChannelId, Seq};
use jackfield_core::tables;
use jackfield_core::views::operations;
use jackfield_store::{Effects, Store};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::channels::{ChannelRuntime, Channels};
use crate::connectors::generation::Generation;
use crate::connectors::lifecycle::Lifecycle;
use crate::connectors::slot::Slot;
use crate::hints::HintsQueue;
use crate::housekeeping::Housekeeping;
use handle::{Order, ReactorHandle, ReactorInbox};
use timers::Timers;

/// How often it looks again at what could not be read or bound.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The wait after a generation could not be loaded. It doubles with each further attempt.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Attempts at loading a generation that only stands by.
const STANDBY_ATTEMPTS: u32 = 3;

/// See the module.
pub struct Reactor {
    store: Store,
    channels: Arc<Channels>,
    lifecycle: Arc<Lifecycle>,
    hints: HintsQueue,
    housekeeping: Housekeeping,
    effects: Effects,
    handle: ReactorHandle,
    inbox: ReactorInbox,
    timers: Timers,
    /// What could not be looked at.
    again: BTreeSet<Effect>,
    /// The generations that are being loaded.
    loading: HashSet<(String, u32)>,
    tasks: JoinSet<Option<(String, u32)>>,
}

impl Reactor {
    /// A reactor that acts on every effect from now on. `effects` are the store's, subscribed to before anything was read.
    #[must_use]
    pub fn new(
        store: Store,
        effects: Effects,
        lifecycle: Arc<Lifecycle>,
        channels: Arc<Channels>,
        (hints, housekeeping): (HintsQueue, Housekeeping),
        (handle, inbox): (ReactorHandle, ReactorInbox),
    ) -> Self {
        Self {
            store,
            channels,
            lifecycle,
            hints,
            housekeeping,
            effects,
            handle,
            inbox,
            timers: Timers::default(),
            again: BTreeSet::new(),
            loading: HashSet::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Acts until the store is closed. Dropping the future ends it in between two effects.
    pub async fn run(mut self) {
        self.progress(self.store.applied());
        self.act(Effect::Timer);
        let mut look_again = tokio::time::interval(LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.inbox.health.set_to_look_at_again(self.again.len() + self.loading.len());
            tokio::select! {
                batch = self.effects.next() => match batch {
                    Some(batch) => {
                        batch.effects.into_iter().for_each(|effect| self.act(effect));
                        if batch.replaced {
                            self.contain(&"other tables", Self::act_on_everything);
                        }
                        self.progress(batch.through);
                    }
                    None => return,
                },
                Some(order) = self.inbox.orders.recv() => self.obey(order),
                Some(ended) = self.tasks.join_next() => match ended {
                    Ok(Some(loaded)) => {
                        self.loading.remove(&loaded);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!("a task of the reactor has broken off: {error}");
                        // Which one is not known, so all may be begun again.
                        self.loading.clear();
                        self.again.extend(self.channels.slots().iter().map(|slot| Effect::Connector(slot.name.clone())));
                    }
                },
                () = self.timers.due() => {
                    let (store, timers) = (self.store.clone(), self.timers.fire());
                    self.tasks.spawn(async move {
                        timers::record(&store, timers).await;
                        None
                    });
                }
                _ = look_again.tick() => self.contain(&"what is looked at again", Self::look_again),
            }
        }
    }

    fn progress(&self, through: Seq) {
        self.inbox.reached.send_if_modified(|reached| {
            let further = through > *reached;
            *reached = through.max(*reached);
            further
        });
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Look(effect, done) => {
                self.act(effect);
                // Nobody may wait any more.
                let _ = done.send(());
            }
            Order::Replace(channels, done) => {
                self.contain(&"other channels", |reactor| reactor.replace(channels));
                let _ = done.send(());
            }
        }
    }

    fn look_again(&mut self) {
        let refused = self.channels.not_serving().into_iter().map(|(id, _)| Effect::Grants(id));
        let again: BTreeSet<Effect> = std::mem::take(&mut self.again).into_iter().chain(refused).collect();
        again.into_iter().for_each(|effect| self.act(effect));
    }

    fn act(&mut self, effect: Effect) {
        let health = Arc::clone(&self.inbox.health);
        match health.contain(&effect, || self.try_act(&effect)) {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                self.again.insert(effect.clone());
                tracing::error!(?effect, "what follows from a fact cannot be looked at yet: {error}");
            }
            None => {
                self.again.insert(effect);
            }
        }
    }

    fn contain(&mut self, what: &dyn Debug, work: impl FnOnce(&mut Self)) {
        let health = Arc::clone(&self.inbox.health);
        // What it is about is looked at again in time, by whatever was contained inside.
        let _ = health.contain(what, || work(self));
    }

    fn try_act(&mut self, effect: &Effect) -> tables::Result<()> {
        match effect {
            Effect::Connector(name) => self.connector(name)?,
            Effect::Channel(id) => self.channel(id)?,
            Effect::Grants(id) => self.grants(id)?,
            Effect::Outbox(id) => self.with(id, |channel| channel.wake.notify_one()),
            Effect::Files(id) => self.with(id, |channel| channel.files.notify_one()),
            Effect::Parked(id) => self.count_parked(id)?,
            Effect::Person(id, who) => self.hints.ask(id, *who),
            Effect::Key(_) => self.inbox.keys.send_modify(|changes| *changes += 1),
            Effect::Timer => self.timers.arm(operations::next_timer(&self.store.read())?),
            Effect::Erasures => self.housekeeping.erasures.notify_one(),
            Effect::UnusedFiles => self.housekeeping.files.notify_one(),
            Effect::Skipped => tracing::error!("a fact was skipped; `jackfield check` lists it"),
        }
        Ok(())
    }

    fn with(&self, id: &ChannelId, act: impl FnOnce(&ChannelRuntime)) {
        if let Some(channel) = self.channels.get(id) {
            act(&channel);
        }
    }

    fn channel(&self, id: &ChannelId) -> tables::Result<()> {
        let Some(channel) = self.channels.get(id) else { return Ok(()) };
        let row = operations::channel(&self.store.read(), id)?;
        channel.take_over(row.as_ref());
        wake(&channel);
        Ok(())
    }

    fn count_parked(&self, id: &ChannelId) -> tables::Result<()> {
        let totals = operations::parked_totals(&self.store.read(), id)?;
        self.with(id, |channel| channel.parked.set_stored(totals.count, totals.bytes));
        Ok(())
    }

    fn grants(&self, id: &ChannelId) -> tables::Result<()> {
        let Some(channel) = self.channels.get(id) else { return Ok(()) };
        self.bind(&channel)?;
        wake(&channel);
        Ok(())
    }

    /// Binds a channel to every generation of its connector that is loaded or ready, and ends calls that run with more than is granted,
    /// on whichever generation.
    fn bind(&self, channel: &ChannelRuntime) -> tables::Result<()> {
        // First, whatever becomes of the rest.
        self.lifecycle.recall(channel)?;
        let slot = &channel.slot;
        let versions = operations::connector(&self.store.read(), &slot.name)?;
        let active = versions.and_then(|versions| versions.active);
        for generation in slot.loaded().chain(self.lifecycle.prepared.of(&slot.name)) {
            self.lifecycle.rebind(&generation, channel, active == Some(generation.number));
        }
        Ok(())
    }

    /// Has the generations serve that the tables name. What serves goes on until what is to serve is loaded.
    fn connector(&mut self, name: &str) -> tables::Result<()> {
        let Some(versions) = operations::connector(&self.store.read(), name)? else {
            if self.channels.of(name).is_empty() {
                self.lifecycle.prepared.retain(name, |_| false);
                self.channels.drop_slot(name);
            }
            return Ok(());
        };
        let slot = self.channels.slot_for(name);
        let before = slot.active();
        let find = |number: u32| {
            let loaded = slot.loaded().find(|generation| generation.number == number);
            loaded.or_else(|| self.lifecycle.prepared.get(name, number))
        };
        let (active, standby) = (versions.active.and_then(find), versions.standby.and_then(find));
        for channel in self.channels.of(name) {
            active.iter().for_each(|active| self.lifecycle.rebind(active, &channel, true));
            standby.iter().for_each(|standby| self.lifecycle.rebind(standby, &channel, false));
        }
        match (versions.active, active) {
            (_, Some(active)) => {
                let changed = before.as_ref().is_none_or(|before| before.number != active.number);
                let standby_is_missing = standby.is_none();
                slot.publish(Some(active), standby);
                slot.set_problem(None);
                if changed {
                    self.swapped(&slot, before);
                }
                if let Some(number) = versions.standby.filter(|_| standby_is_missing) {
                    self.load(&slot, number, Some(STANDBY_ATTEMPTS));
                }
            }
            (Some(number), None) => {
                if before.is_none() {
                    slot.publish(None, standby);
                }
                self.load(&slot, number, None);
            }
            // A generation that was taken back has gone without another in its place: what serves goes on.
            (None, None) => {}
        }
        let is_on_its_way = |number| versions.get(number).is_some_and(|row| !row.stage.is_over());
        let serves = |number| versions.active == Some(number) || versions.standby == Some(number);
        let loaded = |number| slot.loaded().any(|generation| generation.number == number);
        self.lifecycle.prepared.retain(name, |n| (is_on_its_way(n) || serves(n)) && !loaded(n));
        self.channels.of(name).iter().for_each(|channel| wake(channel));
        Ok(())
    }

    /// Another generation serves from here on.
    fn swapped(&mut self, slot: &Arc<Slot>, before: Option<Arc<Generation>>) {
        let (lifecycle, slot) = (Arc::clone(&self.lifecycle), Arc::clone(slot));
        self.tasks.spawn(async move {
            if let Err(error) = lifecycle.announce(&slot).await {
                tracing::error!(connector = slot.name, "the code of its channels cannot be recorded: {error}");
            }
            if let Some(before) = before {
                lifecycle.retire_when_idle(&slot, &before).await;
            }
            None
        });
    }

    /// Loads a generation from the component that was kept, `attempts` times at most, for as long as it is wanted.
    fn load(&mut self, slot: &Arc<Slot>, number: u32, attempts: Option<u32>) {
        let key = (slot.name.clone(), number);
        if !self.loading.insert(key.clone()) {
            return;
        }
        let (lifecycle, slot, handle) = (Arc::clone(&self.lifecycle), Arc::clone(slot), self.handle.clone());
        self.tasks.spawn(async move {
            load(&lifecycle, &slot, &handle, number, attempts).await;
            Some(key)
        });
    }

    /// Acts as if everything had just changed: other tables serve, in which any row may be another one.
    fn act_on_everything(&mut self) {
        let connectors: Vec<Effect> =
            self.channels.slots().iter().map(|slot| Effect::Connector(slot.name.clone())).collect();
        let of_channel = [Effect::Channel, Effect::Grants, Effect::Outbox, Effect::Files, Effect::Parked];
        let channels = self.channels.all();
        let channels = channels.iter().flat_map(|channel| of_channel.map(|effect| effect(channel.id.clone())));
        for effect in connectors.into_iter().chain(channels).chain([Effect::Timer, Effect::Erasures]) {
            self.act(effect);
        }
    }

    fn replace(&mut self, channels: Vec<Arc<ChannelRuntime>>) {
        let effects: Vec<Effect> = channels
            .iter()
            .flat_map(|channel| [Effect::Channel(channel.id.clone()), Effect::Parked(channel.id.clone())])
            .collect();
        for channel in &channels {
            // What could not be read is looked at again below.
            channel.take_over(operations::channel(&self.store.read(), &channel.id).ok().flatten().as_ref());
            match self.inbox.health.contain(&channel.id, || self.bind(channel)) {
                Some(Ok(())) => {}
                failed => {
                    self.again.insert(Effect::Grants(channel.id.clone()));
                    if let Some(Err(error)) = failed {
                        tracing::error!(channel = %channel.id, "the channel cannot be bound yet: {error}");
                    }
                }
            }
        }
        self.channels.replace(channels);
        effects.into_iter().for_each(|effect| self.act(effect));
    }
}

fn wake(channel: &ChannelRuntime) {
    channel.wake.notify_one();
    channel.files.notify_one();
    channel.polls.notify_one();
}

async fn load(lifecycle: &Lifecycle, slot: &Slot, handle: &ReactorHandle, number: u32, attempts: Option<u32>) {
    let (mut attempt, mut wait) = (0, FIRST_WAIT);
    loop {
        let versions = operations::connector(&lifecycle.view(), &slot.name).ok().flatten();
        let wanted = |versions: &&_| {
            let versions: &jackfield_core::generation::Versions = versions;
            versions.active == Some(number) || versions.standby == Some(number)
        };
        let Some(versions) = versions.as_ref().filter(wanted) else { return };
        let Some(row) = versions.get(number) else { return };
        let active = versions.active == Some(number);
        match lifecycle.load(&slot.name, row, active).await {
            Ok(generation) => {
                lifecycle.prepared.insert(&slot.name, generation);
                handle.look(Effect::Connector(slot.name.clone())).await;
                return;
            }
            Err(why) => {
                tracing::error!(connector = slot.name, generation = number, "the generation cannot be loaded: {why}");
                if active {
                    slot.set_problem(Some(why));
                }
            }
        }
        attempt += 1;
        if attempts.is_some_and(|most| attempt >= most) {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}
