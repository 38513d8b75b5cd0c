//! A disk that is full, that fails, or that loses its power and with it what was not synced.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jackfield_store::disk::{Disk, RealDisk, SegmentFile, Space};

use super::Random;

/// A disk that does what it is told.
#[derive(Clone, Debug, Default)]
pub struct TestDisk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// How many bytes still fit.
    space: Option<u64>,
    /// What the system is to say of its free space.
    free: Option<u64>,
    /// How many calls still work; after that the power is off.
    calls: Option<u64>,
    sync_fails: bool,
    /// What each file has had for certain, and what of it is not certain to be gone.
    synced: HashMap<PathBuf, Vec<u8>>,
    /// Files that got a name since the folder was synced: what they were called before.
    renamed: Vec<(PathBuf, PathBuf)>,
    /// What a file that had this name is called now.
    names: HashMap<PathBuf, PathBuf>,
}

struct TestFile {
    disk: TestDisk,
    path: Arc<Mutex<PathBuf>>,
    real: fs::File,
}

impl TestDisk {
    /// Has so many bytes free, by what the system says; none for what it really says.
    pub fn set_free(&self, bytes: Option<u64>) {
        self.0.lock().unwrap().free = bytes;
    }

    pub fn set_space(&self, bytes: Option<u64>) {
        self.0.lock().unwrap().space = bytes;
    }

    pub fn set_sync_fails(&self, fails: bool) {
        self.0.lock().unwrap().sync_fails = fails;
    }

    /// The power goes off after so many calls.
    pub fn cut_power_after(&self, calls: u64) {
        self.0.lock().unwrap().calls = Some(calls);
    }

    /// Leaves of everything that was not synced what chance leaves.
    pub fn lose_power(&self, random: &mut Random) {
        let mut inner = self.0.lock().unwrap();
        for (path, synced) in &inner.synced {
            let Ok(now) = fs::read(path) else { continue };
            fs::write(path, what_remains(synced, &now, random)).unwrap();
        }
        for (from, to) in inner.renamed.drain(..).rev() {
            if random.below(2) == 0 && to.exists() {
                fs::rename(to, from).unwrap();
            }
        }
        inner.synced.clear();
        inner.calls = None;
    }

    fn call(&self) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        match inner.calls.as_mut() {
            Some(0) => Err(io::Error::other("the power is off")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let real = fs::OpenOptions::new().append(true).create(true).open(path)?;
        let path = Arc::new(Mutex::new(path.to_owned()));
        Ok(Box::new(TestFile { disk: self.clone(), path, real }))
    }
}

/// The common beginning is safe. Of what differs, any page may be old, new or zero, and the length may be anything in between.
fn what_remains(synced: &[u8], now: &[u8], random: &mut Random) -> Vec<u8> {
    let common = synced.iter().zip(now).take_while(|(a, b)| a == b).count();
    let (short, long) = (synced.len().min(now.len()), synced.len().max(now.len()));
    let length = match random.below(4) {
        0 => now.len(),
        1 => synced.len(),
        _ => short + random.below((long - short) as u64 + 1) as usize,
    };
    let mut remains: Vec<u8> = (0..length).map(|at| if at < common { now[at] } else { 0 }).collect();
    let mut at = common;
    while at < length {
        // Pages are small here, so that frames have several.
        let end = (at + 64).min(length);
        let source: &[u8] = match random.below(3) {
            0 => synced,
            1 => now,
            _ => &[],
        };
        for (place, byte) in remains[at..end].iter_mut().enumerate() {
            *byte = source.get(at + place).copied().unwrap_or(0);
        }
        at = end;
    }
    remains
}

impl Disk for TestDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.call()?;
        let _ = fs::remove_file(path);
        self.0.lock().unwrap().synced.insert(path.to_owned(), Vec::new());
        self.file(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.call()?;
        let bytes = fs::read(path)?;
        self.0.lock().unwrap().synced.insert(path.to_owned(), bytes);
        self.file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.rename(from, to)?;
        let mut inner = self.0.lock().unwrap();
        let synced = inner.synced.remove(from).unwrap_or_default();
        inner.synced.insert(to.to_owned(), synced);
        inner.renamed.push((from.to_owned(), to.to_owned()));
        inner.names.insert(from.to_owned(), to.to_owned());
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.remove(path)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.call()?;
        self.0.lock().unwrap().renamed.clear();
        Ok(())
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        let free = self.0.lock().unwrap().free;
        free.map_or_else(|| RealDisk.space(dir), |free| Ok(Space { free, total: u64::MAX }))
    }
}

impl TestFile {
    /// Where the file is now; a new segment is moved once.
    fn path(&self) -> PathBuf {
        let mut path = self.path.lock().unwrap();
        if !path.exists() {
            *path = self.disk.0.lock().unwrap().names[&*path].clone();
        }
        path.clone()
    }
}

impl SegmentFile for TestFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.disk.call() {
            // The write was on its way.
            self.real.append(bytes)?;
            return Err(e);
        }
        let space = self.disk.0.lock().unwrap().space;
        let fits = space.map_or(bytes.len(), |space| bytes.len().min(space as usize));
        self.real.append(&bytes[..fits])?;
        if let Some(space) = self.disk.0.lock().unwrap().space.as_mut() {
            *space -= fits as u64;
        }
        if fits < bytes.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.call()?;
        let path = self.path();
        let mut inner = self.disk.0.lock().unwrap();
        if inner.sync_fails {
            return Err(io::Error::other("the disk is broken"));
        }
        inner.synced.insert(path.clone(), fs::read(path)?);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.call()?;
        self.real.truncate(len)
    }
}
