//! Where things are, as cargo knows it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The workspace that the command is run in.
#[derive(Deserialize)]
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Where cargo builds into.
    #[serde(rename = "target_directory")]
    pub target: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// A crate that becomes a component.
pub struct Guest {
    /// The package's name, and that of the component's file.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The name of its library, which cargo names the module's file after.
    pub library: String,
}

impl Workspace {
    /// The workspace around the current folder.
    pub fn find() -> Result<Self> {
        Self::around(Path::new("."))
    }

    /// The workspace around a folder with a crate; a crate alone is one too.
    pub fn around(folder: &Path) -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(folder)
            .output()
            .context("cargo metadata could not be started")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
        serde_json::from_slice(&output.stdout).context("cargo metadata says what this version does not know")
    }

    /// Every crate below `folder` (relative to the root) that makes a `cdylib`, in order of their names.
    #[must_use]
    pub fn guests(&self, folder: &str) -> Vec<Guest> {
        let parent = self.root.join(folder);
        let mut guests: Vec<_> = self.packages.iter().filter_map(|package| guest_below(&parent, package)).collect();
        guests.sort_by(|a, b| a.name.cmp(&b.name));
        guests
    }

    /// The crate in this very folder, if it makes a `cdylib`.
    #[must_use]
    pub fn guest_in(&self, folder: &Path) -> Option<Guest> {
        let folder = folder.canonicalize().ok()?;
        let packages = self.packages.iter().filter_map(|package| guest_below(&folder, package));
        packages.into_iter().find(|guest| guest.folder == folder)
    }
}

fn guest_below(parent: &Path, package: &Package) -> Option<Guest> {
    let folder = package.manifest_path.parent().filter(|folder| folder.starts_with(parent))?;
    let library = package.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))?;
    Some(Guest { name: package.name.clone(), folder: folder.into(), library: library.name.replace('-', "_") })
}

/// The cargo that runs us, or the one of the path.
#[must_use]
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
