//! `cargo xtask demo`.

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

/// Play the story of the product against the real host, and leave it running.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    tasks::build(&workspace, false)?;
    tasks::start(&workspace, "demo", false, &arguments.rest)
}
