//! Components that take long to compile are compiled once for all tests: what the first host compiled is there for the others, whichever
//! program they are started by.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use crate::host::{Home, Host};
use crate::paths;

/// Starts a host of this connector. Whoever comes second waits until the first has compiled it.
///
/// # Errors
/// When it does not get ready.
pub async fn start(connector: &str, home: &Home) -> Result<Host> {
    let digest = digest(&SHA256, &fs::read(paths::component(connector)?)?);
    let digest = HEXLOWER.encode(digest.as_ref());
    let kept = private(paths::root()?.join("target/test-compiled").join(connector))?;
    let cache = private(home.folder.join("data/cache"))?;
    let lock = File::create(kept.with_extension("lock"))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    copy(&kept, &cache, &digest)?;
    let host = home.start().await?;
    if copy(&cache, &kept, &digest)? {
        remove_others(&kept, &digest)?;
    }
    lock.unlock()?;
    Ok(host)
}

/// A folder that the host takes for its own.
fn private(folder: PathBuf) -> Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    Ok(folder)
}

/// Copies what was compiled of a component, unless it is there. Whether anything was copied.
fn copy(from: &Path, to: &Path, digest: &str) -> Result<bool> {
    let mut copied = false;
    for name in names(from)?.into_iter().filter(|name| name.starts_with(digest)) {
        let target = to.join(&name);
        if !target.exists() {
            fs::copy(from.join(&name), target)?;
            copied = true;
        }
    }
    Ok(copied)
}

/// Removes what was compiled of the component as it was before.
fn remove_others(folder: &Path, digest: &str) -> Result<()> {
    for name in names(folder)?.into_iter().filter(|name| !name.starts_with(digest)) {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().ok().context("the host's names are text");
    entries.iter().map(name).collect()
}
