//! Why a call of a guest came to nothing, in sentences.

use std::fmt;

use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use crate::report::{LogLine, Usage, bytes};
use crate::run::limits::BoundHit;

/// What ended a call. [`CallErrorKind::as_str`] is the word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// The guest stopped itself: a panic, an uncaught exception, a bad memory access.
    Trap,
    /// The guest's stack is used up.
    StackOverflow,
    /// The CPU time is used up.
    CpuExceeded,
    /// The time is over.
    WallExceeded,
    /// The guest wanted more memory, or larger tables, than it may have.
    MemoryExceeded,
    /// Too many handles were open.
    HandlesExceeded,
    /// One host call or result carried too much.
    HostFuelExceeded,
    /// What the call returned is too much.
    OutputExceeded,
    /// What the call returned is not what the contract says.
    BadOutput,
    /// The call returned events, or wrote state, for a request that it did not verify.
    Unverified,
    /// No place became free in time, or the channel is called too often. Nothing has run; later it may.
    Busy,
    /// The component could not be started.
    Instantiate,
    /// The caller ended the call, because the channel may do less than when it began.
    Revoked,
}

impl CallErrorKind {
    /// `trap`, `cpu_exceeded`, …: for logs, metrics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::StackOverflow => "stack_overflow",
            Self::CpuExceeded => "cpu_exceeded",
            Self::WallExceeded => "wall_exceeded",
            Self::MemoryExceeded => "memory_exceeded",
            Self::HandlesExceeded => "handles_exceeded",
            Self::HostFuelExceeded => "host_fuel_exceeded",
            Self::OutputExceeded => "output_exceeded",
            Self::BadOutput => "bad_output",
            Self::Unverified => "unverified",
            Self::Busy => "busy",
            Self::Instantiate => "instantiate",
            Self::Revoked => "revoked",
        }
    }
}

/// A call that came to nothing. Whatever it emitted or wrote is gone; its log lines are kept.
#[derive(Clone, Debug)]
pub struct CallError {
    /// What ended it.
    pub kind: CallErrorKind,
    /// One sentence for the operator, with the bound that was hit and its value, and what the guest wrote to its standard error last.
    pub message: String,
    /// Whether `secrets.verify` or `secrets.equals` had answered true before: who sent what led here is known then.
    pub authenticated: bool,
    /// What the guest logged before it ended.
    pub log: Vec<LogLine>,
    /// What it used. `usage.http_sent` tells whether something may have been sent.
    pub usage: Usage,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}

/// A kind and a sentence, before they are joined with the call's log.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) kind: CallErrorKind,
    pub(crate) message: String,
}

impl Reason {
    pub(crate) fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What a wasmtime error means. `handles` and `fuel` are the bounds of the call, for the sentence.
pub(crate) fn explain(error: &wasmtime::Error, handles: usize, fuel: usize) -> Reason {
    if let Some(hit) = error.downcast_ref::<BoundHit>() {
        let kind = match hit {
            BoundHit::Cpu { .. } => CallErrorKind::CpuExceeded,
            BoundHit::Memory { .. } | BoundHit::Table { .. } => CallErrorKind::MemoryExceeded,
        };
        return Reason::new(kind, hit.to_string());
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Reason::new(
            CallErrorKind::HandlesExceeded,
            format!("The call held more than its {handles} handles open."),
        );
    }
    if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
        return Reason::new(
            CallErrorKind::StackOverflow,
            "The call used up its stack; it probably recurses without end.",
        );
    }
    let text = format!("{error:#}");
    // The error's type is private to wasmtime; a test holds the text.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return Reason::new(
            CallErrorKind::HostFuelExceeded,
            format!("The call handed over more than {} at once.", bytes(fuel)),
        );
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => Reason::new(CallErrorKind::Trap, format!("The connector stopped: {trap}.")),
        None => Reason::new(CallErrorKind::Trap, format!("The connector stopped: {}.", first_line(&text))),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches('.')
}
