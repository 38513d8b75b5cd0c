//! A connector that is swapped a hundred times under load: nothing fails, nothing is lost, nothing bad stays.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::host::{Home, Host, Setup};
use crate::provider::{Provider, Script};
use crate::versions::{asking_for_more, version, webhook};

const CHANNEL: &str = "shop-versions";
const SENDERS: usize = 50;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Swaps.
    pub swaps: usize,
    /// Webhooks a second.
    pub webhooks: f64,
    /// Replies a second.
    pub replies: f64,
    /// How long the load runs without swaps, to compare with.
    pub steady: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    swaps: usize,
    kinds: BTreeMap<&'static str, usize>,
    webhooks: usize,
    replies: usize,
    failed: usize,
    lost: usize,
    doubled: usize,
    served_by_refused: usize,
    steady: (Duration, Duration),
    swapping: (Duration, Duration),
    publish: Duration,
}

impl Report {
    /// Whether anything was lost, doubled or refused.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failed + self.lost + self.doubled + self.served_by_refused == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} swaps: {:?}", self.swaps, self.kinds)?;
        writeln!(f, "{} webhooks and {} replies, {} failed", self.webhooks, self.replies, self.failed)?;
        writeln!(
            f,
            "{} lost, {} doubled, {} answered by a version that was refused",
            self.lost, self.doubled, self.served_by_refused
        )?;
        let ratio = self.swapping.1.as_secs_f64() / self.steady.1.as_secs_f64();
        writeln!(
            f,
            "webhooks, p50 / p99: {:.1?} / {:.1?} steady, {:.1?} / {:.1?} while swapping: p99 {ratio:.2} ×",
            self.steady.0, self.steady.1, self.swapping.0, self.swapping.1
        )?;
        write!(f, "a good version serves {:.0?} after it was brought (median)", self.publish)
    }
}

/// What the load has seen.
#[derive(Default)]
struct Seen {
    taken: Mutex<Vec<(String, String)>>,
    times: Mutex<Vec<Duration>>,
    queued: Mutex<Vec<String>>,
    failed: AtomicUsize,
    stop: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs it.
///
/// # Errors
/// When the host does something that no version of a connector can be blamed for.
pub async fn run(scale: Scale, say: &dyn Fn(&str)) -> Result<Report> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
    let setup = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &[("app-secret", "APP_SECRET")])?;
    let host = Home::new(&setup.with("[log]\nlevel = \"error\"")).await?.start().await?;
    let seen = Arc::new(Seen::default());
    let mut load = JoinSet::new();
    // Everybody writes once, so that everybody can be answered.
    for sender in 0..SENDERS {
        take(&host.api, &seen, sender, &format!("first-{sender}")).await;
    }
    let mut customers = Vec::new();
    for sender in 0..SENDERS {
        customers.push(host.api.customer_with(&format!("phone:+{}", number(sender))).await?);
    }
    load.spawn(webhooks(host.api.with_key(None), Arc::clone(&seen), scale.webhooks));
    load.spawn(replies(host.api.clone(), Arc::clone(&seen), customers.clone(), scale.replies));

    say("steady load");
    lock(&seen.times).clear();
    tokio::time::sleep(scale.steady).await;
    let steady = percentiles(std::mem::take(&mut *lock(&seen.times)));
    say("swapping");
    let (mut kinds, mut publish) = (BTreeMap::new(), Vec::new());
    for n in 0..scale.swaps {
        let kind = KINDS[n % KINDS.len()];
        *kinds.entry(kind).or_default() += 1;
        let took = swap(&host, &seen, kind, n).await.with_context(|| format!("swap {n}, {kind}"))?;
        publish.extend(took);
        if (n + 1) % 20 == 0 {
            say(&format!("  {} of {}", n + 1, scale.swaps));
        }
    }
    let swapping = percentiles(std::mem::take(&mut *lock(&seen.times)));
    seen.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended?;
    }
    say("counting");
    let (lost, doubled) = count(&host, &provider, &seen, &customers).await?;
    let taken = lock(&seen.taken).clone();
    publish.sort();
    Ok(Report {
        swaps: scale.swaps,
        kinds,
        webhooks: taken.len(),
        replies: lock(&seen.queued).len(),
        failed: seen.failed.load(Ordering::Relaxed),
        lost,
        doubled,
        served_by_refused: taken
            .iter()
            .filter(|(_, word)| word.starts_with("bad-probe") || word.starts_with("more"))
            .count(),
        steady,
        swapping,
        publish: publish.get(publish.len() / 2).copied().unwrap_or_default(),
    })
}

/// The kinds of swaps, in turn.
const KINDS: [&str; 5] = ["good", "bad probe", "good", "fails after ten calls", "asks for more"];

fn number(sender: usize) -> String {
    format!("62812{sender:07}")
}

