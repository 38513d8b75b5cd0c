//! Where components are compiled: in child processes with bounds, a few at a time.
//!
//! Compiling keeps processors busy for 0.2 s (Rust) to 15 s (JavaScript, Python), and for as long as its author likes where the component
//! is made for that. So it happens in a process of its own, of the lowest priority, that the kernel ends when it has used up its CPU time
//! or memory, and that ends when nobody waits for it any more. One connector has one place at most; the others compile meanwhile.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::child::{CompileBounds, REFUSED, threads};
use super::error::LoadError;
use crate::engine::SharedEngine;
use crate::printable::printable;
use crate::report::bytes;

/// Compilations at the same time.
const PLACES: usize = 2;

/// Bytes of what a compiler says that are read.
const REASON_BYTES: u64 = 4 << 10;

/// The largest artifact. JavaScript's have 47 MiB.
const ARTIFACT_BYTES: u64 = 512 << 20;

/// How often the memory of a child is looked at. It grows by some hundred MiB a second at most.
const WATCH: Duration = Duration::from_millis(20);

/// The lowest priority gets little time beside a busy host, so the wall clock is a multiple of the CPU time.
const WALL_PER_CPU: u32 = 5;

const MIB: u64 = 1 << 20;

/// Who compiles.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// A program that calls [`compile_child`](crate::compile_child), started once for each component with these arguments and two more:
    /// seconds of CPU time, and MiB of memory.
    Child {
        /// The program.
        program: PathBuf,
        /// Its first arguments.
        args: Vec<OsString>,
    },
    /// Threads of this process, without any bound: for components that are one's own.
    InProcess,
}

/// What compiling may use, by the size of the component.
#[derive(Clone, Copy, Debug)]
pub struct CompileLimits {
    /// For any component.
    pub base: CompileBounds,
    /// For every MiB of it besides.
    pub per_mib: CompileBounds,
}

impl Default for CompileLimits {
    fn default() -> Self {
        // Measured with a development build of the compiler, which is the slower one: a Rust connector of 0.3 MiB takes 1.2 s of CPU time
        // and 28 MiB, JavaScript's and Python's 17 and 18 MiB take 27 s and 310 MiB.
        let base = CompileBounds { cpu: Duration::from_secs(15), memory_bytes: 384 * MIB };
        let per_mib = CompileBounds { cpu: Duration::from_secs(5), memory_bytes: 32 * MIB };
        Self { base, per_mib }
    }
}

impl CompileLimits {
    fn of(&self, component: &[u8]) -> CompileBounds {
        let mib = u32::try_from(component.len() as u64 / MIB).unwrap_or(u32::MAX);
        CompileBounds {
            cpu: self.base.cpu + self.per_mib.cpu.saturating_mul(mib),
            memory_bytes: self.base.memory_bytes + self.per_mib.memory_bytes.saturating_mul(u64::from(mib)),
        }
    }
}

/// Compiles components.
pub(crate) struct CompilePool {
    way: Way,
    limits: CompileLimits,
    places: Semaphore,
    /// One place for each connector that is being compiled.
    connectors: Mutex<BTreeMap<String, Weak<Semaphore>>>,
}

enum Way {
    Child { program: PathBuf, args: Vec<OsString> },
    Threads(Arc<ThreadPool>),
}

impl CompilePool {
    pub(crate) fn new(compiler: Compiler, limits: CompileLimits) -> Result<Self, ThreadPoolBuildError> {
        let way = match compiler {
            Compiler::Child { program, args } => Way::Child { program, args },
            Compiler::InProcess => {
                let pool = ThreadPoolBuilder::new().num_threads(threads()).thread_name(|n| format!("compile-{n}"));
                Way::Threads(Arc::new(pool.start_handler(|_| yield_to_others()).build()?))
            }
        };
        Ok(Self { way, limits, places: Semaphore::new(PLACES), connectors: Mutex::default() })
    }

    /// Machine code for a component of the connector with this id. When the future is dropped, so is the work.
    pub(crate) async fn compile(
        &self,
        connector: &str,
        engine: &SharedEngine,
        component: Arc<[u8]>,
    ) -> Result<Vec<u8>, LoadError> {
        let closed = |_| LoadError::Host("no compiler is there any more".to_owned());
        let own = self.place_of(connector);
        let _own = own.acquire().await.map_err(closed)?;
        let _place = self.places.acquire().await.map_err(closed)?;
        match &self.way {
            Way::Child { program, args } => {
                let bounds = self.limits.of(&component);
                let mut command = Command::new(program);
                command.args(args).args(bounds.arguments());
                in_child(command, bounds, &component).await
            }
            Way::Threads(threads) => {
                let (threads, engine) = (Arc::clone(threads), Arc::clone(engine));
                let work = move || threads.install(|| engine.get().precompile_component(&component));
                let compiled = tokio::task::spawn_blocking(work).await.map_err(|e| LoadError::Host(e.to_string()))?;
                compiled.map_err(|e| LoadError::Compile(format!("{e:#}")))
            }
        }
    }

