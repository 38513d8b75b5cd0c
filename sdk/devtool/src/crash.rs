//! `cargo xtask crash`.

use anyhow::Result;
use clap::Args;

use crate::tasks;
use crate::workspace::Workspace;

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the program; `--help` behind `--` lists what it knows
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Kill the host, cut its power, damage its files, fill its disk; print what was lost.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    tasks::build(&workspace, true)?;
    tasks::start(&workspace, "crash", true, &arguments.rest)
}
