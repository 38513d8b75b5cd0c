//! The one way into a guest.
//!
//! [`enter`] is the only function that runs guest code. It sets every bound, runs one call on a fresh instance, and throws the instance
//! away, whatever came of it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jackfield_core::fact::StateChange;
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::Instance;
use wasmtime::{Store, UpdateDeadline};

use crate::binding::Bound;
use crate::connector::{Connector, Exports};
use crate::cpu::CpuMeter;
use crate::error::{BoundHit, CallError, CallErrorKind, Reason, explain};
use crate::guest::Guest;
use crate::limits::Limits;

/// A call that came to an end of the guest's own choosing.
#[derive(Clone, Debug)]
pub struct Call<T> {
    /// What the connector answered. A failure is an answer too.
    pub result: Result<T, crate::failure::Failure>,
    /// What the call did besides. To be committed together with the result.
    pub effects: Effects,
}

/// What a call did besides answering.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Changes to the channel's state, in the order of their keys. Empty when the result is a failure.
    pub state: Vec<StateChange>,
    /// Whether `secrets.verify` or `secrets.equals` answered true.
    pub authenticated: bool,
    /// What the guest logged; what the host refused it stands among it.
    pub log: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, host functions included.
    pub cpu: Duration,
    /// From the first instruction to the last, waiting included.
    pub wall: Duration,
    /// Most linear memory at any moment, bytes.
    pub memory_bytes: usize,
    /// HTTP requests that the guest made and that were allowed.
    pub http_requests: u32,
    /// How many of these may have reached the other side. Zero is certain; so a send that ended in a [`CallError`] may be tried again
    /// only when this is zero, and is `uncertain` otherwise.
    pub http_sent: u32,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// For the curious.
    Info,
    /// For the operator.
    Warn,
    /// For the operator, now.
    Error,
}

/// One line of a guest's log. Secrets are replaced, control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The line.
    pub message: String,
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
}

/// Runs one call on a fresh instance of `connector`, for the channel of `bound`. `online` says whether it may use HTTP at all.
///
/// Dropping the future is harmless: the instance, its memory and the HTTP requests it waits for end with it, nothing it wrote is
/// kept, and its place in the pool is free again. Only what it already sent is sent.
pub(crate) async fn enter<E: Entry>(
    connector: &Connector,
    bound: &Arc<Bound>,
    online: bool,
    entry: E,
) -> Result<Raw<E::Output>, CallError> {
    let limits = &bound.limits;
    // The channel's place first, so that a channel with a long queue holds none of the pool's.
    let _channel_place = place(&bound.places, limits).await?;
    let _place = place(&connector.places, limits).await?;

    let meter = Arc::new(CpuMeter::default());
    let mut store = bounded_store(connector, bound, online, &meter);
    let started = Instant::now();
    let run = async {
        let instance = match connector.instance_pre.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(not_started(&error, limits)),
        };
        let called = entry.call(&mut store, &instance, &connector.exports).await;
        called.map_err(|error| explain(&error, limits.handles, limits.hostcall_fuel))
    };
    let outcome = tokio::time::timeout(limits.wall, metered(run, &meter)).await;
    let wall = started.elapsed();

    // From here on the store is never entered again: after a time-out its fiber was abandoned in the middle.
    let mut finished = store.into_data().finish();
    finished.effects.usage.cpu = meter.spent();
    finished.effects.usage.wall = wall;
    let reason = match outcome {
        Ok(Ok(output)) => {
            return Ok(Raw { output, effects: finished.effects });
        }
        Ok(Err(reason)) => reason,
        Err(_) => Reason::new(
            CallErrorKind::WallExceeded,
            format!("The call took longer than its {} ms.", limits.wall.as_millis()),
        ),
    };
    Err(finished.fail(reason))
}

/// A store with every bound of the channel set.
fn bounded_store(connector: &Connector, bound: &Arc<Bound>, online: bool, meter: &Arc<CpuMeter>) -> Store<Guest> {
    let limits = &bound.limits;
    let mut store = Store::new(connector.instance_pre.engine(), Guest::new(bound.clone(), online));
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(limits.hostcall_fuel);
    store.set_epoch_deadline(1);
    let (cpu, meter) = (limits.cpu, meter.clone());
    // At every tick a running guest gives the thread back, so that it neither starves others nor outlives its time-out. A guest that
    // only waited is not charged for the ticks that passed meanwhile.
    store.epoch_deadline_callback(move |_| match meter.so_far() > cpu {
        true => Err(BoundHit::Cpu { limit: cpu }.into()),
        false => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
    });
    store
}

/// Measures the CPU time of every poll.
async fn metered<F: Future>(future: F, meter: &CpuMeter) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        meter.start();
        let polled = future.as_mut().poll(context);
        meter.stop();
        polled
    })
    .await
}

/// A full pool fails at once, so guests queue here.
async fn place<'a>(places: &'a Semaphore, limits: &Limits) -> Result<SemaphorePermit<'a>, CallError> {
    if let Ok(permit) = places.try_acquire() {
        return Ok(permit);
    }
    match tokio::time::timeout(limits.queue, places.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        // The semaphores are never closed; were one, nothing could run either.
        Ok(Err(_)) | Err(_) => Err(CallError {
            kind: CallErrorKind::Busy,
            message: format!("No place to run became free within {} ms.", limits.queue.as_millis()),
            authenticated: false,
            log: Vec::new(),
            usage: Usage::default(),
        }),
    }
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
