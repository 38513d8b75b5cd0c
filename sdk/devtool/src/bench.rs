//! `cargo xtask bench`.

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

/// Measure, and print the table of ratios.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    tasks::build(&workspace, "bench", true)?;
    tasks::start(&workspace, "bench", true, &arguments.rest)
}
