//! The components that were brought, each under its digest: written once, never changed, read again after a restart.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_store::View;
use jackfield_store::disk::Reserve;
use ring::digest;

use crate::config::{Code, Config, Reference};

/// A folder of components.
#[derive(Clone, Debug)]
pub struct Artifacts {
    folder: PathBuf,
    /// What they leave of the disk.
    reserve: Reserve,
}

/// Tells apart the files that are being written: two connectors may bring the same component at once.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

impl Artifacts {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: PathBuf, reserve: Reserve) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder, reserve })
    }

    /// Keeps a component on stable storage and gives its digest. Blocks.
    ///
    /// # Errors
    /// When it cannot be written, or would take of what is left to the journal ([`io::ErrorKind::StorageFull`]).
    pub fn keep(&self, component: &[u8]) -> io::Result<String> {
        let digest = digest_of(component);
        let path = self.path(&digest);
        // One that is damaged is written again.
        if fs::read(&path).is_ok_and(|kept| kept == component) {
            return Ok(digest);
        }
        self.reserve.check(component.len() as u64)?;
        let part = path.with_extension(format!("{}.part", WRITTEN.fetch_add(1, Ordering::Relaxed)));
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
        file.write_all(component)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(digest)
    }

    /// Reads a component back, and believes it only if it still has its digest. Blocks.
    ///
    /// # Errors
    /// When it is not there or is not what it was.
    pub fn read(&self, digest: &str) -> io::Result<Vec<u8>> {
        let path = self.path(digest);
        let bytes = fs::read(&path)?;
        match digest_of(&bytes) == digest {
            true => Ok(bytes),
            false => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()))),
        }
    }

    /// Removes every component whose digest is not among `wanted`, and what a crash left half written. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn keep_only(&self, wanted: &BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_wanted = path.extension().is_some_and(|extension| extension == "wasm")
                && path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|digest| wanted.contains(digest));
            if !is_wanted {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(Path::new(digest).file_name().unwrap_or_default()).with_extension("wasm")
    }
}

/// The sha256 of a component, 64 hexadecimal digits.
#[must_use]
pub fn digest_of(component: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, component).as_ref())
}

/// The digests of the components that are needed: those of generations, and those that the configuration names in a registry, which is
/// not asked again whatever became of them.
///
/// # Errors
/// When the tables cannot be read.
pub fn needed(view: &View, config: &Config) -> Result<BTreeSet<String>, ReadError> {
    let mut needed = operations::components(view)?;
    for versions in operations::connectors(view)? {
        let named = versions.brought.into_iter().filter(|(origin, _)| is_configured(config, &versions.name, origin));
        needed.extend(named.map(|(_, digest)| digest));
    }
    Ok(needed)
}

/// Whether the configuration has a connector come from this place in a registry.
pub(super) fn is_configured(config: &Config, name: &str, origin: &str) -> bool {
    let code = config.connectors.get(name).map(|connector| &connector.code);
    matches!(code, Some(Code::Oci(reference)) if is_from(origin, reference.get_ref()))
}

/// Whether what was brought from `origin` is what a reference stands for. The digest says it, whichever registry it came from.
pub(super) fn is_from(origin: &str, reference: &Reference) -> bool {
    origin.parse().is_ok_and(|origin: Reference| origin.sha256() == reference.sha256())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jackfield_store::disk::RealDisk;

    use super::*;

    #[test]
    fn a_component_is_read_back_under_its_digest_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(Arc::new(RealDisk), folder.path(), 0);
        let artifacts = Artifacts::open(folder.path().join("a"), reserve).unwrap();
        let digest = artifacts.keep(b"component").unwrap();
        assert_eq!(artifacts.keep(b"component").unwrap(), digest);
        assert_eq!(artifacts.read(&digest).unwrap(), b"component");
        fs::write(artifacts.path(&digest), b"another").unwrap();
        assert_eq!(artifacts.read(&digest).unwrap_err().kind(), io::ErrorKind::InvalidData);
        artifacts.keep(b"component").unwrap();
        assert_eq!(artifacts.read(&digest).unwrap(), b"component", "keeping it again mends it");
        let other = artifacts.keep(b"other").unwrap();
        artifacts.keep_only(&[other.clone()].into()).unwrap();
        assert_eq!(artifacts.read(&digest).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(artifacts.read(&other).unwrap(), b"other");
        assert_eq!(artifacts.read("../../etc/passwd").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
