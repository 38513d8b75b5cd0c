//! One call: a fresh instance and `receive` of a signed webhook of about 1 KB, in this process, on one thread; and the same connector
//! called as ordinary Rust.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use jackfield_core::ids::ChannelId;
use jackfield_sandbox::{Binding, Channel, Grants, Limits, Request, Sandbox, SandboxOptions, Secret, StateView};
use jackfield_tests::host::WHATSAPP;
use jackfield_tests::paths;
use jackfield_tests::webhooks::{ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN};

use crate::numbers::{Times, micros, ratio};
use crate::table::Row;
use crate::{Scale, native, shots};

/// Calls of one kind before it is the other's turn.
const BLOCK: usize = 100;

struct NoState;

impl StateView for NoState {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn list(&self, _: &str, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

/// Measures it.
///
/// # Errors
/// When a call fails.
pub async fn run(scale: Scale) -> Result<Vec<Row>> {
    let blocks = scale.pick(100, 3);
    let thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(alternate(blocks))
    };
    let (sandboxed, natively) = tokio::task::spawn_blocking(thread).await??;
    let row = |percent: f64, to_reach| Row {
        what: format!("sandboxed call, p{percent:.0}: fresh instance, 1 KB webhook verified and normalised"),
        measured: micros(sandboxed.percentile(percent)),
        beside: format!("{}, the same connector as native code", micros(natively.percentile(percent))),
        ratio: ratio(sandboxed.percentile(percent), natively.percentile(percent)),
        to_reach,
    };
    Ok(vec![row(50.0, "≤ 60 µs"), row(99.0, "")])
}

async fn alternate(blocks: usize) -> Result<(Times, Times)> {
    let channel = channel().await?;
    let request = native::request(&shots::webhook(7, "wamid.HBgNNjI4MTI5QIAEhgUM0E"))?;
    let (mut sandboxed, mut natively) = (Times::default(), Times::default());
    // The first calls touch memory that the later ones find.
    for _ in 0..BLOCK * 3 {
        once(&channel, request.clone()).await?;
        native::receive(request.clone())?;
    }
    for _ in 0..blocks {
        for _ in 0..BLOCK {
            let request = request.clone();
            let began = Instant::now();
            once(&channel, request).await?;
            sandboxed.add(began.elapsed());
        }
        for _ in 0..BLOCK {
            let request = request.clone();
            let began = Instant::now();
            native::receive(request)?;
            natively.add(began.elapsed());
        }
    }
    Ok((sandboxed, natively))
}

async fn once(channel: &Channel, request: Request) -> Result<()> {
    let call = channel.receive(request).await?;
    let received = call.result.ok().context("the connector refuses its webhook")?;
    anyhow::ensure!(received.events.len() == 1, "one message");
    Ok(())
}

async fn channel() -> Result<Channel> {
    let sandbox = Sandbox::new(SandboxOptions::default())?;
    let connector = sandbox.load(std::fs::read(paths::component("whatsapp")?)?).await?;
    let origin: jackfield_sandbox::Origin = "http://127.0.0.1:1".parse().ok().context("an origin")?;
    let secrets = [("app-secret", APP_SECRET), ("verify-token", VERIFY_TOKEN), ("access-token", ACCESS_TOKEN)];
    let binding = Binding {
        channel: WHATSAPP.parse::<ChannelId>()?,
        config: serde_json::from_str(native::CONFIG)?,
        secrets: secrets.map(|(name, value)| (name.to_owned(), Secret::new(value))).into(),
        grants: Grants {
            http: vec![origin.clone()],
            private_addresses: vec![origin],
            attests: vec!["phone".to_owned()],
            ..Grants::default()
        },
        limits: Limits { calls_per_second: u32::MAX, ..Limits::default() },
        state: Arc::new(NoState),
    };
    connector.bind(binding).map_err(|problems| anyhow::anyhow!("{problems:?}"))
}
