//! `cargo xtask bench`.

use anyhow::Result;
use clap::Args;

use crate::tasks;
use crate::workspace::Workspace;

/// The host as it ships. Two builds, because the program needs a feature of the host's library that the host must not have; the packages
/// beside the host give both builds the same features of everything else, so that it is compiled once.
pub const HOST: [&str; 11] = [
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
];
/// The program that measures.
const BENCH: [&str; 3] = ["--release", "-p", "jackfield-bench"];

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the program; `--help` behind `--` lists what it knows
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Measure, and print the table of ratios.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    tasks::build_all(&workspace, &[&HOST, &BENCH])?;
    tasks::start(&workspace, "jackfield-bench", true, &arguments.rest)
}
