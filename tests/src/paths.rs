//! Where built things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The folder of built programs that this program was built into: `target/debug`, `target/release`.
///
/// # Errors
/// When this program does not know where it is.
pub fn programs() -> Result<PathBuf> {
    let here = std::env::current_exe().context("this program does not know where it is")?;
    let folder = here.parent().context("a program has a folder")?;
    // Tests are one folder deeper, in `deps`.
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder).to_path_buf() } else { folder.to_path_buf() })
}

/// A built program.
///
/// # Errors
/// When it was not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = programs()?.join(name);
    ensure!(path.is_file(), "{} was not built; `cargo xtask test` builds everything first", path.display());
    Ok(path)
}

/// The folder of the workspace.
///
/// # Errors
/// When the tests are not in one.
pub fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests are in the workspace")?;
    Ok(root.to_path_buf())
}

/// A built connector or guest.
///
/// # Errors
/// When it was not built.
pub fn component(name: &str) -> Result<PathBuf> {
    let root = root()?;
    let file = format!("{name}.wasm");
    let places = ["target/connectors", "target/test-guests"].map(|place| root.join(place).join(&file));
    let found = places.into_iter().find(|path| path.is_file());
    found.with_context(|| format!("{file} was not built; `cargo xtask guests` builds it"))
}
