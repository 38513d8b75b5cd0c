//! What the commands share: running cargo, and building the host and the programs around it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::guests;
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

/// Builds the components, the host, and one program of the tests' crate.
pub fn build(workspace: &Workspace, program: &str, release: bool) -> Result<()> {
    let mut what = vec!["-p", "jackfield-server", "-p", "jackfield-tests", "--bin", "jackfield", "--bin", program];
    if release {
        what.push("--release");
    }
    build_all(workspace, &[&what])
}

/// Builds the components, and then what each list of arguments says, in builds of their own.
pub fn build_all(workspace: &Workspace, builds: &[&[&str]]) -> Result<()> {
    guests::run(&guests::Arguments::default())?;
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
