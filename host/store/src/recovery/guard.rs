//! Which of the sled folders is to be trusted.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::build::{build, sled_options};
use super::error::{OpenError, io_error};
use super::progress::{Phase, Reporter};
use super::state::{FileId, State, StateFile, TablesState};
use crate::folder::Lock;
use crate::journal::Journal;
use crate::options::Options;
use crate::projection::Projection;
use crate::views::{Tables, open_sled};

/// What is done about tables that can serve but that another edition made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outdated {
    /// They serve while others are built beside them.
    Serve,
    /// Others are built first. For tools, which come to an end.
    Replace,
}

/// What came of the tables that were there.
pub(super) enum Usable {
    /// They serve. If they are outdated, for this reason others are built.
    Open { tables: Tables, outdated: Option<String> },
    /// They are set aside, for this reason.
    Untrusted(String),
    /// There are none.
    None,
}

pub(super) struct Guard<'a> {
    pub(super) lock: &'a Arc<Lock>,
    pub(super) options: &'a Options,
    pub(super) state: &'a StateFile,
    pub(super) boot_id: &'a str,
}

/// Tables that state.json knows and that are there.
struct Candidate {
    folder: u64,
    state: TablesState,
}

impl Guard<'_> {
    /// Opens the best of the tables that can be trusted. Those of this edition come first, then those that serve while others are built.
    pub(super) fn usable(&self, before: Option<State>, outdated: Outdated) -> io::Result<Usable> {
        let folders = self.lock.tables()?;
        let Some(newest) = folders.last().copied() else { return Ok(Usable::None) };
        let Some(before) = before else {
            return self.give_up(newest, "state.json is missing or cannot be read");
        };
        let same_boot = !self.boot_id.is_empty() && before.boot_id == self.boot_id;
        let was_clean = before.serving.clean.is_some();
        let mut candidates = candidates(before, &folders);
        let Some(first) = candidates.first().map(|first| first.folder) else {
            return self.give_up(newest, "state.json does not name any of the folders in views/");
        };
        candidates.sort_by_key(|one| !self.is_current(&one.state));
        let mut reason = None;
        for (at, one) in candidates.iter().enumerate() {
            let opened = match (self.outdated(&one.state), outdated) {
                (Some(why), Outdated::Replace) => Err(why),
                (why, _) => self.try_open(one, same_boot)?.map(|tables| (tables, why)),
            };
            match opened {
                Err(why) => drop(reason.get_or_insert(why)),
                Ok((tables, outdated)) => {
                    // Kept until the next clean start, so that a downgrade finds its tables; a folder has room for two.
                    let other = candidates.get(1 - at.min(1)).filter(|other| other.folder != one.folder);
                    let keeps = at == 0 && outdated.is_none() && !was_clean;
                    let kept = other.filter(|other| keeps && other.state.untrusted.is_none()).map(|o| o.folder);
                    self.remove_others(&[Some(one.folder), kept])?;
                    let beside = other.filter(|other| Some(other.folder) == kept).map(|other| other.state.clone());
                    self.state.update(|state| state.beside = beside)?;
                    return Ok(Usable::Open { tables, outdated });
                }
            }
        }
        self.give_up(first, &reason.unwrap_or_default())
    }

    fn is_current(&self, tables: &TablesState) -> bool {
        self.outdated(tables).is_none()
    }

    /// Why tables cannot serve for long, if so.
    fn outdated(&self, tables: &TablesState) -> Option<String> {
        if tables.edition != self.options.rules.edition {
            return Some(String::from("another version of Jackfield made them"));
        }
        if tables.erase {
            return Some(String::from("facts were erased"));
        }
        tables.mixed.then(|| String::from("another version of Jackfield has changed them"))
    }

    fn try_open(&self, one: &Candidate, same_boot: bool) -> io::Result<Result<Tables, String>> {
        let path = self.lock.tables_path(one.folder);
        if let Some(why) = one.state.doubt(same_boot, &path) {
            return Ok(Err(why));
        }
        // Opening writes to sled's files. From here on they are only good under this boot.
        let serving = TablesState { folder: Some(one.folder), clean: None, ..one.state.clone() };
        self.state.update(|state| state.serving = TablesState { file: FileId::of(&path), ..serving })?;
        let tables = self.open(&path, one.state.edition);
        let floor = one.state.floor;
        Ok(tables.and_then(|tables| match tables.applied() {
            // sled may open with less than it had, without a word.
            applied if applied < floor => Err(format!("they end with fact {applied}, but had fact {floor} once")),
            _ => Ok(tables),
        }))
    }

    fn open(&self, path: &Path, edition: u32) -> Result<Tables, String> {
        let db = open_sled(path, sled_options(self.options)).map_err(|e| e.to_string())?;
        Tables::new(db, path, edition, self.options.rules, self.lock).map_err(|e| e.to_string())
    }

    /// Sets tables aside and removes all others.
    pub(super) fn give_up(&self, folder: u64, why: &str) -> io::Result<Usable> {
        self.remove_others(&[Some(folder)])?;
        let aside = self.lock.set_aside(folder)?;
        tracing::warn!(
            reason = why, set_aside = %aside.display(), facts = self.state.get().durable.0,
            "the views are not used and are built again from the journal; nothing is lost"
        );
        Ok(Usable::Untrusted(why.to_owned()))
    }

    fn remove_others(&self, kept: &[Option<u64>]) -> io::Result<()> {
        let removed = self.lock.tables()?.into_iter().filter(|folder| !kept.contains(&Some(*folder)));
        removed.into_iter().try_for_each(|folder| self.lock.remove_tables(folder))
    }

    /// Builds tables from the whole journal.
    pub(super) fn rebuild(
        &self,
        journal: &dyn Journal,
        why: &str,
        report: &mut Reporter<'_>,
    ) -> Result<Tables, OpenError> {
        let folder_error = |e| io_error(&self.lock.dir, e);
        let folder = self.lock.new_tables().map_err(folder_error)?;
        let (path, edition) = (self.lock.tables_path(folder), self.options.rules.edition);
        let unfinished = TablesState::unfinished(folder, edition);
        self.state.update(|state| (state.serving, state.beside) = (unfinished, None)).map_err(folder_error)?;
        let mut tables = self.open(&path, edition).map_err(OpenError::Views)?;
        let (phase, last) = (Phase::Rebuilding(why.to_owned()), journal.last());
        let tell = |done| {
            report.tell(&phase, done, last.0);
            true
        };
        build(journal, &mut tables, last, self.options.rebuild_batch, tell)?;
        Ok(tables)
    }

    /// Notes that tables are as far as the journal: into the page cache, so that it is there as long as this boot lasts; power loss is
    /// not what the floor is for.
    pub(super) fn note_finished(&self, tables: &Tables) -> Result<(), OpenError> {
        tables.flush().map_err(|e| OpenError::Views(e.to_string()))?;
        let (floor, file) = (tables.applied(), FileId::of(tables.folder()));
        let finished = |state: &mut State| {
            let serving = std::mem::take(&mut state.serving);
            state.serving = TablesState { floor, file, untrusted: None, clean: None, ..serving };
        };
        self.state.update(finished).map_err(|e| io_error(&self.lock.dir, e))
    }
}

/// The tables that the state knows and that are there, those that served first. What was being built is worthless.
fn candidates(before: State, folders: &[u64]) -> Vec<Candidate> {
    let only = (folders.len() == 1).then(|| folders[0]);
    let serving = before.serving.folder.or(only).map(|folder| Candidate { folder, state: before.serving });
    let is_finished = |beside: &TablesState| beside.untrusted.is_none();
    let beside = before.beside.filter(is_finished);
    let beside = beside.and_then(|state| Some(Candidate { folder: state.folder?, state }));
    serving.into_iter().chain(beside).filter(|one| folders.contains(&one.folder)).collect()
}
