//! The data folder: its lock, and where sled lives in it.
//!
//! sled lives in `views/N`, where `N` goes up each time tables are begun afresh. A thread of sled that hung at open may go on hours
//! later and write to its paths; since a path is never used again, it cannot reach the new tables. There are two folders while tables
//! are built beside those that serve, and after that, until the next clean start, for a downgrade.

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
        let is_new = !dir.try_exists()?;
        make_dir(dir)?;
        if is_new && let Some(parent) = parent(dir) {
            // The folder's own name has to be there after a power loss too.
            File::open(parent)?.sync_all()?;
        }
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

    /// The numbers of sled's folders, in order.
    pub(crate) fn tables(&self) -> io::Result<Vec<u64>> {
        numbers(&self.views(), "")
    }

    /// The sled folder of a number.
    pub(crate) fn tables_path(&self, number: u64) -> PathBuf {
        self.views().join(number.to_string())
    }

    /// Removes one of sled's folders, which nobody has open.
    pub(crate) fn remove_tables(&self, number: u64) -> io::Result<()> {
        match fs::remove_dir_all(self.tables_path(number)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => File::open(self.views())?.sync_all(),
        }
    }

    /// The number of a new folder for sled, which was never used before.
    pub(crate) fn new_tables(&self) -> io::Result<u64> {
        make_dir(&self.views())?;
        let used = numbers(&self.views(), "")?.into_iter().chain(numbers(&self.dir, "views.damaged-")?).max();
        let number = used.unwrap_or(0) + 1;
        make_dir(&self.tables_path(number))?;
        File::open(self.views())?.sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        Ok(number)
    }

    /// Puts a sled folder aside as `views.damaged-N` and removes what was put aside before.
    pub(crate) fn set_aside(&self, number: u64) -> io::Result<PathBuf> {
        self.remove_set_aside()?;
        let aside = self.dir.join(format!("views.damaged-{number}"));
        fs::rename(self.tables_path(number), &aside)?;
        File::open(self.views())?.sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        Ok(aside)
    }

    /// Removes sled's folder and all that was put aside. The journal remains.
    pub(crate) fn remove_views(&self) -> io::Result<()> {
        self.remove_set_aside()?;
        match fs::remove_dir_all(self.views()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => File::open(&self.dir)?.sync_all(),
        }
    }

    /// Removes all that was put aside.
    pub(crate) fn remove_set_aside(&self) -> io::Result<()> {
        for old in numbers(&self.dir, "views.damaged-")? {
            fs::remove_dir_all(self.dir.join(format!("views.damaged-{old}")))?;
        }
        Ok(())
    }
}

/// The folder that a folder is in. One without a name of its own, such as `.`, was there before.
fn parent(dir: &Path) -> Option<&Path> {
    let parent = dir.parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
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
