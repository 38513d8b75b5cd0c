//! `cargo xtask demo`, `crash`, `swap`, `siege` and `bench`: programs that are built with what they need, and started.

use anyhow::Result;
use clap::Args;

use crate::guests::Which;
use crate::tasks;
use crate::workspace::Workspace;

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the program; `--help` behind `--` lists what it knows
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// A program, and what is built for it.
pub struct Program {
    name: &'static str,
    release: bool,
    components: Which,
    /// The arguments of each build.
    builds: &'static [&'static [&'static str]],
}

/// Everything, as the tests build it, but only the programs of the story.
const STORY: &[&str] = &["--workspace", "--exclude", "jackfield-bench", "--bin", "jackfield", "--bin", "demo"];

/// The host as it ships, with the programs that attack and measure it. The packages beside the host give this build and that of the
/// benchmarks the same features of everything else, so that it is compiled once for all of them.
const HOST: &[&str] = &[
    "--release",
    "-p",
    "jackfield-server",
    "-p",
    "jackfield-tests",
    "-p",
    "jackfield-dev",
    "-p",
    "whatsapp",
    "--bin",
    "jackfield",
    "--bin",
    "crash",
    "--bin",
    "siege",
    "--bin",
    "swap",
];

/// A build of its own, because the program needs a feature of the host's library that the host must not have.
const BENCH: &[&str] = &["--release", "-p", "jackfield-bench"];

/// Plays the story of the product.
pub const DEMO: Program = Program { name: "demo", release: false, components: Which::Connectors, builds: &[STORY] };
/// Kills the host, cuts its power, damages its files, fills its disk.
pub const CRASH: Program = Program { name: "crash", release: true, components: Which::All, builds: &[HOST] };
/// Swaps a connector under load.
pub const SWAP: Program = Program { name: "swap", release: true, components: Which::All, builds: &[HOST] };
/// Attacks the front door.
pub const SIEGE: Program = Program { name: "siege", release: true, components: Which::All, builds: &[HOST] };
/// Measures.
pub const BENCHMARKS: Program =
    Program { name: "jackfield-bench", release: true, components: Which::All, builds: &[HOST, BENCH] };

impl Program {
    /// Builds what it needs, and starts it.
    pub fn run(&self, arguments: &Arguments) -> Result<()> {
        let workspace = Workspace::find()?;
        tasks::build_all(&workspace, self.components, self.builds)?;
        tasks::start(&workspace, self.name, self.release, &arguments.rest)
    }
}