    fn place_of(&self, connector: &str) -> Arc<Semaphore> {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.retain(|_, place| place.strong_count() > 0);
        if let Some(place) = connectors.get(connector).and_then(Weak::upgrade) {
            return place;
        }
        let place = Arc::new(Semaphore::new(1));
        connectors.insert(connector.to_owned(), Arc::downgrade(&place));
        place
    }
}

fn yield_to_others() {
    // For Linux a thread is a process here: this is about the calling thread only. Where it is refused, compiling is only less polite.
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::debug!("compiling does not give way: {error}");
    }
}

async fn in_child(mut command: Command, bounds: CompileBounds, component: &[u8]) -> Result<Vec<u8>, LoadError> {
    // The environment of the host may hold secrets; a compiler needs none of it.
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| LoadError::Host(format!("the compiler cannot be started: {e}")))?;
    let wall = bounds.cpu.saturating_mul(WALL_PER_CPU);
    let id = child.id();
    tokio::select! {
        ended = converse(&mut child, component) => match ended {
            Ok(ended) => ended.result(bounds),
            Err(error) => Err(LoadError::Host(format!("the compiler cannot be used: {error}"))),
        },
        () = until_larger(id, bounds.memory_bytes) => Err(LoadError::CompileBounds(over_memory(bounds))),
        () = tokio::time::sleep(wall) => {
            Err(LoadError::CompileBounds(format!("it took longer than {} s", wall.as_secs())))
        }
    }
}

/// Waits until a process has more memory than that. Where the system does not tell, only the process' own limit holds.
async fn until_larger(id: Option<u32>, bytes: u64) {
    let Some(id) = id else { return std::future::pending().await };
    let file = format!("/proc/{id}/status");
    loop {
        tokio::time::sleep(WATCH).await;
        if std::fs::read_to_string(&file).ok().and_then(|status| resident(&status)).is_some_and(|now| now > bytes) {
            return;
        }
    }
}

/// Bytes that a process has in memory, as Linux tells.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

struct Ended {
    status: ExitStatus,
    artifact: Vec<u8>,
    said: Vec<u8>,
}

async fn converse(child: &mut Child, component: &[u8]) -> std::io::Result<Ended> {
    let missing = || std::io::Error::other("it has no pipes");
    let mut input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let errors = child.stderr.take().ok_or_else(missing)?;
    let (mut artifact, mut said) = (Vec::new(), Vec::new());
    let write = async {
        input.write_all(&(component.len() as u64).to_le_bytes()).await?;
        input.write_all(component).await
    };
    // A child that ends before it has read everything says why in its status.
    let (_written, read, heard) =
        tokio::join!(write, read_all(output, ARTIFACT_BYTES, &mut artifact), read_all(errors, REASON_BYTES, &mut said));
    read?;
    heard?;
    let status = child.wait().await?;
    // Only now: that it stays open tells the child that somebody waits.
    drop(input);
    Ok(Ended { status, artifact, said })
}

async fn read_all(from: impl AsyncRead + Unpin, most: u64, into: &mut Vec<u8>) -> std::io::Result<()> {
    let mut from = from.take(most);
    from.read_to_end(into).await?;
    // What is over is thrown away, so that the child is not stopped by a full pipe.
    tokio::io::copy(from.get_mut(), &mut tokio::io::sink()).await?;
    Ok(())
}

impl Ended {
    fn result(self, bounds: CompileBounds) -> Result<Vec<u8>, LoadError> {
        let said = String::from_utf8_lossy(&self.said);
        let said = printable(said.trim());
        match (self.status.code(), self.status.signal()) {
            (Some(0), _) if self.artifact.len() as u64 >= ARTIFACT_BYTES => {
                Err(LoadError::CompileBounds("its machine code is too large".to_owned()))
            }
            (Some(0), _) => Ok(self.artifact),
            (Some(code), _) if code == i32::from(REFUSED) => Err(LoadError::Compile(said)),
            // The kernel's answer to too much CPU time, and the C library's and Rust's to memory that is not given.
            (_, Some(signal)) if signal == rustix::process::Signal::XCPU.as_raw() => {
                Err(LoadError::CompileBounds(format!("it took more than {} s of CPU time", bounds.cpu.as_secs())))
            }
            (_, Some(signal)) if signal == rustix::process::Signal::ABORT.as_raw() && said.contains("memory") => {
                Err(LoadError::CompileBounds(over_memory(bounds)))
            }
            (_, Some(signal)) => Err(LoadError::CompileBounds(format!(
                "the compiler was ended by signal {signal}; {}",
                over_memory(bounds)
            ))),
            (code, None) => Err(LoadError::Host(format!("the compiler ended with status {code:?}: {said}"))),
        }
    }
}

fn over_memory(bounds: CompileBounds) -> String {
    let memory = usize::try_from(bounds.memory_bytes).unwrap_or(usize::MAX);
    format!("it may use {} of memory", bytes(memory))
}
