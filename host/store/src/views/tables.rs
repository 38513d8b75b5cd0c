//! sled's tables: the first projection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jackfield_core::apply::Applied;
use jackfield_core::fact::{Entry, Outcome};
use jackfield_core::feed::rows::SKIPPED;
use jackfield_core::ids::Seq;
use jackfield_core::tables;

use super::apply::{OnDefect, apply_one};
use super::overlay::Overlay;
use super::snapshot::{Head, Pin};
use super::tree::{TreeRead, scan};
use crate::folder::Lock;
use crate::projection::{Failure, Projection, Stopped};
use crate::rules::Rules;

/// One sled folder, the rules that facts are applied by, and the newest state.
pub(crate) struct Tables {
    db: sled::Db,
    folder: PathBuf,
    /// The edition that made the rows. [`Rules::edition`] applies new facts to them, whichever this is.
    edition: u32,
    rules: Rules,
    head: Head,
    skipped: AtomicU64,
    lock: Arc<Lock>,
}

impl Tables {
    /// Tables of an edition in an open sled folder.
    pub(crate) fn new(
        db: sled::Db,
        folder: &Path,
        edition: u32,
        rules: Rules,
        lock: &Arc<Lock>,
    ) -> tables::Result<Self> {
        let head = Head::new(tables::applied(&TreeRead(&db))?);
        let (folder, lock) = (folder.to_owned(), Arc::clone(lock));
        let tables = Self { db, folder, edition, rules, head, skipped: AtomicU64::new(0), lock };
        tables.count_skipped()?;
        Ok(tables)
    }

    /// Counts the facts that were skipped, and reads the applied number, after the tree was filled by others.
    pub(crate) fn refresh(&mut self) -> tables::Result<()> {
        self.head = Head::new(tables::applied(&TreeRead(&self.db))?);
        self.count_skipped()
    }

    fn count_skipped(&self) -> tables::Result<()> {
        let mut count = 0;
        for row in scan(&self.db, SKIPPED.all(), false) {
            row?;
            count += 1;
        }
        self.skipped.store(count, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn tree(&self) -> &sled::Tree {
        &self.db
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many facts were skipped.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Whether the rows were made by the rules that new facts are applied by.
    pub(crate) fn is_current(&self) -> bool {
        self.edition == self.rules.edition
    }

    /// Hands everything to the operating system.
    pub(crate) fn flush(&self) -> sled::Result<()> {
        self.db.flush().map(drop)
    }

    /// The newest state.
    pub(crate) fn pin(&self) -> Pin {
        self.head.pin()
    }

    pub(crate) fn lock(&self) -> &Arc<Lock> {
        &self.lock
    }

    /// As [`Projection::apply`], with a choice.
    pub(crate) fn apply_or(&self, group: &[Entry], on_defect: OnDefect) -> Result<Vec<Applied>, Stopped> {
        let mut applied = Vec::with_capacity(group.len());
        while let Some(left) = group.get(applied.len()..).filter(|left| !left.is_empty()) {
            match self.apply_some(left, on_defect) {
                Ok(some) => applied.extend(some),
                Err(Stopped { applied: some, seq, failure }) => {
                    applied.extend(some);
                    return Err(Stopped { applied, seq, failure });
                }
            }
        }
        Ok(applied)
    }

    /// Applies the first of these entries, as many as are stored at once.
    fn apply_some(&self, group: &[Entry], on_defect: OnDefect) -> Result<Vec<Applied>, Stopped> {
        let mut overlay = Overlay::new(&self.db);
        let (mut applied, mut last, mut failed) = (Vec::new(), None, None);
        for entry in group {
            match apply_one(&mut overlay, entry, &self.rules, on_defect) {
                Ok(one) => applied.push(one),
                Err(failure) => {
                    failed = Some((entry.seq, failure));
                    break;
                }
            }
            last = Some(entry.seq);
            if overlay.is_full() {
                break;
            }
        }
        if let Some(seq) = last
            && let Err(e) = self.head.commit(&self.db, &overlay.into_changes(), seq)
        {
            return Err(Stopped { applied: Vec::new(), seq, failure: Failure::Storage(e.to_string()) });
        }
        let skipped = applied.iter().filter(|one| matches!(one.outcome, Outcome::Skipped { .. })).count();
        self.skipped.fetch_add(skipped as u64, Ordering::Relaxed);
        match failed {
            None => Ok(applied),
            Some((seq, failure)) => Err(Stopped { applied, seq, failure }),
        }
    }
}

impl Projection for Tables {
    fn edition(&self) -> u32 {
        self.edition
    }

    fn applied(&self) -> Seq {
        self.head.seq()
    }

    fn apply(&self, group: &[Entry]) -> Result<Vec<Applied>, Stopped> {
        self.apply_or(group, OnDefect::Skip)
    }
}

#[cfg(test)]
mod tests {
    use jackfield_core::apply::Cost;
    use jackfield_core::fact::{Actor, Fact};
    use jackfield_core::ids::Millis;
    use jackfield_core::tables::{APPLIED, Write};

    use super::*;
    use crate::options::Options;
    use crate::recovery::{Outdated, lock_folder, recover};

    /// Writes a row of a megabyte for each fact.
    fn large(tables: &mut dyn Write, entry: &Entry) -> tables::Result<Applied> {
        tables.put(vec![200, u8::try_from(entry.seq.0).unwrap_or_default()], vec![0; 1 << 20]);
        tables.put(APPLIED.to_vec(), entry.seq.0.to_be_bytes().to_vec());
        Ok(Applied { outcome: Outcome::Done, effects: Vec::new(), cost: Cost::default() })
    }

    #[test]
    fn a_group_whose_facts_change_much_is_stored_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let rules = Rules { apply: large, ..Rules::default() };
        let options = Options { rules, ..Options::default() };
        let tables = recover(lock_folder(dir.path()).unwrap(), &options, Outdated::Serve, &mut |_| {}).unwrap().tables;
        let entry = |seq| Entry { seq: Seq(seq), at: Millis(seq), actor: Actor::Host, fact: Fact::IdsByPlace };
        let group: Vec<Entry> = (1..=40).map(entry).collect();
        let first = tables.apply_some(&group, OnDefect::Skip).unwrap().len();
        assert!((10..20).contains(&first), "{first}");
        assert_eq!(tables.applied(), Seq(first as u64));
        let rest = tables.apply(&group[first..]).unwrap().len();
        assert_eq!((first + rest, tables.applied()), (40, Seq(40)));
    }
}