/// Sends a webhook and notes what came of it.
async fn take(api: &Client, seen: &Seen, sender: usize, id: &str) {
    let hook = webhook(id, &number(sender), "hello");
    let path = format!("/hooks/{CHANNEL}");
    let began = Instant::now();
    let answer = api.send(Method::POST, &path, &hook.headers(), hook.body.clone()).await;
    lock(&seen.times).push(began.elapsed());
    match answer {
        Ok(answer) if answer.status == 200 => lock(&seen.taken).push((id.to_owned(), answer.text())),
        _ => {
            seen.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn webhooks(api: Client, seen: Arc<Seen>, rate: f64) {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let mut running = JoinSet::new();
    for n in 0_usize.. {
        ticks.tick().await;
        if seen.stop.load(Ordering::Relaxed) {
            break;
        }
        let (api, seen) = (api.clone(), Arc::clone(&seen));
        running.spawn(async move { take(&api, &seen, n % SENDERS, &format!("m{n}")).await });
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

async fn replies(api: Client, seen: Arc<Seen>, customers: Vec<String>, rate: f64) {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    for n in 0_usize.. {
        ticks.tick().await;
        if seen.stop.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/v1/customers/{}/messages", customers[n % customers.len()]);
        match api.post(&path, &json!({ "text": format!("reply {n}") })).await {
            Ok(answer) if answer.status == 202 => {
                lock(&seen.queued).push(answer.json()["message_id"].as_str().unwrap_or_default().to_owned());
            }
            _ => {
                seen.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// One swap. How long a good version took to serve.
async fn swap(host: &Host, seen: &Seen, kind: &str, n: usize) -> Result<Option<Duration>> {
    let before = connector(host).await?["generation"].clone();
    let began = Instant::now();
    match kind {
        "good" => {
            let word = format!("good-{n}");
            bring(host, version(&word)?, 201).await?;
            let took = began.elapsed();
            // The answer truly changes with the version.
            let id = format!("shown-{n}");
            take(&host.api.with_key(None), seen, 0, &id).await;
            let taken = lock(&seen.taken).clone();
            let answered = taken.iter().find(|(taken, _)| *taken == id).map(|(_, word)| word.clone());
            ensure!(answered.as_deref() == Some(&word), "{word} serves, and {answered:?} answered");
            return Ok(Some(took));
        }
        "bad probe" => bring(host, version("bad-probe")?, 422).await?,
        "asks for more" => bring(host, asking_for_more(&format!("more-{n}"))?, 202).await?,
        _ => {
            bring(host, version(&format!("bad-soon-{n}"))?, 201).await?;
            wait_for(host, &before).await?;
        }
    }
    ensure!(connector(host).await?["generation"] == before, "another generation serves");
    Ok(None)
}

async fn bring(host: &Host, component: Vec<u8>, expected: u16) -> Result<()> {
    let path = "/v1/connectors/versions/generations";
    let answer = host.api.send(Method::POST, path, &[("content-type", "application/wasm")], component).await?;
    ensure!(answer.status == expected, "{} {}", answer.status, answer.text());
    Ok(())
}

async fn connector(host: &Host) -> Result<Value> {
    host.api.read("/v1/connectors/versions").await
}

/// Waits until this generation serves again.
async fn wait_for(host: &Host, generation: &Value) -> Result<()> {
    // Serving comes a moment after the fact that says so; asking is the only way to see it. Not without a break, which would be a load
    // of its own beside the one that is measured.
    let serves = async {
        while connector(host).await?["generation"] != *generation {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), serves).await.context("the one before never serves again")?
}

/// Compares what was taken with what is there, and what was sent with what the provider got.
async fn count(host: &Host, provider: &Provider, seen: &Seen, customers: &[String]) -> Result<(usize, usize)> {
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for customer in customers {
        let mut before = String::new();
        loop {
            let page = host.api.read(&format!("/v1/customers/{customer}/timeline?limit=200{before}")).await?;
            for item in page["items"].as_array().into_iter().flatten() {
                if item["message"]["direction"] == "inbound" {
                    *stored
                        .entry(item["message"]["external_id"].as_str().unwrap_or_default().to_owned())
                        .or_default() += 1;
                }
            }
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
    }
    let taken = lock(&seen.taken).clone();
    let queued = lock(&seen.queued).clone();
    for message in &queued {
        host.delivered(message, "sent").await?;
    }
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for request in provider.seen() {
        *sent.entry(request.json()["key"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let lost = taken.iter().filter(|(id, _)| !stored.contains_key(id)).count()
        + queued.iter().filter(|id| !sent.contains_key(*id)).count();
    let doubled = stored.values().chain(sent.values()).filter(|times| **times > 1).count();
    Ok((lost, doubled))
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    (at(50), at(99))
}
