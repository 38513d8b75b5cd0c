//! `cargo xtask swap`.

use anyhow::Result;
use clap::Args;

use crate::bench;
use crate::tasks;
use crate::workspace::Workspace;

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the program; `--help` behind `--` lists what it knows
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Swap a connector a hundred times under load; print what that cost.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    // As the benchmarks build it, so that it is compiled once for both.
    let what: Vec<&str> = bench::HOST.into_iter().chain(["--bin", "swap"]).collect();
    tasks::build_all(&workspace, &[&what])?;
    tasks::start(&workspace, "swap", true, &arguments.rest)
}
