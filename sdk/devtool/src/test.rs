//! `cargo xtask test`: everything that has to hold.

use anyhow::Result;
use clap::Args;

use crate::progress::say;
use crate::workspace::{Workspace, cargo};
use crate::{guests, python, tasks};

#[derive(Args)]
pub struct Arguments {
    /// Handed on to the test runner, such as a part of a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds the components and the host, then runs every test of the workspace.
pub fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    guests::run(&guests::Arguments::default())?;
    python::schemathesis(&workspace)?;
    say("building the host and the tests; the first time this takes several minutes");
    let mut build = cargo();
    build.args(["build", "--locked", "-p", "jackfield-server"]);
    tasks::run(&workspace, &mut build)?;
    let runner: &[&str] = if has_nextest() {
        // A part of a name need not be in both builds.
        if arguments.rest.is_empty() { &["nextest", "run"] } else { &["nextest", "run", "--no-tests", "warn"] }
    } else {
        say("cargo-nextest is not installed; the tests run with `cargo test`");
        &["test"]
    };
    // The benchmarks need a feature of the host's library that the host must not have, so they are built by themselves.
    let most: &[&str] = &["--workspace", "--exclude", "jackfield-bench"];
    for packages in [most, &["--package", "jackfield-bench"]] {
        let mut test = cargo();
        tasks::run(&workspace, test.args(runner).arg("--locked").args(packages).args(&arguments.rest))?;
    }
    Ok(())
}

fn has_nextest() -> bool {
    cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}
