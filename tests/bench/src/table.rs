//! The table: what was measured, beside what, and what is to be reached.

use std::fmt;

/// One figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub what: String,
    /// What it came to.
    pub measured: String,
    /// What was run beside it in the same minute, and what that came to.
    pub beside: String,
    /// The one in terms of the other.
    pub ratio: String,
    /// What is to be reached; empty for a figure that only stands there to be seen.
    pub to_reach: &'static str,
}

/// Rows, displayed as a Markdown table.
#[derive(Clone, Debug, Default)]
pub struct Table(pub Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | beside it | ratio | to reach |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for Row { what, measured, beside, ratio, to_reach } in &self.0 {
            writeln!(f, "| {what} | {measured} | {beside} | {ratio} | {to_reach} |")?;
        }
        Ok(())
    }
}

/// The machine in a line: figures of another one are other figures.
#[must_use]
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {model}, Linux {}", kernel.trim())
}
