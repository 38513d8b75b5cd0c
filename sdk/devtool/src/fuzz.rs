//! `cargo xtask fuzz`.

use anyhow::Result;
use clap::Args;

use crate::tasks;

use crate::workspace::{Workspace, cargo};

/// A development build with the choice of packages that everything else has: it checks arithmetic, and its dependencies are optimised.
const FUZZ: [&str; 2] = ["--bin", "jackfield-fuzz"];

#[derive(Args)]
pub struct Arguments {
    /// For how long, all targets together
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Which inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these targets: journal, frames, manifest, toml, signature, cursor, event
    targets: Vec<String>,
}

/// Throw mutated bytes at every parser that a stranger can reach.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    tasks::run(&workspace, cargo().args(["build", "--locked"]).args(tasks::MOST).args(FUZZ))?;
    let mut rest = vec![format!("--minutes={}", arguments.minutes), format!("--seed={}", arguments.seed)];
    rest.extend(arguments.targets.iter().cloned());
    tasks::start(&workspace, "jackfield-fuzz", false, &rest)
}
