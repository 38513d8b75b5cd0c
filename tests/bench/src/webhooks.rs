//! Signed webhooks over HTTP, each with an id of its own, from a thousand senders: the host; the same host with the connector compiled
//! in; and a bare server that verifies, parses and appends. All three take turns, and share the machine's cores with the clients alike.

use std::time::Duration;

use anyhow::Result;
use jackfield_tests::host::{Home, Host, Setup, WHATSAPP};

use crate::child::Child;
use crate::load::{self, Target};
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
    Ok(setup.with("[log]\nlevel = \"warn\""))
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
    let (mut speeds, mut times) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    for round in 1..=scale.pick(3, 1) {
        let shots = magazine.load(scale.pick(100_000, 4_000), SENDERS)?;
        for (index, target) in servers.targets.iter().enumerate() {
            let done = load::closed(target, &shots, CONNECTIONS, most).await?;
            speeds[index].push(done.per_second);
            times[index].push((done.times.percentile(50.0), done.times.percentile(99.0)));
        }
        let last: Vec<String> = speeds.iter().filter_map(|s| s.last().map(|speed| rate(*speed))).collect();
        say(&format!("  round {round}: host, native host, bare server: {}", last.join(", ")));
    }
    let mut rows = throughput(&speeds);
    rows.push(at_full_load(&times));
    rows.push(at_half(&servers, &mut magazine, median(&speeds[0]) / 2.0, scale).await?);
    Ok(rows)
}

fn throughput(speeds: &[Vec<f64>; 3]) -> Vec<Row> {
    let [host, native, bare] = speeds;
    let row = |beside: &[f64], what: &str, to_reach| {
        // Each round's own ratio: what slows the machine down for a while slows both.
        let ratios: Vec<f64> = host.iter().zip(beside).map(|(a, b)| a / b).collect();
        Row {
            what: format!("signed webhooks over HTTP until 200, {CONNECTIONS} connections"),
            measured: rate(median(host)),
            beside: format!("{}, {what}", rate(median(beside))),
            ratio: ratio(median(&ratios), 1.0),
            to_reach,
        }
    };
    vec![
        row(native, "the same host with the connector compiled in", "≥ 50 %"),
        row(bare, "a bare server: verify, parse, append, same group commit", "≥ 25 %"),
    ]
}

fn at_full_load(times: &[Vec<(f64, f64)>; 3]) -> Row {
    let of = |index: usize| {
        let (halves, ends): (Vec<f64>, Vec<f64>) = times[index].iter().copied().unzip();
        (median(&halves), median(&ends))
    };
    let shown = |(half, end)| format!("{} / {}", micros(half), micros(end));
    let (host, native, bare) = (of(0), of(1), of(2));
    Row {
        what: String::from("the same, time of each, p50 / p99"),
        measured: shown(host),
        beside: format!("native {}; bare {}", shown(native), shown(bare)),
        ratio: format!("p99 {} / {}", ratio(host.1, native.1), ratio(host.1, bare.1)),
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
