//! `cargo xtask stranger`.

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

/// Walk the path of a stranger in each language; print how long each part took.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    tasks::build(&workspace)?;
    tasks::start(&workspace, "stranger", false, &arguments.rest)
}
