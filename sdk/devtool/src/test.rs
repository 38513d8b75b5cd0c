//! `cargo xtask test`: everything that has to hold.

use anyhow::Result;
use clap::Args;

use crate::progress::say;
use crate::workspace::{Workspace, cargo};
use crate::{python, tasks};

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
    tasks::build(&workspace, false)?;
    let runner: &[&str] = if has_nextest() {
        // A part of a name need not be in both builds.
        if arguments.rest.is_empty() { &["nextest", "run"] } else { &["nextest", "run", "--no-tests", "warn"] }
    } else {
        say("cargo-nextest is not installed; the tests run with `cargo test`");
        &["test"]
    };
    for packages in [&tasks::MOST[..], &["--package", "jackfield-bench"]] {
        let mut test = cargo();
        tasks::run(&workspace, test.args(runner).arg("--locked").args(packages).args(&arguments.rest))?;
    }
    Ok(())
}

fn has_nextest() -> bool {
    cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}
