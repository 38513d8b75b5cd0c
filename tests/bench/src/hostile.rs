//! Good webhooks at a modest rate, alone and while an endless loop is called without a break on another channel. On two cores the loop
//! has one of them for itself; what is to be seen is that others wait for turns of it, and not for its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use jackfield_tests::host::{Host, Setup};
use jackfield_tests::paths;
use tokio::task::JoinHandle;

use crate::load::{self, Connection};
use crate::numbers::{Times, median, micros, rate, ratio};
use crate::shots::Magazine;
use crate::table::Row;
use crate::{Scale, webhooks};

const PER_SECOND: f64 = 500.0;
const SENDERS: usize = 1_000;
const CONNECTIONS: usize = 32;
/// The CPU time of a call, unless the configuration says otherwise.
const BOUND_MICROS: f64 = 500_000.0;

/// Measures it.
///
/// # Errors
/// When a good webhook is not taken.
pub async fn run(scale: Scale) -> Result<Vec<Row>> {
    let host = Host::start(&setup()?).await?;
    let target = webhooks::target(host.api.base());
    let mut magazine = Magazine::default();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = (PER_SECOND * scale.pick(8.0, 1.0)) as usize;
    load::open(&target, &magazine.load(SENDERS, SENDERS)?, CONNECTIONS, PER_SECOND).await?;
    let (mut alone, mut beside) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut bad = Times::default();
    for _ in 0..scale.pick(3, 1) {
        let shots = magazine.load(count, SENDERS)?;
        let round = load::open(&target, &shots, CONNECTIONS, PER_SECOND).await?;
        note(&mut alone, &round.times);
        let attack = Attack::begin(host.api.base()).await?;
        let shots = magazine.load(count, SENDERS)?;
        let round = load::open(&target, &shots, CONNECTIONS, PER_SECOND).await?;
        note(&mut beside, &round.times);
        bad.extend(attack.end().await?);
    }
    host.stop().await?;
    let shown = |times: &[Vec<f64>; 2]| format!("{} / {}", micros(median(&times[0])), micros(median(&times[1])));
    Ok(vec![
        Row {
            what: format!(
                "good webhooks at {} while an endless loop is called on another channel, p50 / p99",
                rate(PER_SECOND)
            ),
            measured: shown(&beside),
            beside: format!("{}, without it", shown(&alone)),
            ratio: format!("p99 {}", ratio(median(&beside[1]), median(&alone[1]))),
            to_reach: "",
        },
        Row {
            what: String::from("the endless loop's own call until it has failed, p50"),
            measured: micros(bad.percentile(50.0)),
            beside: format!("{}, its bound of CPU time", micros(BOUND_MICROS)),
            ratio: ratio(bad.percentile(50.0), BOUND_MICROS),
            to_reach: "≤ 1.2 ×",
        },
    ])
}

fn note(times: &mut [Vec<f64>; 2], round: &Times) {
    times[0].push(round.percentile(50.0));
    times[1].push(round.percentile(99.0));
}

/// The shop's WhatsApp, and a channel whose guest never ends.
fn setup() -> Result<Setup> {
    let guest = paths::programs()?;
    let guest = guest.parent().unwrap_or(&guest).join("test-guests/hostile.wasm");
    let origins = "http = [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]";
    let channel = format!(
        "[connectors.hostile]\npath = {guest:?}\n[channels.loop]\nconnector = \"hostile\"\n\
         config = {{ do = \"spins\", target = \"http://127.0.0.1:1\", second = \"http://127.0.0.1:2\" }}\n\
         secrets = {{ app-secret = {{ env = \"APP_SECRET\" }} }}\n[channels.loop.grants]\n{origins}"
    );
    Ok(webhooks::setup()?.with(&channel))
}

/// Calls the loop, again and again.
struct Attack {
    stop: Arc<AtomicBool>,
    caller: JoinHandle<Result<Times>>,
}

impl Attack {
    async fn begin(base: &str) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut line = Connection::open(base).await?;
        let stopped = Arc::clone(&stop);
        let caller = tokio::spawn(async move {
            let mut times = Times::default();
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                let request = Request::post("/hooks/loop").body(Full::new(Bytes::from_static(b"{}")))?;
                let (status, _) = line.send(request).await?;
                // Parked as long as there is room for what nobody signed, then refused.
                ensure!(
                    status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE,
                    "the loop's call got {status}"
                );
                times.add(began.elapsed());
            }
            Ok(times)
        });
        Ok(Self { stop, caller })
    }

    async fn end(self) -> Result<Times> {
        self.stop.store(true, Ordering::Relaxed);
        self.caller.await?
    }
}
