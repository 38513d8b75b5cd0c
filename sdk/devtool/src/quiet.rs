//! Commands whose output only counts when something is asked of it, or went wrong.

use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// Runs a command quietly; what it printed, or what it complained about.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{name} could not be started"))?;
    if !status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}
