//! Good webhooks at a steady rate, and the looks of an operator and of a health check, from threads of their own.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use http::Method;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::host::{Host, WHATSAPP};
use crate::webhooks::{meta, whatsapp_text};

/// How long an operator and a health check wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many people write.
const SENDERS: usize = 50;

/// What was seen in a while.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Good webhooks that were answered or given up.
    pub sent: usize,
    /// Those that were not taken.
    pub failed: usize,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// Looks of the health check, and as many of the operator.
    pub looks: usize,
    /// Health checks without an answer.
    pub unhealthy: usize,
    /// Calls of the operator without an answer.
    pub locked_out: usize,
}

#[derive(Default)]
struct Counts {
    times: Mutex<Vec<Duration>>,
    failed: AtomicUsize,
    looks: AtomicUsize,
    unhealthy: AtomicUsize,
    locked_out: AtomicUsize,
}

/// A running load.
pub struct Load {
    runtime: Option<Runtime>,
    counts: Arc<Counts>,
}

impl Load {
    /// Starts it.
    pub fn start(host: &Host, rate: f64) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let counts = Arc::new(Counts::default());
        runtime.spawn(webhooks(host.api.base().to_owned(), Arc::clone(&counts), rate));
        runtime.spawn(looks(host.api.base().to_owned(), host.key.clone(), Arc::clone(&counts)));
        Ok(Self { runtime: Some(runtime), counts })
    }

    /// What was seen since the last time.
    pub async fn take(&mut self) -> Seen {
        let mut times = mem::take(&mut *self.counts.times.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort();
        let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
        let count = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        Seen {
            sent: times.len(),
            failed: count(&self.counts.failed),
            p50: at(50),
            p99: at(99),
            looks: count(&self.counts.looks),
            unhealthy: count(&self.counts.unhealthy),
            locked_out: count(&self.counts.locked_out),
        }
    }

    /// Ends it.
    pub fn end(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn webhooks(base: String, counts: Arc<Counts>, rate: f64) {
    let api = Client::new(&base, None);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let mut running = JoinSet::new();
    for n in 0_usize.. {
        ticks.tick().await;
        let (api, counts) = (api.clone(), Arc::clone(&counts));
        running.spawn(async move {
            let hook = meta(&whatsapp_text(&format!("62812{:06}", n % SENDERS), "Ana", &format!("w{n}"), "hello"));
            let (path, headers) = (format!("/hooks/{WHATSAPP}"), hook.headers());
            let began = Instant::now();
            let answer = api.send(Method::POST, &path, &headers, hook.body.clone());
            let taken = tokio::time::timeout(PATIENCE, answer).await;
            let time = began.elapsed();
            counts.times.lock().unwrap_or_else(PoisonError::into_inner).push(time);
            if !matches!(taken, Ok(Ok(answer)) if answer.status == 200) {
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        });
        while running.try_join_next().is_some() {}
    }
}

/// A health check and an operator look twice a second, each time by a connection of their own, as an orchestrator and a command do.
async fn looks(base: String, key: String, counts: Arc<Counts>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    loop {
        ticks.tick().await;
        let api = Client::new(&base, Some(&key));
        let health = tokio::time::timeout(PATIENCE, api.with_key(None).get("/healthz")).await;
        let operator = tokio::time::timeout(PATIENCE, api.get("/v1/channels")).await;
        counts.looks.fetch_add(1, Ordering::Relaxed);
        if !matches!(health, Ok(Ok(answer)) if answer.status == 200) {
            counts.unhealthy.fetch_add(1, Ordering::Relaxed);
        }
        if !matches!(operator, Ok(Ok(answer)) if answer.status == 200) {
            counts.locked_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}
