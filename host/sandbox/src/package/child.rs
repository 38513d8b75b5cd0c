//! The inside of the process that compiles one component: it bounds itself, reads the component, and writes machine code.
//!
//! Standard input is the length of the component (8 bytes, little endian), the component, and then nothing as long as somebody waits for
//! the result. Standard output is the artifact, with status 0. With status [`REFUSED`] standard error is the reason.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};

use crate::engine;

/// The status when the component is not one that can be compiled.
pub(super) const REFUSED: u8 = 3;

/// The lowest priority of an ordinary process.
const LOWEST: i32 = 19;

/// Memory that may be reserved beyond what may be used, bytes.
const RESERVED: u64 = 4 << 30;

/// The largest component that is read.
const MOST: u64 = super::error::COMPONENT_BYTES as u64;

/// What one compilation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileBounds {
    /// CPU time of all its threads together.
    pub cpu: Duration,
    /// Memory that it has at any moment, bytes.
    pub memory_bytes: u64,
}

impl CompileBounds {
    /// As arguments of the child.
    pub(super) fn arguments(&self) -> [OsString; 2] {
        [self.cpu.as_secs().max(1).to_string().into(), (self.memory_bytes >> 20).to_string().into()]
    }

    /// From the arguments of the child: seconds of CPU time, and mebibytes.
    #[must_use]
    pub fn new(cpu_seconds: u64, memory_mib: u64) -> Self {
        Self { cpu: Duration::from_secs(cpu_seconds), memory_bytes: memory_mib.saturating_mul(1 << 20) }
    }
}

/// What the program does that [`Compiler::Child`](crate::Compiler::Child) names: compiles what comes on standard input, within `bounds`.
/// To be called first thing, before there are threads.
#[must_use]
pub fn compile_child(bounds: CompileBounds) -> ExitCode {
    match bound(bounds).and_then(|()| compile()) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => say(&reason, ExitCode::from(REFUSED)),
        Err(error) => say(&error.to_string(), ExitCode::FAILURE),
    }
}

fn say(reason: &str, code: ExitCode) -> ExitCode {
    // Whoever does not listen learns it from the status.
    let _ = io::stderr().write_all(reason.as_bytes());
    code
}

fn bound(bounds: CompileBounds) -> io::Result<()> {
    // If memory gets scarce for the whole machine after all, this process is to go before the host. Only Linux knows that.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Where it is refused, compiling is only less polite.
    let _ = setpriority_process(None, LOWEST);
    let seconds = bounds.cpu.as_secs().max(1);
    // The signal at the first limit says why; the second only makes sure.
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    // Only a backstop: the parent watches what is really in memory, and allocators reserve more than they use.
    limit(Resource::Data, bounds.memory_bytes.saturating_add(RESERVED))?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

fn compile() -> io::Result<Result<(), String>> {
    let component = component()?;
    std::thread::Builder::new().name("orphan".to_owned()).spawn(end_with_the_parent)?;
    let threads = threads();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(io::Error::other)?;
    let engine = engine::compiling().map_err(|e| io::Error::other(format!("{e:#}")))?;
    match engine.precompile_component(&component) {
        Ok(artifact) => {
            let mut out = io::stdout().lock();
            out.write_all(&artifact)?;
            out.flush()?;
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(format!("{error:#}"))),
    }
}

fn component() -> io::Result<Vec<u8>> {
    let mut input = io::stdin().lock();
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MOST {
        return Err(io::Error::other("the component is too large"));
    }
    let mut component = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    input.read_exact(&mut component)?;
    Ok(component)
}

/// Standard input stays open as long as somebody waits, and is closed by the operating system however the parent ends.
#[allow(clippy::exit, reason = "the compiler cannot be interrupted in any other way")]
fn end_with_the_parent() {
    let mut byte = [0];
    while let Ok(1..) = io::stdin().lock().read(&mut byte) {}
    std::process::exit(1);
}

/// Threads of one compilation. One processor is left alone: Linux lets a thread of any priority run on for some milliseconds before
/// another one takes its place, and a webhook has several such moments on its way, one of them in the middle of a sync.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).clamp(1, 4)
}
