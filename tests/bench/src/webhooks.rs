//! Signed webhooks over HTTP, each with an id of its own, from a thousand senders: the host; the same host with the connector compiled
//! in; and a bare server that verifies, parses and appends. All three take turns, and share the machine's cores with the clients alike.

use std::time::Duration;

use anyhow::{Context, Result};
use jackfield_tests::host::{Home, Host, Setup, WHATSAPP};

use crate::child::Child;
use crate::load::{self, Round, Target};
use crate::numbers::{Times, median, micros, rate, ratio};
use crate::shots::Magazine;
use crate::table::Row;
use crate::{Scale, say};

const SENDERS: usize = 1_000;
const CONNECTIONS: usize = 32;
/// At a fixed rate, enough connections that a request hardly ever has to wait for one.
const OPEN_CONNECTIONS: usize = 64;

/// The three servers. Each has a folder of its own on the same disk.
struct Servers {
    targets: [Target; 3],
    pids: [u32; 3],
    _host: Host,
    _homes: [Home; 2],
    _children: [Child; 2],
    _folder: tempfile::TempDir,
}

/// A host with WhatsApp and no other channel.
///
/// # Errors
/// When the connector was not built.
pub fn setup() -> Result<Setup> {
    let secrets = [("app-secret", "APP_SECRET"), ("verify-token", "VERIFY_TOKEN"), ("access-token", "ACCESS_TOKEN")];
    let config = "phone_number_id = \"106540352242922\"";
    let setup = Setup::new().channel(WHATSAPP, "whatsapp", "http://127.0.0.1:1", config, &secrets)?;
    Ok(setup.flooded().with("[log]\nlevel = \"warn\""))
}

/// The hook of that channel.
#[must_use]
pub fn target(base: &str) -> Target {
    Target { base: base.to_owned(), path: format!("/hooks/{WHATSAPP}") }
}

async fn servers() -> Result<Servers> {
    let home = Home::new(&setup()?).await?;
    let native_home = Home::new(&setup()?).await?;
    let host = home.start().await?;
    let config = native_home.folder.join("jackfield.toml");
    let native = Child::start(&["native-host", "--config", &config.to_string_lossy()]).await?;
    let folder = tempfile::tempdir()?;
    let bare = Child::start(&["bare", "--file", &folder.path().join("webhooks").to_string_lossy()]).await?;
    Ok(Servers {
        pids: [host.pid().context("the host runs")?, native.pid()?, bare.pid()?],
        targets: [target(host.api.base()), target(&native.base), target(&bare.base)],
        _host: host,
        _homes: [home, native_home],
        _children: [native, bare],
        _folder: folder,
    })
}

/// Measures it.
///
/// # Errors
/// When a webhook is not taken.
pub async fn run(scale: Scale) -> Result<Vec<Row>> {
    let servers = servers().await?;
    let mut magazine = Magazine::default();
    // Everybody has written before, and was asked about, when the measurement begins.
    let warm_up = magazine.load(scale.pick(5, 1) * SENDERS, SENDERS)?;
    for target in &servers.targets {
        load::closed(target, &warm_up, CONNECTIONS, Duration::from_secs(30)).await?;
    }
    let most = Duration::from_secs(scale.pick(8, 1));
    let mut series = [const { Series::new() }; 3];
    for round in 1..=scale.pick(3, 1) {
        let shots = magazine.load(scale.pick(100_000, 4_000), SENDERS)?;
        for (index, target) in servers.targets.iter().enumerate() {
            let before = cpu_micros(servers.pids[index])?;
            let done = load::closed(target, &shots, CONNECTIONS, most).await?;
            series[index].add(&done, cpu_micros(servers.pids[index])? - before);
        }
        let last: Vec<String> = series.iter().filter_map(|s| s.speeds.last().map(|speed| rate(*speed))).collect();
        say(&format!("  round {round}: host, native host, bare server: {}", last.join(", ")));
    }
    let mut rows = throughput(&series);
    rows.push(at_full_load(&series));
    rows.push(cpu(&series));
    rows.push(at_half(&servers, &mut magazine, median(&series[0].speeds) / 2.0, scale).await?);
    Ok(rows)
}

