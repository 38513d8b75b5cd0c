//! The one way into a guest.
//!
//! [`enter`] is the only function that runs guest code. It sets every bound, runs one call on a fresh instance, and throws the instance
//! away, whatever came of it; unless connector and operator agreed that it is used again ([`crate::warm`]) and the call went well.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::Instance;
use wasmtime::{Store, UpdateDeadline};

use crate::binding::ChannelBinding;
use crate::connector::{Connector, Exports};
use crate::report::{Effects, Usage};
use crate::run::cpu::CpuMeter;
use crate::run::error::{CallError, CallErrorKind, Reason, explain};
use crate::run::guest::Guest;
use crate::run::instance_pool::{InstancePool, Lifetime, PooledInstance};
use crate::run::limits::{BoundHit, Limits};
use crate::run::long::LongRun;

/// A call that came to an end of the guest's own choosing.
#[derive(Clone, Debug)]
pub struct Call<T> {
    /// What the connector answered. A failure is an answer too.
    pub result: Result<T, crate::failure::Failure>,
    /// What the call did besides. To be committed together with the result.
    pub effects: Effects,
}

/// One of the contract's exports, with its arguments.
pub(crate) trait Entry: Send {
    type Output: Send;

    fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> impl Future<Output = wasmtime::Result<Self::Output>> + Send;
}

/// What came out of the guest, unchecked, and what it did.
pub(crate) struct Raw<T> {
    pub(crate) output: T,
    pub(crate) effects: Effects,
    /// The instance, which may be called again once the answer was found good. None if something that it began goes on.
    pub(crate) instance: Option<PooledInstance>,
}

/// Runs one call on an instance of `connector`, for the channel of `bound`; on one of `instances` if there is one. `online` says whether it may use HTTP at all.
///
/// Dropping the future is harmless: the instance, its memory and the HTTP requests it waits for end with it, nothing it wrote is
/// kept, and its place in the pool is free again. Only what it already sent is sent.
pub(crate) async fn enter<E: Entry>(
    connector: &Connector,
    bound: &Arc<ChannelBinding>,
    instances: &InstancePool,
    online: bool,
    entry: E,
) -> Result<Raw<E::Output>, CallError> {
    let limits = &bound.limits;
    bound.rate.take().map_err(|wait| too_often(wait, limits))?;
    // The channel's place first, so that a channel with a long queue holds none of the pool's.
    let _channel_place = place(&bound.places, limits).await?;
    let _connector_place = place(&connector.own_places, limits).await?;
    let _place = place(&connector.places, limits).await?;

    let long = LongRun::new(&connector.long_turns, &connector.turn_key);
    let meter = Arc::new(CpuMeter::default());
    let (mut store, kept, age) = match instances.take() {
        Some(PooledInstance { mut store, instance, age }) => {
            store.data_mut().begin(online);
            (store, Some(instance), age)
        }
        None => {
            let guest = Guest::new(bound.clone(), online);
            (Store::new(connector.instance_pre.engine(), guest), None, Lifetime::new())
        }
    };
    set_bounds(&mut store, limits, &meter, &long);
    let started = Instant::now();
    let run = async {
        let instance = match kept {
            Some(instance) => instance,
            None => {
                let started = connector.instance_pre.instantiate_async(&mut store).await;
                started.map_err(|error| not_started(&error, limits))?
            }
        };
        let called = entry.call(&mut store, &instance, &connector.exports).await;
        let output = called.map_err(|error| explain(&error, limits.handles, limits.hostcall_fuel))?;
        Ok((output, instance))
    };
    let outcome = tokio::time::timeout(limits.wall, metered(run, &meter, &long)).await;
    let wall = started.elapsed();

    let mut finished = store.data_mut().finish();
    finished.effects.usage.cpu = meter.spent();
    finished.effects.usage.wall = wall;
    let reason = match outcome {
        Ok(Ok((output, instance))) => {
            // A request on its way would end in the next call, and be counted, or forbidden, as one of that.
            let instance = (!store.data().has_request_in_flight()).then_some(PooledInstance { store, instance, age });
            return Ok(Raw { output, effects: finished.effects, instance });
        }
        Ok(Err(reason)) => reason,
        // The store must never be entered again: its fiber was abandoned in the middle.
        Err(_) => Reason::new(
            CallErrorKind::WallExceeded,
            format!("The call took longer than its {} ms.", limits.wall.as_millis()),
        ),
    };
    Err(finished.fail(reason))
}

/// Sets every bound of the channel on a store, for one call.
fn set_bounds(store: &mut Store<Guest>, limits: &Limits, meter: &Arc<CpuMeter>, long: &Arc<LongRun>) {
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(limits.hostcall_fuel);
    store.set_epoch_deadline(1);
    let (cpu, meter, long) = (limits.cpu, Arc::clone(meter), Arc::clone(long));
    // At every tick a running guest gives the thread back, so that it neither starves others nor outlives its time-out. A guest that
    // only waited is not charged for the ticks that passed meanwhile.
    store.epoch_deadline_callback(move |_| match meter.so_far() {
        spent if spent > cpu => Err(BoundHit::Cpu { limit: cpu }.into()),
        spent => Ok(UpdateDeadline::YieldCustom(1, Box::pin(Arc::clone(&long).give_way(spent)))),
    });
}

/// Measures the CPU time of every poll. A call keeps no turn while it waits.
async fn metered<F: Future>(future: F, meter: &CpuMeter, long: &LongRun) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        meter.start();
        let polled = future.as_mut().poll(context);
        meter.stop();
        long.pause();
        polled
    })
    .await
}

/// A full pool fails at once, so guests queue here.
pub(crate) async fn place<'a>(places: &'a Semaphore, limits: &Limits) -> Result<SemaphorePermit<'a>, CallError> {
    if let Ok(permit) = places.try_acquire() {
        return Ok(permit);
    }
    match tokio::time::timeout(limits.queue, places.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        // The semaphores are never closed; were one, nothing could run either.
        Ok(Err(_)) | Err(_) => {
            Err(busy(format!("No place to run became free within {} ms.", limits.queue.as_millis())))
        }
    }
}

fn too_often(wait: Duration, limits: &Limits) -> CallError {
    let rate = limits.calls_per_second;
    busy(format!(
        "The channel is called more than its {rate} times a second; the next call may be made in {} ms.",
        wait.as_millis().max(1)
    ))
}

/// Nothing has run.
fn busy(message: String) -> CallError {
    let (log, usage) = (Vec::new(), Usage::default());
    CallError { kind: CallErrorKind::Busy, message, authenticated: false, log, usage }
}

fn not_started(error: &wasmtime::Error, limits: &Limits) -> Reason {
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Reason::new(CallErrorKind::Busy, "The pool of instances is full.");
    }
    let reason = explain(error, limits.handles, limits.hostcall_fuel);
    match reason.kind {
        CallErrorKind::Trap => {
            Reason::new(CallErrorKind::Instantiate, format!("The component did not start: {error:#}."))
        }
        _ => reason,
    }
}
