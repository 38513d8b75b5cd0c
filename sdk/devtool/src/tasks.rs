//! What the commands share: running cargo, and building the host and the programs around it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::guests::{self, Which};
use crate::progress::say;
use crate::workspace::{Workspace, cargo};

/// Runs a command in the workspace's folder; its output is the user's to see.
pub fn run(workspace: &Workspace, command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    let status = command.current_dir(&workspace.root).status();
    let status = status.with_context(|| format!("`{shown}` could not be started"))?;
    ensure!(status.success(), "`{shown}` failed with {status}");
    Ok(())
}

/// What is built and tested together. Always the same, because another choice gives dependencies other features, and so compiles them
/// once more. The benchmarks need a feature of the host's library that the host must not have.
pub const MOST: [&str; 3] = ["--workspace", "--exclude", "jackfield-bench"];

/// Builds the components, the host, and the programs of the tests' crate.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mut what = MOST.to_vec();
    what.push("--bins");
    build_all(workspace, Which::All, &[&what])
}

/// Builds components, and then what each list of arguments says, in builds of their own.
pub fn build_all(workspace: &Workspace, components: Which, builds: &[&[&str]]) -> Result<()> {
    guests::build(components, &guests::Arguments::default())?;
    say("building the host; the first time this takes several minutes");
    for arguments in builds {
        run(workspace, cargo().args(["build", "--locked"]).args(*arguments))?;
    }
    Ok(())
}

/// Runs a program, as it was built by [`build`] or [`build_all`].
pub fn start(workspace: &Workspace, program: &str, release: bool, arguments: &[String]) -> Result<()> {
    let profile = if release { "release" } else { "debug" };
    let path = workspace.target.join(profile).join(program);
    run(workspace, Command::new(path).args(arguments))
}