/// What the rounds of one server came to.
struct Series {
    speeds: Vec<f64>,
    halves: Vec<f64>,
    ends: Vec<f64>,
    cpu: Vec<f64>,
}

impl Series {
    const fn new() -> Self {
        Self { speeds: Vec::new(), halves: Vec::new(), ends: Vec::new(), cpu: Vec::new() }
    }

    fn add(&mut self, done: &Round, cpu: f64) {
        self.speeds.push(done.per_second);
        self.halves.push(done.times.percentile(50.0));
        self.ends.push(done.times.percentile(99.0));
        self.cpu.push(cpu / done.times.count());
    }
}

/// The CPU time of a process so far, microseconds. A tick of the clock is 10 ms on every Linux.
fn cpu_micros(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything, user and system time are the 12th and 13th.
    let (_, fields) = text.rsplit_once(") ").context("the state of a process")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? * 10_000.0)
}

fn throughput([host, native, bare]: &[Series; 3]) -> Vec<Row> {
    let row = |beside: &Series, what: &str, to_reach| {
        // Each round's own ratio: what slows the machine down for a while slows both.
        let ratios: Vec<f64> = host.speeds.iter().zip(&beside.speeds).map(|(a, b)| a / b).collect();
        Row {
            what: format!("signed webhooks over HTTP until 200, {CONNECTIONS} connections"),
            measured: rate(median(&host.speeds)),
            beside: format!("{}, {what}", rate(median(&beside.speeds))),
            ratio: ratio(median(&ratios), 1.0),
            to_reach,
        }
    };
    vec![
        row(native, "the same host with the connector compiled in", "≥ 50 %"),
        row(bare, "a bare server: verify, parse, append, same group commit", "≥ 25 %"),
    ]
}

fn at_full_load([host, native, bare]: &[Series; 3]) -> Row {
    let end = |series: &Series| median(&series.ends);
    let shown = |series: &Series| format!("{} / {}", micros(median(&series.halves)), micros(end(series)));
    Row {
        what: String::from("the same, time of each, p50 / p99"),
        measured: shown(host),
        beside: format!("{}, native; {}, bare", shown(native), shown(bare)),
        ratio: format!("p99 {} / {}", ratio(end(host), end(native)), ratio(end(host), end(bare))),
        to_reach: "",
    }
}

fn cpu([host, native, bare]: &[Series; 3]) -> Row {
    let of = |series: &Series| median(&series.cpu);
    Row {
        what: String::from("the same, CPU time of the server for each"),
        measured: micros(of(host)),
        beside: format!("{}, native; {}, bare", micros(of(native)), micros(of(bare))),
        ratio: format!("{} / {}", ratio(of(host), of(native)), ratio(of(host), of(bare))),
        to_reach: "",
    }
}

async fn at_half(servers: &Servers, magazine: &mut Magazine, per_second: f64, scale: Scale) -> Result<Row> {
    let seconds = scale.pick(6.0, 1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = (per_second * seconds) as usize;
    let mut ends = [const { Vec::new() }; 3];
    for _ in 0..scale.pick(3, 1) {
        let shots = magazine.load(count, SENDERS)?;
        for (index, target) in servers.targets.iter().enumerate() {
            let times: Times = load::open(target, &shots, OPEN_CONNECTIONS, per_second).await?.times;
            ends[index].push(times.percentile(99.0));
        }
    }
    let [host, native, bare] = ends.map(|ends| median(&ends));
    Ok(Row {
        what: format!("the same at {}, half the host's maximum: p99 from when each was due", rate(per_second)),
        measured: micros(host),
        beside: format!("{}, native; {}, bare, at the same rate", micros(native), micros(bare)),
        ratio: format!("{} / {}", ratio(host, native), ratio(host, bare)),
        to_reach: "≤ 50 ms",
    })
}
