//! The few calls through which the local journal changes the disk. Everything that durability rests on goes through here, so that a
//! test can stand in for a disk that is full, that fails, or that forgets what was not synced.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// A segment that is open for appending.
pub trait SegmentFile: Send {
    /// Writes all the bytes at the end, in one call where the system allows.
    ///
    /// # Errors
    /// The disk's. Some of the bytes may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything that was appended, and the length, is on stable storage.
    ///
    /// # Errors
    /// The disk's. What was appended since the last success may or may not be stored then, now and later.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `len` bytes. Lasts only after [`SegmentFile::sync`].
    ///
    /// # Errors
    /// The disk's.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// How much room there is on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this process may still use.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Space {
    /// What is kept of it, bytes, where `wanted` is to be: on a small disk an eighth of it.
    #[must_use]
    pub fn reserve(self, wanted: u64) -> u64 {
        wanted.min(self.total / 8)
    }
}

/// Free space that everything but the journal leaves to it.
#[derive(Clone, Debug)]
pub struct Reserve {
    disk: Arc<dyn Disk>,
    folder: Arc<Path>,
    bytes: u64,
}

impl Reserve {
    /// Of the disk that a folder is on; `bytes` are kept, on a small disk an eighth of it.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, folder: &Path, bytes: u64) -> Self {
        Self { disk, folder: Arc::from(folder), bytes }
    }

    /// Refuses so many bytes more where that would leave less than the reserve. One system call.
    ///
    /// # Errors
    /// That there is too little space ([`io::ErrorKind::StorageFull`]), or the system's.
    pub fn check(&self, more: u64) -> io::Result<()> {
        let space = self.disk.space(&self.folder)?;
        let reserve = space.reserve(self.bytes);
        if space.free.checked_sub(more).is_some_and(|left| left >= reserve) {
            return Ok(());
        }
        let (free, reserve) = (space.free >> 20, reserve >> 20);
        let why = format!("{free} MiB are free, and {reserve} MiB are kept for the journal; make space");
        Err(io::Error::new(io::ErrorKind::StorageFull, why))
    }
}

/// Where segments live.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a new file, empty even if there was one, readable by the owner only.
    ///
    /// # Errors
    /// The disk's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens an existing file for appending at its end.
    ///
    /// # Errors
    /// The disk's.
    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Gives a file another name, replacing what had it. Lasts only after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The disk's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The disk's.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in the folder are on stable storage.
    ///
    /// # Errors
    /// The disk's.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// How much room there is on the file system of a folder.
    ///
    /// # Errors
    /// The system's.
    fn space(&self, dir: &Path) -> io::Result<Space> {
        let found = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }
}

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl SegmentFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // fdatasync: the data and the length, not the times.
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        remove_if_there(path)?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_keeps_an_eighth_of_itself_and_a_large_one_what_is_wanted() {
        let of = |total: u64| Space { free: 0, total }.reserve(256 << 20);
        assert_eq!((of(64 << 20), of(2 << 30), of(1 << 40)), (8 << 20, 256 << 20, 256 << 20));
    }
}
