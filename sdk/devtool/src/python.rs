//! Tools from PyPI, in an environment of their own below `target`.

use std::process::Command;

use anyhow::Result;

use crate::progress::say;
use crate::tasks;
use crate::workspace::Workspace;

/// The edition that the tests were written against.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Installs schemathesis, which tests the API against its own description.
pub fn schemathesis(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("schemathesis");
    let done = folder.join(SCHEMATHESIS);
    if done.exists() {
        return Ok(());
    }
    say(format_args!("installing {SCHEMATHESIS} into {}", folder.display()));
    tasks::run(workspace, Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(folder.join("bin/pip"));
    tasks::run(workspace, install.args(["install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]))?;
    std::fs::write(done, "")?;
    Ok(())
}
