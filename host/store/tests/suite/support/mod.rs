//! What the tests share.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use jackfield_core::fact::{Actor, Fact, Role};
use jackfield_core::ids::Millis;
use jackfield_core::tables::Read;
use jackfield_store::{Draft, Options, Store, View};

pub mod disk;

/// A fact with a name.
pub fn fact(name: &str) -> Fact {
    Fact::KeyCreated { name: name.to_owned(), role: Role::Agent, hash: format!("{name:0>64}") }
}

/// A fact that is to be appended.
pub fn draft(name: &str) -> Draft {
    Draft::new(Actor::Operator, &fact(name)).unwrap()
}

/// The name of a fact made by [`fact`].
pub fn name(fact: &Fact) -> &str {
    match fact {
        Fact::KeyCreated { name, .. } => name,
        _ => "",
    }
}

/// Small segments, so that there are several.
pub fn small() -> Options {
    Options { segment_bytes: 2000, cache_bytes: 8 << 20, ..Options::default() }
}

/// A time that never changes.
pub fn no_time() -> Millis {
    Millis(1_000)
}

/// Opens a store without looking at the progress.
pub fn open(dir: &Path, options: &Options) -> Store {
    jackfield_store::open(dir, options, &mut |_| {}).unwrap()
}

/// Every row of the views.
pub fn rows(store: &Store) -> BTreeMap<Vec<u8>, Vec<u8>> {
    rows_of(&store.read())
}

/// Every row that a reader sees.
pub fn rows_of(view: &View) -> BTreeMap<Vec<u8>, Vec<u8>> {
    view.scan((Bound::Unbounded, Bound::Unbounded), false).map(Result::unwrap).collect()
}

/// The segments of a data folder, in order.
pub fn segments(journal: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(journal).unwrap().map(|item| item.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "journal"));
    paths.sort();
    paths
}

/// Where the frames of a segment begin, and where the last one ends.
pub fn frames(segment: &Path) -> Vec<usize> {
    let bytes = fs::read(segment).unwrap();
    let mut at = 32;
    let mut starts = vec![at];
    while at < bytes.len() {
        at += 24 + u32::from_le_bytes(*bytes[at + 4..].first_chunk().unwrap()) as usize;
        starts.push(at);
    }
    starts
}

/// Copies a folder with everything below it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mut items: Vec<_> = fs::read_dir(from).unwrap().map(|item| item.unwrap().path()).collect();
    items.sort();
    for item in items {
        let target = to.join(item.file_name().unwrap());
        if item.is_dir() {
            copy(&item, &target)
        } else {
            fs::copy(&item, &target).unwrap();
        }
    }
}

/// sled's folder in a data folder.
pub fn sled_dir(dir: &Path) -> PathBuf {
    fs::read_dir(dir.join("views")).unwrap().next().unwrap().unwrap().path()
}

/// Changes `state.json`.
pub fn edit_state(dir: &Path, edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
    let path = dir.join("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(state.as_object_mut().unwrap());
    fs::write(path, serde_json::to_vec(&state).unwrap()).unwrap();
}

/// Numbers that look random and are the same each time.
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit.max(1)
    }
}

/// Whether any file below a folder has these bytes.
pub fn contains(dir: &Path, needle: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().map(|item| item.unwrap().path()).any(|path| match path.is_dir() {
        true => contains(&path, needle),
        false => fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle),
    })
}
