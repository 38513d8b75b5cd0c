//! A registry of components for the tests: the program of Debian's package `docker-registry`, unpacked below `target`. Installing the
//! package would start a service; unpacking it needs no root and leaves the system as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::progress::say;
use crate::quiet::run;
use crate::workspace::Workspace;

/// The package, and the program in it.
const PACKAGE: &str = "docker-registry";

/// Fetches the program, unless it is in the path or was fetched before.
pub fn docker_registry(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join(PACKAGE);
    let program = folder.join("usr/bin").join(PACKAGE);
    if program.is_file() || run(Command::new(PACKAGE).arg("--version")).is_ok() {
        return Ok(());
    }
    say(format_args!("fetching Debian's package {PACKAGE} and unpacking it into {}", folder.display()));
    fetch(&folder.with_extension("part"), &folder).with_context(|| {
        format!(
            "the tests need the program {PACKAGE} (CNCF Distribution, 2.8 or newer). Put it into the path, or at {}",
            program.display()
        )
    })?;
    ensure!(program.is_file(), "the package {PACKAGE} does not bring {}", program.display());
    Ok(())
}

/// Whole or not at all: the folder gets its name when everything is in it.
fn fetch(part: &Path, folder: &Path) -> Result<()> {
    run(Command::new("apt-get").arg("--version")).context("this is no Debian")?;
    drop(fs::remove_dir_all(part));
    fs::create_dir_all(part)?;
    let download = || run(Command::new("apt-get").args(["--quiet", "download", PACKAGE]).current_dir(part));
    // The lists of packages may be missing or old; only root can fetch them.
    download().or_else(|_| run(Command::new("apt-get").args(["--quiet", "update"])).and_then(|_| download()))?;
    let files = fs::read_dir(part)?.collect::<std::io::Result<Vec<_>>>()?;
    let package = files.iter().map(fs::DirEntry::path).find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package.context("apt-get left no package")?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(part))?;
    fs::remove_file(&package)?;
    fs::rename(part, folder)?;
    Ok(())
}
