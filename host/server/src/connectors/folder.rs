//! A folder of components for those who like files: what is put there as `NAME.wasm` is brought as a generation of the connector NAME.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jackfield_core::fact::Actor;
use jackfield_core::views::operations;

use super::COMPONENT_BYTES;
use super::artifacts::digest_of;
use super::error::LifecycleError;
use super::lifecycle::Lifecycle;
use crate::shutdown::Stop;

/// How often the folder is looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// The wait after something that was brought could not be stored.
const AGAIN: Duration = Duration::from_secs(10);

/// A file as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    bytes: u64,
}

/// Watches a folder until the host stops.
pub async fn watch(folder: PathBuf, lifecycle: Arc<Lifecycle>, stop: Stop) {
    // What is taken already, and what may still be being written.
    let (mut taken, mut fresh, mut complained, mut wait) = (BTreeMap::new(), BTreeMap::new(), None, PERIOD);
    loop {
        tokio::select! {
            () = stop.begun() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = PERIOD;
        let files = match list(&folder).await {
            Ok(files) => files,
            Err(error) => {
                let message = error.to_string();
                if complained.as_ref() != Some(&message) {
                    tracing::warn!(folder = %folder.display(), "the watched folder is left alone: {message}");
                    complained = Some(message);
                }
                continue;
            }
        };
        for (path, seen) in &files {
            if taken.get(path) == Some(seen) {
                continue;
            }
            // Two looks that see the same: whoever wrote it has finished.
            if fresh.get(path) == Some(seen) {
                match bring(&lifecycle, path).await {
                    Brought::Done => drop(taken.insert(path.clone(), *seen)),
                    Brought::Later => wait = AGAIN,
                }
            }
        }
        taken.retain(|path, _| files.contains_key(path));
        fresh = files;
    }
}

/// What became of a file.
enum Brought {
    /// Looking at it again would come to the same.
    Done,
    /// What came of it could not be stored: it is brought again.
    Later,
}

async fn list(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Seen>> {
    let mut files = BTreeMap::new();
    may_bring(&tokio::fs::metadata(folder).await?)?;
    let mut listing = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = listing.next_entry().await? {
        let path = entry.path();
        let data = entry.metadata().await?;
        // A larger one is no connector, and need not be read to know that.
        let fits = data.len() <= COMPONENT_BYTES as u64;
        if data.is_file() && fits && path.extension().is_some_and(|extension| extension == "wasm") {
            files.insert(path, Seen { changed: data.modified().ok(), bytes: data.len() });
        }
    }
    Ok(files)
}

/// Who may write into the folder brings code that runs here, so it has to be the host's own user, or root.
fn may_bring(folder: &std::fs::Metadata) -> std::io::Result<()> {
    let owner = [0, rustix::process::geteuid().as_raw()].contains(&folder.uid());
    match owner && folder.mode() & 0o022 == 0 {
        true => Ok(()),
        false => Err(std::io::Error::other(
            "it has to belong to the user of the host, and nobody else may write to it, because what is in it is run",
        )),
    }
}

async fn bring(lifecycle: &Lifecycle, path: &Path) -> Brought {
    let Some(name) = path.file_stem().and_then(|stem| stem.to_str()).filter(|name| is_name(name)) else {
        tracing::warn!(path = %path.display(), "the name of a connector is 1 to 64 of a-z, 0-9, `-` and `_`; the file is left alone");
        return Brought::Done;
    };
    let component = match tokio::fs::read(path).await {
        Ok(component) => component,
        Err(error) => {
            tracing::warn!(path = %path.display(), "the component cannot be read: {error}");
            return Brought::Done;
        }
    };
    let digest = digest_of(&component);
    let versions = operations::connector(&lifecycle.view(), name).ok().flatten();
    if versions.is_some_and(|versions| !versions.is_news("folder", &digest)) {
        return Brought::Done;
    }
    match lifecycle.install(name, component, "folder", Actor::Host).await {
        Ok(_) => Brought::Done,
        Err(error) => {
            tracing::error!(path = %path.display(), "the component could not be brought: {error}");
            match error {
                LifecycleError::Append(_) | LifecycleError::Disk(_) | LifecycleError::Read(_) => Brought::Later,
                _ => Brought::Done,
            }
        }
    }
}

/// Whether a text can be the name of a connector.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_folder_that_others_may_write_to_brings_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shop.wasm"), b"x").unwrap();
        let mode = |bits| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(bits)).unwrap();
        mode(0o755);
        assert_eq!(list(folder.path()).await.unwrap().len(), 1);
        for shared in [0o777, 0o775, 0o757] {
            mode(shared);
            assert!(list(folder.path()).await.is_err(), "{shared:o}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_for_a_component_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join("shop.wasm")).unwrap();
        file.set_len(COMPONENT_BYTES as u64 + 1).unwrap();
        assert!(list(folder.path()).await.unwrap().is_empty());
    }
}
