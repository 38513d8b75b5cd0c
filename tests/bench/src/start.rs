//! Starting on a large store, after a clean stop and after `kill -9`, beside a start on an empty one; and building the views again,
//! beside reading the same journal from end to end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jackfield_tests::host::{Home, Host, command};

use crate::big_store::BigStore;
use crate::load::closed;
use crate::numbers::{digits, median, micros, ratio};
use crate::shots::Magazine;
use crate::table::Row;
use crate::{Scale, webhooks};

/// Webhooks before each `kill -9`, so that it hits a host at work.
const BEFORE_KILL: usize = 2_000;

/// Measures it.
///
/// # Errors
/// When a start fails.
pub async fn run(store: &BigStore, scale: Scale) -> Result<Vec<Row>> {
    let empty = Home::new(&webhooks::setup()?).await?;
    // The first start of a folder compiles the connector.
    empty.start().await?.stop().await?;
    let (mut clean, mut killed, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    let mut magazine = Magazine::default();
    for _ in 0..scale.pick(3, 1) {
        let (small, time) = timed(&empty).await?;
        beside.push(time);
        small.stop().await?;
        let (host, time) = timed(&store.home).await?;
        clean.push(time);
        let shots = magazine.load(BEFORE_KILL, 1_000)?;
        closed(&webhooks::target(host.api.base()), &shots, 8, Duration::from_secs(20)).await?;
        host.kill().await?;
        let (host, time) = timed(&store.home).await?;
        killed.push(time);
        host.stop().await?;
    }
    let (read, rebuilt) = (tool(store, "export").await?, tool(store, "rebuild").await?);
    Ok(rows(store, [median(&clean), median(&killed), median(&beside)], read, rebuilt))
}

fn rows(store: &BigStore, [clean, killed, beside]: [f64; 3], read: f64, rebuilt: f64) -> Vec<Row> {
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let facts = digits(store.messages as f64);
    let row = |what: String, time: f64, other: f64, beside: &str, to_reach| Row {
        what,
        measured: micros(time),
        beside: format!("{}, {beside}", micros(other)),
        ratio: ratio(time, other),
        to_reach,
    };
    vec![
        row(
            format!("start with {facts} facts after a clean stop, until ready"),
            clean,
            beside,
            "an empty store",
            "≤ 3 s",
        ),
        row(format!("start with {facts} facts after `kill -9` under load"), killed, beside, "an empty store", "≤ 3 s"),
        row(
            format!("`jackfield rebuild` of {facts} facts"),
            rebuilt,
            read,
            "`jackfield export` of the same, which only reads",
            "≤ 60 s",
        ),
    ]
}

async fn timed(home: &Home) -> Result<(Host, f64)> {
    let began = Instant::now();
    let host = home.start().await?;
    Ok((host, began.elapsed().as_secs_f64() * 1e6))
}

/// Runs a command of the program on the store; microseconds.
async fn tool(store: &BigStore, name: &str) -> Result<f64> {
    let config = store.home.folder.join("jackfield.toml");
    let began = Instant::now();
    let status = command(&[name, "--config", &config.to_string_lossy()])?.stdout(Stdio::null()).status().await?;
    ensure!(status.success(), "`jackfield {name}` ended with {status}");
    Ok(began.elapsed().as_secs_f64() * 1e6)
}
