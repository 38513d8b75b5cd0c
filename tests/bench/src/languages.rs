//! The connector that `jackfield-dev new` makes, in each language: how large it is, how long it takes to build, to compile and to call, and
//! what it takes of memory. A table of its own, because what stands beside each other here are the languages.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jackfield_dev::conformance::{self, Plan};
use jackfield_dev::sdk::Sdk;
use jackfield_dev::{build, language, new};
use jackfield_sandbox::{Channel, Connector, Limits, Request, Sandbox, SandboxOptions};
use jackfield_tests::paths;

use crate::Scale;
use crate::memory::Memory;
use crate::numbers::{Times, micros};

/// A language, its template's fixture, and the file that is touched to build again.
const LANGUAGES: [(&str, &str, &str, &str); 3] = [
    ("Rust", "rust", "messages.json", "src/lib.rs"),
    ("TypeScript", "js", "message.json", "src/index.ts"),
    ("Python", "python", "message.json", "src/connector.py"),
];

/// Calls before those that count: the first touch memory that the later ones find.
const WARM_UP: usize = 20;

/// What is told of each, in the order of [`Figures::cells`].
const ROWS: [&str; 9] = [
    "component",
    "build of a new project, and once more after a change",
    "compile at the first load",
    "load from the cache of compiled code",
    "compiled code on disk",
    "a webhook on a fresh instance, p50 / p99",
    "a webhook on a kept instance, p50 / p99",
    "memory of a call",
    "memory of the process for one that is loaded and waits, Pss",
];

/// The table.
pub struct Languages(Vec<(&'static str, Figures)>);

struct Figures {
    component: usize,
    builds: [Duration; 2],
    compile: Duration,
    load: Duration,
    compiled: u64,
    fresh: Times,
    kept: Times,
    call_bytes: usize,
    loaded_kib: f64,
}

impl fmt::Display for Languages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, first: &str, cells: Vec<String>| {
            writeln!(f, "| {first} | {} |", cells.join(" | "))
        };
        line(f, "", self.0.iter().map(|(name, _)| (*name).to_owned()).collect())?;
        line(f, "---", vec![String::from("---"); self.0.len()])?;
        for (place, row) in ROWS.iter().enumerate() {
            line(f, row, self.0.iter().map(|(_, figures)| figures.cells()[place].clone()).collect())?;
        }
        Ok(())
    }
}

impl Figures {
    fn cells(&self) -> [String; 9] {
        let calls = |times: &Times| format!("{} / {}", micros(times.percentile(50.0)), micros(times.percentile(99.0)));
        let seconds = |time: Duration| micros(time.as_secs_f64() * 1e6);
        [
            mebibytes(self.component as f64),
            self.builds.map(seconds).join(", "),
            seconds(self.compile),
            seconds(self.load),
            mebibytes(self.compiled as f64),
            calls(&self.fresh),
            calls(&self.kept),
            mebibytes(self.call_bytes as f64),
            mebibytes(self.loaded_kib * 1024.0),
        ]
    }
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.2} MiB", bytes / f64::from(1 << 20))
}

/// Measures all of them, one after the other.
///
/// # Errors
/// When one cannot be built, loaded or called.
pub async fn run(scale: Scale) -> Result<Languages> {
    let mut measured = Vec::new();
    for (name, word, fixture, source) in LANGUAGES {
        let figures = one(word, fixture, source, scale).await;
        measured.push((name, figures.with_context(|| format!("the connector in {name}"))?));
    }
    Ok(Languages(measured))
}

async fn one(word: &str, fixture: &str, source: &str, scale: Scale) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let (project, builds) = built(folder.path(), word, source)?;
    let component = fs::read(build::component_path(&project)?)?;
    let cache = folder.path().join("cache");
    let (compile, _) = loaded(&cache, &component).await?;
    // What the compiler took stays with the process, so the memory is that of a load without it.
    let before = Memory::of(std::process::id())?;
    let (load, connector) = loaded(&cache, &component).await?;
    let loaded_kib = Memory::of(std::process::id())?.pss - before.pss;
    let fixtures = project.join("fixtures");
    let (plan, file) = (Plan::read(&fixtures)?, fixtures.join(fixture));
    let request = conformance::replay(&plan, &file, fs::read(&file)?)?.into_iter().next().context("a webhook")?;
    let calls = scale.pick(2_000, 50);
    let (fresh, call_bytes) = called(&connector, &plan, 0, &request, calls).await?;
    let (kept, _) = called(&connector, &plan, 1, &request, calls).await?;
    let (component, compiled) = (component.len(), size_of(&cache)?);
    Ok(Figures { component, builds, compile, load, compiled, fresh, kept, call_bytes, loaded_kib })
}

/// A new project, built twice.
fn built(folder: &Path, word: &str, source: &str) -> Result<(PathBuf, [Duration; 2])> {
    let sdk = Sdk::find(Some(&paths::root()?.join("sdk")))?;
    let language = language::by_word(word).context("a language that the kit knows")?;
    new::create(folder, "measured", language, &sdk)?;
    let project = folder.join("measured");
    let manifest = project.join("connector.toml");
    // It keeps nothing between calls.
    let text = format!("{}\n[limits]\nreuse = true\n", fs::read_to_string(&manifest)?);
    fs::write(manifest, text)?;
    let time = || {
        let began = Instant::now();
        build::build(&project, Some(sdk.root()), None).map(|_| began.elapsed())
    };
    let first = time()?;
    let path = project.join(source);
    fs::write(&path, fs::read(&path)?)?;
    Ok((project.clone(), [first, time()?]))
}

async fn loaded(cache: &Path, component: &[u8]) -> Result<(Duration, Arc<Connector>)> {
    let sandbox = Sandbox::new(SandboxOptions { cache_dir: Some(cache.to_owned()), ..SandboxOptions::default() })?;
    let began = Instant::now();
    let connector = sandbox.load(component.to_vec()).await?;
    Ok((began.elapsed(), connector))
}

async fn called(
    connector: &Arc<Connector>,
    plan: &Plan,
    warm: usize,
    request: &Request,
    calls: usize,
) -> Result<(Times, usize)> {
    let limits = Limits { warm, calls_per_second: u32::MAX, ..Limits::default() };
    let channel = conformance::channel(plan.clone(), connector, limits)?;
    for _ in 0..WARM_UP {
        once(&channel, request).await?;
    }
    let (mut times, mut memory) = (Times::default(), 0);
    for _ in 0..calls {
        let began = Instant::now();
        memory = once(&channel, request).await?.max(memory);
        times.add(began.elapsed());
    }
    Ok((times, memory))
}

/// The memory that a call took, bytes.
async fn once(channel: &Channel, request: &Request) -> Result<usize> {
    let call = channel.receive(request.clone()).await?;
    let received = call.result.ok().context("the connector refuses its webhook")?;
    ensure!(!received.events.is_empty(), "the webhook says something");
    Ok(call.effects.usage.memory_bytes)
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
