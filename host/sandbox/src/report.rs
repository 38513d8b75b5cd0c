//! What a call is reported to have done and used, and the words for amounts.

use std::collections::BTreeMap;
use std::time::Duration;

use jackfield_core::fact::StateChange;

/// What a call did besides answering.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Changes to the channel's state, in the order of their keys. Empty when the result is a failure.
    pub state: Vec<StateChange>,
    /// Whether `secrets.verify` or `secrets.equals` answered true.
    pub authenticated: bool,
    /// What the guest logged; what the host refused it stands among it.
    pub log: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, host functions included.
    pub cpu: Duration,
    /// From the first instruction to the last, waiting included.
    pub wall: Duration,
    /// Most linear memory at any moment, bytes.
    pub memory_bytes: usize,
    /// HTTP requests that the guest made and that were allowed, and those that the host made for it to carry files.
    pub http_requests: u32,
    /// How many of these may have reached the other side. Zero is certain; so a send that ended in a [`CallError`] may be tried again
    /// only when this is zero, and is `uncertain` otherwise.
    pub http_sent: u32,
    /// Bytes of the bodies of these requests. Files are far below the 4 GiB that can be counted here.
    pub http_request_bytes: u32,
    /// Bytes of the bodies of their answers, likewise.
    pub http_response_bytes: u32,
    /// HTTP requests that were refused: not granted, too many, to an address that nobody may reach. Each leaves a line in the log.
    pub denials: u32,
    /// Lines of log that were dropped, for there were too many.
    pub log_dropped: u32,
}

impl Usage {
    /// Adds what another call used, or the host for it. Of memory it is the most at any moment.
    pub(crate) fn add(&mut self, other: &Self) {
        self.cpu += other.cpu;
        self.wall += other.wall;
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.http_requests = self.http_requests.saturating_add(other.http_requests);
        self.http_sent = self.http_sent.saturating_add(other.http_sent);
        self.http_request_bytes = self.http_request_bytes.saturating_add(other.http_request_bytes);
        self.http_response_bytes = self.http_response_bytes.saturating_add(other.http_response_bytes);
        self.denials = self.denials.saturating_add(other.denials);
        self.log_dropped = self.log_dropped.saturating_add(other.log_dropped);
    }
}

impl Effects {
    /// Joins what a later call of the same undertaking did. What it wrote stands over what was written before.
    pub(crate) fn absorb(&mut self, later: Self) {
        let earlier = std::mem::take(&mut self.state);
        let changes = earlier.into_iter().chain(later.state).map(|change| (change.key, change.value));
        let changes: BTreeMap<String, Option<Vec<u8>>> = changes.collect();
        self.state = changes.into_iter().map(|(key, value)| StateChange { key, value }).collect();
        self.authenticated |= later.authenticated;
        self.log.extend(later.log);
        self.usage.add(&later.usage);
    }
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// For the curious.
    Info,
    /// For the operator.
    Warn,
    /// For the operator, now.
    Error,
}

/// One line of a guest's log. Secrets are replaced, control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The line.
    pub message: String,
}

/// `64 MiB`, `8 KiB`, `17 bytes`.
pub(crate) fn bytes(n: usize) -> String {
    const MIB: usize = 1 << 20;
    const KIB: usize = 1 << 10;
    match n {
        _ if n >= MIB && n.is_multiple_of(MIB) => format!("{} MiB", n / MIB),
        _ if n >= KIB && n.is_multiple_of(KIB) => format!("{} KiB", n / KIB),
        _ => format!("{n} bytes"),
    }
}
