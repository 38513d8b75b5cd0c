//! Memory of a host with fifteen connectors loaded and nothing to do, beside a host with none.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::paths;
use wasm_encoder::{ComponentSection, CustomSection, Encode};

use crate::numbers::ratio;
use crate::table::Row;

const CONNECTORS: usize = 15;

/// KiB of a process.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Pages that it has in memory.
    pub rss: f64,
    /// The same, those that it shares counted in parts.
    pub pss: f64,
}

impl Memory {
    /// That of a process, now.
    ///
    /// # Errors
    /// When it is not there.
    pub fn of(pid: u32) -> Result<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let kib = |name: &str| -> Result<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).context("a line of smaps_rollup")?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        Ok(Self { rss: kib("Rss:")?, pss: kib("Pss:")? })
    }
}

/// Measures it.
///
/// # Errors
/// When a host does not start.
pub async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let full = Home::new(&setup(folder.path())?).await?;
    let empty = Home::new(&Setup::new()).await?;
    // The first start compiles all of them, which is not what a running host is like.
    full.start().await?.stop().await?;
    let (again, alone) = (started(&full).await?, started(&empty).await?);
    let (with, without) = (idle(full.start().await?).await?, idle(empty.start().await?).await?);
    Ok(vec![
        Row {
            what: format!("restart with {CONNECTORS} connectors on {CONNECTORS} channels, until ready"),
            measured: format!("{again:.0?}"),
            beside: format!("{alone:.0?}, without connectors"),
            ratio: ratio(again.as_secs_f64(), alone.as_secs_f64()),
            to_reach: "≤ 3 s",
        },
        Row {
            what: format!(
                "memory of a host with {CONNECTORS} Rust connectors on {CONNECTORS} channels, idle: RSS / Pss"
            ),
            measured: shown(with),
            beside: format!("{}, without connectors", shown(without)),
            ratio: ratio(with.rss, without.rss),
            to_reach: "RSS ≤ 150 MB",
        },
    ])
}

/// How long a host takes until it is ready.
async fn started(home: &Home) -> Result<Duration> {
    let began = Instant::now();
    let host = home.start().await?;
    let took = began.elapsed();
    host.stop().await?;
    Ok(took)
}

fn shown(memory: Memory) -> String {
    let mib = |kib: f64| kib / 1024.0;
    format!("{:.1} / {:.1} MiB", mib(memory.rss), mib(memory.pss))
}

/// Five of each of the three, every one a component of its own, as the digest tells them apart.
fn setup(folder: &Path) -> Result<Setup> {
    let kinds = [
        ("whatsapp", ", media_base = \"http://127.0.0.1:1\", phone_number_id = \"106540352242922\"", META),
        ("instagram", ", media_base = \"http://127.0.0.1:1\", account_id = \"17841400000000000\"", META),
        ("telegram", "", TELEGRAM),
    ];
    let mut text = String::new();
    for index in 0..CONNECTORS {
        let (kind, config, secrets) = kinds[index % kinds.len()];
        let path = folder.join(format!("{kind}-{index}.wasm"));
        let mut component = std::fs::read(paths::component(kind)?)?;
        mark(&mut component, index);
        std::fs::write(&path, component)?;
        writeln!(text, "[connectors.c{index}]\npath = {path:?}")?;
        writeln!(text, "[channels.ch-{index}]\nconnector = \"c{index}\"")?;
        writeln!(text, "config = {{ api_base = \"http://127.0.0.1:1\"{config} }}")?;
        writeln!(text, "secrets = {secrets}\n[channels.ch-{index}.grants]")?;
        writeln!(text, "http = [\"http://127.0.0.1:1\"]\nprivate-addresses = [\"http://127.0.0.1:1\"]")?;
    }
    Ok(Setup::new().with(&text))
}

const META: &str = "{ app-secret = { env = \"APP_SECRET\" }, verify-token = { env = \"VERIFY_TOKEN\" }, access-token = { env = \
    \"ACCESS_TOKEN\" } }";
const TELEGRAM: &str = "{ webhook-secret = { env = \"TELEGRAM_SECRET\" }, bot-token = { env = \"BOT_TOKEN\" } }";

/// Appends a section that means nothing, so that the component is another one.
fn mark(component: &mut Vec<u8>, index: usize) {
    let section = CustomSection { name: Cow::Borrowed("copy"), data: Cow::Owned(index.to_string().into_bytes()) };
    component.push(ComponentSection::id(&section));
    section.encode(component);
}

async fn idle(host: Host) -> Result<Memory> {
    host.api.read("/healthz").await?;
    let memory = Memory::of(host.pid().context("the host runs")?)?;
    host.stop().await?;
    Ok(memory)
}
