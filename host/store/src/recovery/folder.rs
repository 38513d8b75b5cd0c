//! The data folder: its lock, and where sled lives in it.
//!
//! sled lives in `views/N`, where `N` goes up each time the views are begun afresh. A thread of sled that hung at open may go on hours
//! later and write to its paths; since a path is never used again, it cannot reach the new views.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The data folder, while it is ours.
pub(crate) struct Lock {
    pub(crate) dir: PathBuf,
    _file: File,
}

impl Lock {
    /// Makes the folder if need be and locks it. None when somebody else has it.
    pub(crate) fn take(dir: &Path) -> io::Result<Option<Self>> {
        make_dir(dir)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { dir: dir.to_owned(), _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    /// Where the journal is.
    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    fn views(&self) -> PathBuf {
        self.dir.join("views")
    }

    /// sled's folder, if there is exactly one. More than one is never left behind by us.
    pub(crate) fn sled(&self) -> io::Result<Option<PathBuf>> {
        let mut numbers = numbers(&self.views(), "")?;
        match (numbers.pop(), numbers.is_empty()) {
            (None, _) => Ok(None),
            (Some(n), true) => Ok(Some(self.views().join(n.to_string()))),
            (Some(_), false) => Err(io::Error::other("there is more than one folder in views/")),
        }
    }

    /// A folder for sled that was never used before.
    pub(crate) fn fresh_sled(&self) -> io::Result<PathBuf> {
        make_dir(&self.views())?;
        let used = numbers(&self.views(), "")?.into_iter().chain(numbers(&self.dir, "views.damaged-")?).max();
        let path = self.views().join((used.unwrap_or(0) + 1).to_string());
        make_dir(&path)?;
        File::open(self.views())?.sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        Ok(path)
    }

    /// Puts sled's folder aside as `views.damaged-N` and removes what was put aside before.
    pub(crate) fn set_aside(&self, sled: &Path) -> io::Result<PathBuf> {
        self.remove_damaged()?;
        let number = sled.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.dir.join(format!("views.damaged-{number}"));
        fs::rename(sled, &aside)?;
        File::open(self.views())?.sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        Ok(aside)
    }

    /// Removes sled's folder and all that was put aside. The journal remains.
    pub(crate) fn remove_views(&self) -> io::Result<()> {
        self.remove_damaged()?;
        match fs::remove_dir_all(self.views()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => File::open(&self.dir)?.sync_all(),
        }
    }

    fn remove_damaged(&self) -> io::Result<()> {
        for old in numbers(&self.dir, "views.damaged-")? {
            fs::remove_dir_all(self.dir.join(format!("views.damaged-{old}")))?;
        }
        Ok(())
    }
}

fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// The numbers N for which `dir` has a folder `prefixN`, in order.
fn numbers(dir: &Path, prefix: &str) -> io::Result<Vec<u64>> {
    let listing = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut numbers = Vec::new();
    for item in listing {
        let name = item?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
        numbers.extend(number.and_then(|n| n.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
