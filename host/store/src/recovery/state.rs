//! `state.json`: what the last process that had the folder knew about its views.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use jackfield_core::ids::Seq;
use serde::{Deserialize, Serialize};

use crate::sync::lock;

const NAME: &str = "state.json";

/// What is written there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The format, 1.
    pub(crate) version: u32,
    /// The boot of the machine under which sled was last open. While it is the same the page cache has everything that sled wrote.
    pub(crate) boot_id: String,
    /// The number of a fact that was on stable storage in the journal. The journal can never end before it.
    pub(crate) durable: Seq,
    /// The tables that serve.
    #[serde(flatten)]
    pub(crate) serving: TablesState,
    /// The tables that are being built beside those, or that served before those and are kept for a downgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) beside: Option<TablesState>,
}

/// What is known of the tables in one sled folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TablesState {
    /// The number of the folder. Absent in what older versions wrote; there is only one folder then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<u64>,
    /// The edition of the rules that made the rows.
    #[serde(default)]
    pub(crate) edition: u32,
    /// Whether rules of another edition have applied facts to them since, which happens while that edition is built beside them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mixed: bool,
    /// Whether they hold what was erased from the journal. They serve until others are built, and are removed then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) erase: bool,
    /// A number that sled had applied and handed to the operating system. Under the same boot sled can never be behind it.
    #[serde(default)]
    pub(crate) floor: Seq,
    /// After a clean stop: sled's files, which were on stable storage then. Equal to what is there as long as nobody wrote to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clean: Option<Vec<FileMark>>,
    /// Which file sled had open. A copy of the folder is another one, and a copy that was taken while sled wrote is not whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileId>,
    /// Why they are not to be trusted, if so.
    #[serde(default, rename = "distrust", skip_serializing_if = "Option::is_none")]
    pub(crate) untrusted: Option<String>,
}

/// The identity of a file, which a copy does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// That of sled's file in a folder; none where there is none yet.
    pub(crate) fn of(sled: &Path) -> Option<Self> {
        let meta = fs::metadata(sled.join("db")).ok()?;
        Some(Self { device: meta.dev(), inode: meta.ino() })
    }
}

/// A file, recognised without reading it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FileMark {
    name: String,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl State {
    /// The state in a folder. One that cannot be read is none: the views are built again then.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read(dir.join(NAME)).ok()?;
        match serde_json::from_slice::<Self>(&text) {
            Ok(state) if state.version == 1 => Some(state),
            Ok(state) => {
                tracing::warn!(version = state.version, "state.json is of another version and is not used");
                None
            }
            Err(e) => {
                tracing::warn!(error = %e, "state.json cannot be read and is not used");
                None
            }
        }
    }

    /// Writes the state; returns when it is on stable storage.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let unfinished = dir.join("state.json.new");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(NAME))?;
        File::open(dir)?.sync_all()
    }
}

impl TablesState {
    /// Tables that are being built. What is half built is worthless: it is not written in batches that are there as a whole or not at
    /// all.
    pub(crate) fn unfinished(folder: u64, edition: u32) -> Self {
        let untrusted = Some(String::from("building them was interrupted"));
        Self { folder: Some(folder), edition, untrusted, ..Self::default() }
    }

    /// Why sled's folder is not to be trusted, or none if it is.
    pub(crate) fn doubt(&self, same_boot: bool, sled: &Path) -> Option<String> {
        if let Some(why) = &self.untrusted {
            return Some(why.clone());
        }
        match &self.clean {
            Some(marks) if marks_of(sled).is_ok_and(|now| now == *marks) => None,
            Some(_) => Some(String::from("its files are not those of the last clean stop")),
            None if !same_boot => Some(String::from("the machine was started again without a clean stop")),
            None if self.file.is_some() && self.file != FileId::of(sled) => {
                Some(String::from("its files are a copy, and the last stop was not clean"))
            }
            None => None,
        }
    }
}

/// The state of a data folder that is open, in memory and on disk.
pub(crate) struct StateFile {
    dir: PathBuf,
    state: Mutex<State>,
}

impl StateFile {
    /// The state of an open folder whose journal has been on stable storage up to `durable`. Nothing is written yet.
    pub(crate) fn new(dir: &Path, boot_id: &str, durable: Seq) -> Self {
        let (serving, boot_id) = (TablesState::default(), boot_id.to_owned());
        let state = State { version: 1, boot_id, durable, serving, beside: None };
        Self { dir: dir.to_owned(), state: Mutex::new(state) }
    }

    pub(crate) fn get(&self) -> State {
        lock(&self.state).clone()
    }

    /// Changes the state; returns when it is on stable storage.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = lock(&self.state);
        change(&mut state);
        state.write(&self.dir)
    }
}

/// The identity of this start of the machine. Empty where the system does not tell; then only a clean stop counts.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// The files below a folder, in order.
pub(crate) fn marks_of(dir: &Path) -> io::Result<Vec<FileMark>> {
    let mut marks = Vec::new();
    visit(dir, &mut |path, meta| {
        let modified = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
        marks.push(FileMark { name, bytes: meta.len(), modified: u64::try_from(modified).unwrap_or(u64::MAX) });
        Ok(())
    })?;
    marks.sort();
    Ok(marks)
}

/// Returns when every file below a folder, and every name, is on stable storage.
pub(crate) fn sync_all(dir: &Path) -> io::Result<()> {
    visit(dir, &mut |path, _| File::open(path)?.sync_all())?;
    for item in fs::read_dir(dir)? {
        let item = item?;
        if item.file_type()?.is_dir() {
            File::open(item.path())?.sync_all()?;
        }
    }
    File::open(dir)?.sync_all()
}

/// The size of all files below a folder in bytes. Files that vanish meanwhile do not count.
pub(crate) fn size_of(dir: &Path) -> u64 {
    let mut bytes = 0;
    let _ = visit(dir, &mut |_, meta| {
        bytes += meta.len();
        Ok(())
    });
    bytes
}

fn visit(dir: &Path, seen: &mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
    for item in fs::read_dir(dir)? {
        let item = item?;
        let meta = match item.metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if meta.is_dir() { visit(&item.path(), seen)? } else { seen(&item.path(), &meta)? }
    }
    Ok(())
}
