//! What one call, and one channel, may use, and the limiter that wasmtime asks about memory and tables.

use std::fmt;
use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::engine::MEMORY_CEILING;
use crate::report::bytes;

/// What one call of a guest may use, and one channel. The defaults are for a connector that parses a webhook or makes one or two HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU time, host functions included. A Rust connector needs 0.05 ms, a Python one 2 ms; a batch of a thousand messages in Python
    /// stays below half a second.
    pub cpu: Duration,
    /// Time from the start of the call to its end, waiting included. Meta gives up on a webhook after 20 s, Telegram after 60 s; a send
    /// waits for one HTTP request of at most 15 s.
    pub wall: Duration,
    /// Time to wait for a free place before the call starts. Longer than this and the provider is better told to come again.
    pub queue: Duration,
    /// Linear memory, bytes. Python starts with 20 MiB; a webhook of 4 MiB is copied about four times by a careless parser.
    pub memory_bytes: usize,
    /// Elements of all tables. Python's table has 10,000.
    pub table_elements: usize,
    /// Core instances. Python is linked from some thirty modules.
    pub instances: usize,
    /// Handles of WASI resources (requests, bodies, streams, fields) open at once. One HTTP request needs about eight.
    pub handles: usize,
    /// Bytes that may cross to the host in one host call or one result, counted as they lie in the host's memory. Twice the output
    /// bound, because a small part of a list weighs more here than in the guest.
    pub hostcall_fuel: usize,
    /// Lines of log. More than this is no longer read by anybody.
    pub log_lines: usize,
    /// Bytes of all lines of log together. One line is cut at 2 KiB.
    pub log_bytes: usize,
    /// Keys in the channel's state. State is for cursors, tokens and the like, not for data.
    pub state_keys: usize,
    /// Bytes of keys and values that one call may write to the state. One value is at most 64 KiB.
    pub state_bytes: usize,
    /// Bytes of everything that a call returns: reply, events, unreadable items. They become one fact in the journal.
    pub output_bytes: usize,
    /// Events, unreadable items, hints, problems or steps that a call may return, of each. Meta batches up to 1,000 updates.
    pub events: usize,
    /// HTTP requests. A send with an upload before it needs two; a person's profile one or two.
    pub http_requests: usize,
    /// Bytes of the bodies of all HTTP requests of a call together, and of all responses together. Attachments go by reference, not
    /// through a guest.
    pub http_body_bytes: usize,
    /// Calls of one channel at the same time, so that one busy or slow channel cannot take the whole pool.
    pub concurrency: usize,
    /// Calls of one channel a second, with as many at once. By default more than one core can do, so that no honest provider is ever
    /// held back; set it lower where one channel must not have a whole core.
    pub calls_per_second: u32,
    /// Lines of log of one channel a second, over all of its calls; ten times as many at once.
    pub log_lines_per_second: u32,
    /// Bytes of all keys and values of a channel's state.
    pub state_total_bytes: usize,
    /// Bytes of one file that is fetched or uploaded. Messengers take 16 to 100 MiB; mail 25.
    pub media_bytes: usize,
    /// Time for one file, from the first request to the last byte.
    pub media_wall: Duration,
    /// Files of one channel on their way at the same time.
    pub media_concurrency: usize,
    /// Instances that are kept for the next call, if the connector asks for that. 0 gives every call a fresh one.
    pub warm: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_millis(500),
            wall: Duration::from_secs(18),
            queue: Duration::from_secs(2),
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            instances: 64,
            handles: 256,
            hostcall_fuel: 8 << 20,
            log_lines: 100,
            log_bytes: 32 << 10,
            state_keys: 1_000,
            state_bytes: 256 << 10,
            output_bytes: 4 << 20,
            events: jackfield_core::limits::EVENTS,
            http_requests: 16,
            http_body_bytes: 4 << 20,
            concurrency: 16,
            calls_per_second: 1_000,
            log_lines_per_second: 100,
            state_total_bytes: 4 << 20,
            media_bytes: 25 << 20,
            media_wall: Duration::from_secs(120),
            media_concurrency: 4,
            warm: 0,
        }
    }
}

/// A bound that was hit inside the store; travels as a wasmtime error.
#[derive(Debug)]
pub(crate) enum BoundHit {
    Cpu { limit: Duration },
    Memory { limit: usize },
    Table { limit: usize },
}

impl fmt::Display for BoundHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { limit } => write!(f, "The call used more than its {} ms of CPU time.", limit.as_millis()),
            Self::Memory { limit } => write!(f, "The call wanted more than its {} of memory.", bytes(*limit)),
            Self::Table { limit } => write!(f, "The call wanted tables of more than {limit} elements."),
        }
    }
}

impl std::error::Error for BoundHit {}

/// What the limiter saw and refused in one call.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    instances: usize,
    /// The most linear memory at any moment, bytes.
    pub(crate) memory_high: usize,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes.min(MEMORY_CEILING),
            table_elements: limits.table_elements,
            instances: limits.instances,
            memory_high: 0,
        }
    }
}

// Growth over a bound traps instead of giving -1 to the guest: hardly any guest can do better than abort, and so the reason is known.
impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes {
            return Err(BoundHit::Memory { limit: self.memory_bytes }.into());
        }
        self.memory_high = self.memory_high.max(desired.max(current));
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            return Err(BoundHit::Table { limit: self.table_elements }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        // The pool has eight for each component.
        8
    }

    fn memories(&self) -> usize {
        // The pool has two for each component.
        2
    }
}
