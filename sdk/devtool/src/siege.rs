//! `cargo xtask siege`.

use anyhow::Result;
use clap::Args;

use crate::bench;
use crate::tasks;
use crate::workspace::Workspace;

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the program: `--attack NAME` for one of them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Attack the front door while good webhooks come in; print the table.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    // As the benchmarks build it, so that it is compiled once for both.
    let what: Vec<&str> = bench::HOST.into_iter().chain(["--bin", "siege"]).collect();
    tasks::build_all(&workspace, &[&what])?;
    tasks::start(&workspace, "siege", true, &arguments.rest)
}
