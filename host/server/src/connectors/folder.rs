//! A folder of components for those who like files: what is put there as `NAME.wasm` is brought as a generation of the connector NAME.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jackfield_core::fact::Actor;
use jackfield_core::views::operations;

use super::artifacts::digest_of;
use super::lifecycle::Lifecycle;
use crate::shutdown::Stop;

/// How often the folder is looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// A file as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    bytes: u64,
}

/// Watches a folder until the host stops.
pub async fn watch(folder: PathBuf, lifecycle: Arc<Lifecycle>, stop: Stop) {
    // What is taken already, and what may still be being written.
    let (mut taken, mut fresh) = (BTreeMap::new(), BTreeMap::new());
    loop {
        tokio::select! {
            () = stop.begun() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let files = match list(&folder).await {
            Ok(files) => files,
            Err(error) => {
                tracing::debug!(folder = %folder.display(), "the folder cannot be read: {error}");
                continue;
            }
        };
        for (path, seen) in &files {
            if taken.get(path) == Some(seen) {
                continue;
            }
            // Two looks that see the same: whoever wrote it has finished.
            if fresh.get(path) == Some(seen) {
                taken.insert(path.clone(), *seen);
                bring(&lifecycle, path).await;
            }
        }
        fresh = files;
    }
}

async fn list(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Seen>> {
    let mut files = BTreeMap::new();
    let mut listing = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = listing.next_entry().await? {
        let path = entry.path();
        let data = entry.metadata().await?;
        if data.is_file() && path.extension().is_some_and(|extension| extension == "wasm") {
            files.insert(path, Seen { changed: data.modified().ok(), bytes: data.len() });
        }
    }
    Ok(files)
}

async fn bring(lifecycle: &Lifecycle, path: &Path) {
    let Some(name) = path.file_stem().and_then(|stem| stem.to_str()).filter(|name| is_name(name)) else {
        tracing::warn!(path = %path.display(), "the name of a connector is 1 to 64 of a-z, 0-9, `-` and `_`; the file is left alone");
        return;
    };
    let component = match tokio::fs::read(path).await {
        Ok(component) => component,
        Err(error) => {
            tracing::warn!(path = %path.display(), "the component cannot be read: {error}");
            return;
        }
    };
    let digest = digest_of(&component);
    let versions = operations::connector(&lifecycle.view(), name).ok().flatten();
    if versions.is_some_and(|versions| !versions.is_news("folder", &digest)) {
        return;
    }
    if let Err(error) = lifecycle.install(name, component, "folder", Actor::Host).await {
        tracing::error!(path = %path.display(), "the component could not be brought: {error}");
    }
}

/// Whether a text can be the name of a connector.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}
