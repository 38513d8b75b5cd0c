//! A disk whose syncs can be held up.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use jackfield_store::disk::{Disk, RealDisk, SegmentFile};
use tokio::sync::watch;

/// A disk whose syncs wait while it is held.
#[derive(Clone, Debug)]
pub struct SlowDisk(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    held: Mutex<bool>,
    released: Condvar,
    /// Whether a sync waits.
    waits: watch::Sender<bool>,
}

impl SlowDisk {
    pub fn new() -> Self {
        let gate = Gate { held: Mutex::new(false), released: Condvar::new(), waits: watch::Sender::new(false) };
        Self(Arc::new(gate))
    }

    pub fn hold(&self) {
        *self.0.held.lock().unwrap() = true;
    }

    pub fn release(&self) {
        *self.0.held.lock().unwrap() = false;
        self.0.released.notify_all();
    }

    /// Returns once a sync waits.
    pub async fn sync_waits(&self) {
        self.0.waits.subscribe().wait_for(|waits| *waits).await.unwrap();
    }

    fn pass(&self) {
        let held = self.0.held.lock().unwrap();
        if *held {
            self.0.waits.send_replace(true);
        }
        drop(self.0.released.wait_while(held, |held| *held).unwrap());
        self.0.waits.send_replace(false);
    }
}

struct SlowFile {
    disk: SlowDisk,
    real: Box<dyn SegmentFile>,
}

impl Disk for SlowDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SlowFile { disk: self.clone(), real: RealDisk.create(path)? }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SlowFile { disk: self.clone(), real: RealDisk.open(path)? }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
}

impl SegmentFile for SlowFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.real.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.pass();
        self.real.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.real.truncate(len)
    }
}
