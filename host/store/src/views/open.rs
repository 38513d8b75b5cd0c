//! Opening sled, which after damage may fail, panic or never return.

use std::fs::{self, File};
use std::io;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::panics::panic_message;

/// How sled is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SledOptions {
    pub(crate) cache_bytes: u64,
    pub(crate) flush_every_ms: u64,
    pub(crate) timeout: Duration,
}

/// sled did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error("sled does not open: {0}")]
    Refused(String),
    #[error("sled panicked at open: {0}")]
    Panicked(String),
    #[error("sled did not open within {0:?}")]
    Hung(Duration),
}

/// Opens a sled folder, or makes one. A thread that hangs is left behind together with the folder, which must not be used again: it may
/// go on at any time.
pub(crate) fn open_sled(path: &Path, options: SledOptions) -> Result<sled::Db, OpenFailure> {
    let (answer, opened) = mpsc::sync_channel(1);
    let path = path.to_owned();
    let open = move || {
        let result = catch_unwind(|| prepare_and_open(&path, options));
        let result = match result {
            Ok(Ok(db)) => Ok(db),
            Ok(Err(e)) => Err(OpenFailure::Refused(e)),
            Err(panic) => Err(OpenFailure::Panicked(panic_message(&*panic))),
        };
        // Nobody listens after the time-out; a database that opens then is closed again.
        let _ = answer.send(result);
    };
    let thread = thread::Builder::new().name(String::from("open-views")).spawn(open);
    thread.map_err(|e| OpenFailure::Refused(e.to_string()))?;
    match opened.recv_timeout(options.timeout) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(OpenFailure::Hung(options.timeout)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(OpenFailure::Panicked(String::from("no message"))),
    }
}

fn prepare_and_open(path: &Path, options: SledOptions) -> Result<sled::Db, String> {
    wait_until_released(path).map_err(|e| e.to_string())?;
    remove_unfinished_snapshots(path).map_err(|e| e.to_string())?;
    sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(options.flush_every_ms))
        .open()
        .map_err(|e| e.to_string())
}

/// Returns once no thread of sled holds the folder: closing a database returns before its last threads have let go, and sled itself
/// only tries once. The lock is the one that sled takes, on its file `db`.
pub(super) fn wait_until_released(path: &Path) -> io::Result<()> {
    match File::open(path.join("db")) {
        Ok(file) => file.lock(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// A snapshot that was being written when the process died makes sled refuse to open, and is never needed.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    let listing = match fs::read_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for item in listing {
        let item = item?;
        let name = item.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(item.path())?;
        }
    }
    Ok(())
}

/// Like [`wait_until_released`], but says within `timeout` whether it came to that.
pub(crate) fn released_within(path: &Path, timeout: Duration) -> bool {
    let (answer, released) = mpsc::sync_channel(1);
    let path = path.to_owned();
    let wait = move || {
        let _ = answer.send(wait_until_released(&path).is_ok());
    };
    let started = thread::Builder::new().name(String::from("close-views")).spawn(wait).is_ok();
    started && released.recv_timeout(timeout).unwrap_or(false)
}
