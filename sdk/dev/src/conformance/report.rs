//! What came of it: for people a table, for programs JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What a case came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// The channel has nothing that it could be tried on; the detail says why.
    NotApplicable,
}

/// Why a case did not pass.
#[derive(Debug)]
pub(super) enum Fault {
    Failed(String),
    NotApplicable(String),
}

/// What a case came to, in words.
pub(super) type Judged = Result<String, Fault>;

/// The case failed.
pub(super) fn failed<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Failed(why.into()))
}

/// There is nothing to try the case on.
pub(super) fn not_applicable<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::NotApplicable(why.into()))
}

/// A case that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// What it is about: `receive`, `send`, `media`, `identity`, `configure`.
    pub group: &'static str,
    /// What has to hold.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// What was seen, or what is wrong and how to mend it.
    pub detail: String,
    /// How long it took.
    pub milliseconds: u128,
}

impl Case {
    pub(super) fn new(group: &'static str, name: &'static str, judged: Judged, took: Duration) -> Self {
        let (outcome, detail) = match judged {
            Ok(detail) => (Outcome::Passed, detail),
            Err(Fault::Failed(detail)) => (Outcome::Failed, detail),
            Err(Fault::NotApplicable(detail)) => (Outcome::NotApplicable, detail),
        };
        Self { group, name, outcome, detail, milliseconds: took.as_millis() }
    }
}

/// What the calls used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Used {
    /// How many calls were made.
    pub calls: u64,
    /// The most CPU time of a call, microseconds.
    pub cpu_us_most: u128,
    /// The most CPU time of a call that receives one of the fixtures as it is, microseconds.
    pub cpu_us_most_of_a_fixture: u128,
    /// The most memory of a call, bytes.
    pub memory_bytes_most: usize,
}

/// Everything that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The connector's id.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// The component's sha256.
    pub sha256: String,
    /// The component's size in bytes.
    pub size: usize,
    /// How long reading, compiling and starting it took.
    pub load_milliseconds: u128,
    /// What the calls used.
    pub used: Used,
    /// How many cases passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many had nothing to be tried on.
    pub not_applicable: usize,
    /// The cases, in order.
    pub cases: Vec<Case>,
}

impl Report {
    /// How many cases came to this.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cases.iter().filter(|case| case.outcome == outcome).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&Case) -> &str| self.cases.iter().map(|case| column(case).len()).max().unwrap_or(0);
        let (groups, names) = (width(|case| case.group), width(|case| case.name));
        writeln!(f, "{} {}, {} KiB, sha256 {}", self.connector, self.version, self.size.div_ceil(1024), self.sha256)?;
        for case in &self.cases {
            let word = match case.outcome {
                Outcome::Passed => "pass",
                Outcome::Failed => "FAIL",
                Outcome::NotApplicable => "n/a ",
            };
            writeln!(f, "  {word}  {:groups$}  {:names$}  {}", case.group, case.name, case.detail)?;
        }
        let Used { calls, cpu_us_most, memory_bytes_most, .. } = self.used;
        write!(
            f,
            "{} passed, {} failed, {} not applicable; {calls} calls, at most {:.1} ms of CPU time and {:.1} MiB; loaded in {} ms",
            self.passed,
            self.failed,
            self.not_applicable,
            cpu_us_most as f64 / 1_000.0,
            memory_bytes_most as f64 / f64::from(1 << 20),
            self.load_milliseconds,
        )
    }
}
