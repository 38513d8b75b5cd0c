//! Compiled components on disk, so that a start does not compile again.
//!
//! What is loaded from here runs as the host's own machine code. So the folder belongs to the host alone, only the host writes into
//! it, and a file is used only if it is whole: `SHA-256 of the rest | the compiled component`.

use std::fs::{self, DirBuilder};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256, digest};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes that are kept; of what was not used for the longest time the rest is removed. A hundred connectors in JavaScript take 3.4 GiB.
const KEPT_BYTES: u64 = 4 << 30;

/// Bytes of the sum at the beginning of a file.
const SUM: usize = 32;

/// Whether there is space on the disk for what the sandbox keeps.
pub trait FreeSpace: std::fmt::Debug + Send + Sync {
    /// Refuses so many bytes more where that would leave too little to others.
    ///
    /// # Errors
    /// Why they are refused, or that nobody can tell.
    fn check(&self, more: u64) -> io::Result<()>;
}

/// A folder of compiled components, for one configuration of the engine.
pub(crate) struct Cache {
    folder: PathBuf,
    space: Option<Arc<dyn FreeSpace>>,
    /// What the engine compiles for: its version, its settings, the processor.
    compatibility: String,
}

impl Cache {
    /// Opens a folder, or makes it. Refuses one that others can write to.
    pub(crate) fn open(folder: &Path, engine: &Engine, space: Option<Arc<dyn FreeSpace>>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let metadata = fs::symlink_metadata(folder)?;
        let ours = metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
        if !ours || metadata.mode() & 0o077 != 0 {
            return Err(io::Error::other(format!(
                "the folder {} of compiled connectors has to belong to the user of the host, with mode 700, because what is in it is run",
                folder.display()
            )));
        }
        let mut hasher = Sha(Context::new(&SHA256));
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = HEXLOWER.encode(&hasher.0.finish().as_ref()[..16]);
        Ok(Self { folder: folder.to_owned(), space, compatibility })
    }

    /// The compiled form of the component with this digest, if it is here and whole.
    pub(crate) fn load(&self, engine: &Engine, component_digest: &str) -> Option<Component> {
        let file = fs::read(self.path(component_digest)).ok()?;
        let (sum, compiled) = file.split_at_checked(SUM)?;
        if digest(&SHA256, compiled).as_ref() != sum {
            tracing::warn!(digest = component_digest, "a compiled connector was damaged on disk and is compiled again");
            return None;
        }
        match deserialize(engine, compiled) {
            Ok(component) => {
                self.used(component_digest);
                Some(component)
            }
            Err(error) => {
                tracing::warn!(digest = component_digest, %error, "a compiled connector could not be loaded and is compiled again");
                None
            }
        }
    }

    /// Keeps a compiled component: written beside its place, then moved there, so that it is there whole or not at all.
    pub(crate) fn store(&self, digest_of_component: &str, artifact: &[u8]) -> io::Result<()> {
        if let Some(space) = &self.space {
            space.check(artifact.len() as u64)?;
        }
        // Files of this crate are made with mode 600.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(digest(&SHA256, artifact).as_ref())?;
        file.write_all(artifact)?;
        // Not synced: a sync of so much would hold up the journal's, and what is torn does not have its sum and is compiled again.
        file.persist(self.path(digest_of_component)).map_err(|e| e.error)?;
        make_room(&self.folder, KEPT_BYTES)
    }

    /// Notes that a file is of use.
    fn used(&self, digest_of_component: &str) {
        let now = fs::FileTimes::new().set_modified(SystemTime::now());
        // Without the note it is only removed sooner.
        let _ = fs::File::open(self.path(digest_of_component)).and_then(|file| file.set_times(now));
    }

    fn path(&self, component: &str) -> PathBuf {
        self.folder.join(format!("{component}-{}.cwasm", self.compatibility))
    }
}

/// Removes what was not used for the longest time, until the rest has at most `bytes`.
fn make_room(folder: &Path, bytes: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        files.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    files.sort_by(|a, b| b.cmp(a));
    let mut kept = 0_u64;
    for (_, size, path) in files {
        kept = kept.saturating_add(size);
        if kept > bytes {
            // Somebody else may have removed it.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

/// What the compile pool made.
pub(super) fn compiled(engine: &Engine, artifact: &[u8]) -> wasmtime::Result<Component> {
    deserialize(engine, artifact)
}

/// Loads compiled code.
#[allow(
    unsafe_code,
    reason = "deserialize requires bytes that wasmtime itself serialized. They come from the compile pool, which is this very program in \
              another process, or from a folder that only the host's user can write to (checked in `Cache::open`), were written there \
              by `Cache::store` from the pool's, are named after the component and the engine's compatibility, and carry a checksum \
              that was just compared"
)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    unsafe { Component::deserialize(engine, compiled) }
}

/// A hasher that is the same in every build, unlike the standard library's.
struct Sha(Context);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    // Asked for by the trait; the whole digest is taken instead.
    fn finish(&self) -> u64 {
        let sum = self.0.clone().finish();
        sum.as_ref().iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [("old", 30), ("older", 60), ("new", 1)] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let times = fs::FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(age));
            fs::File::open(path).unwrap().set_times(times).unwrap();
        }
        make_room(folder.path(), 250).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["new", "old"]);
    }
}
