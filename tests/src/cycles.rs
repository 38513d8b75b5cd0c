//! A connector that is loaded and unloaded a thousand times: the host's memory does not grow.

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;

use crate::host::{Host, Setup};
use crate::provider::{Provider, Script};
use crate::versions::{version, webhook};

const CHANNEL: &str = "shop-versions";

/// The host's memory, MiB of its own (Pss), after so many cycles.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Cycles.
    pub cycles: usize,
    /// MiB.
    pub pss: f64,
}

/// Loads a version in place of another so many times, with a call on each. The memory after a tenth of it, and at the end.
///
/// # Errors
/// When a version does not serve.
pub async fn run(cycles: usize) -> Result<(Memory, Memory)> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
    let setup = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &[("app-secret", "APP_SECRET")])?;
    let host = Host::start(&setup.with("[log]\nlevel = \"error\"")).await?;
    let versions = [("good-a", version("good-a")?), ("good-b", version("good-b")?)];
    let mut early = None;
    for n in 1..=cycles {
        let (word, component) = &versions[n % 2];
        let path = "/v1/connectors/versions/generations";
        let answer =
            host.api.send(Method::POST, path, &[("content-type", "application/wasm")], component.clone()).await?;
        ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
        let answer = host.hook(CHANNEL, &webhook(&format!("m{n}"), "6281234", "hello")).await?;
        ensure!(answer.text() == *word, "{word} serves, and {} answered", answer.text());
        if n == cycles.div_ceil(10) {
            early = Some(Memory { cycles: n, pss: pss(&host)? });
        }
    }
    Ok((early.context("at least one cycle")?, Memory { cycles, pss: pss(&host)? }))
}

fn pss(host: &Host) -> Result<f64> {
    let pid = host.pid().context("the host runs")?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("the memory of a process")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
