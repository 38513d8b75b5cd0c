//! A disk whose syncs can be held up, all of them or one by one, and that can say that it is full.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use jackfield_store::disk::{Disk, RealDisk, SegmentFile, Space};
use tokio::sync::watch;

/// A disk whose syncs wait while it is held.
#[derive(Clone, Debug)]
pub struct SlowDisk(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether a sync waits.
    waits: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    /// Whether nothing is free.
    full: bool,
    /// How many syncs have come since the disk is held, and how many of them may go on.
    come: u64,
    allowed: u64,
}

impl State {
    fn some_wait(&self) -> bool {
        self.held && self.come > self.allowed
    }
}

impl SlowDisk {
    pub fn new() -> Self {
        Self(Arc::new(Gate { state: Mutex::default(), changed: Condvar::new(), waits: watch::Sender::new(false) }))
    }

    pub fn hold(&self) {
        let mut state = self.0.state.lock().unwrap();
        *state = State { held: true, full: state.full, ..State::default() };
    }

    /// Has the disk say that nothing is free, or how much is.
    pub fn fill(&self, full: bool) {
        self.0.state.lock().unwrap().full = full;
    }

    pub fn release(&self) {
        self.0.state.lock().unwrap().held = false;
        self.0.changed.notify_all();
    }

    /// Lets the sync go on that waits, and holds the next one.
    pub fn let_one_pass(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.allowed += 1;
        self.0.waits.send_replace(state.some_wait());
        self.0.changed.notify_all();
    }

    /// Returns once a sync waits.
    pub async fn sync_waits(&self) {
        self.0.waits.subscribe().wait_for(|waits| *waits).await.unwrap();
    }

    fn pass(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.come += u64::from(state.held);
        let number = state.come;
        self.0.waits.send_replace(state.some_wait());
        let waits = |state: &mut State| state.held && state.allowed < number;
        let state = self.0.changed.wait_while(state, waits).unwrap();
        self.0.waits.send_replace(state.some_wait());
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

    fn space(&self, dir: &Path) -> io::Result<Space> {
        let space = RealDisk.space(dir)?;
        let full = self.0.state.lock().unwrap().full;
        Ok(if full { Space { free: 0, ..space } } else { space })
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
