//! The components that were brought, each under its digest: written once, never changed, read again after a restart.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ring::digest;

/// A folder of components.
#[derive(Clone, Debug)]
pub struct Artifacts(PathBuf);

impl Artifacts {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }

    /// Keeps a component on stable storage and gives its digest. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, component: &[u8]) -> io::Result<String> {
        let digest = digest_of(component);
        let path = self.path(&digest);
        // One that is damaged is written again.
        if fs::read(&path).is_ok_and(|kept| kept == component) {
            return Ok(digest);
        }
        let part = path.with_extension("part");
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
        file.write_all(component)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        File::open(&self.0)?.sync_all()?;
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
        for entry in fs::read_dir(&self.0)? {
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
        self.0.join(Path::new(digest).file_name().unwrap_or_default()).with_extension("wasm")
    }
}

/// The sha256 of a component, 64 hexadecimal digits.
#[must_use]
pub fn digest_of(component: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, component).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_read_back_under_its_digest_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path().join("a")).unwrap();
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
