//! `cargo xtask test`: everything that has to hold.

use anyhow::Result;
use clap::Args;

use crate::progress::say;
use crate::workspace::{Workspace, cargo};
use crate::{languages, python, registry, tasks};

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the test runner, such as a part of a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds the components and the host, then runs every test of the workspace.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    python::schemathesis(&workspace)?;
    registry::docker_registry(&workspace)?;
    tasks::build(&workspace)?;
    let nextest = has_nextest();
    let runner: &[&str] = if nextest {
        &["nextest", "run"]
    } else {
        say("cargo-nextest is not installed; the tests run with `cargo test`");
        &["test"]
    };
    let mut test = cargo();
    tasks::run(&workspace, test.args(runner).arg("--locked").args(tasks::MOST).args(&arguments.rest))?;
    if !arguments.rest.is_empty() {
        return Ok(());
    }
    // Chosen from the whole workspace, so that the dependencies keep the features they were compiled with.
    let benchmarks: &[&str] =
        if nextest { &["--workspace", "-E", "package(jackfield-bench)"] } else { &["--package", "jackfield-bench"] };
    tasks::run(&workspace, cargo().args(runner).arg("--locked").args(benchmarks))?;
    languages::test(&workspace)
}

fn has_nextest() -> bool {
    cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}
