//! Comparing the views with the journal while the host runs, slowly.
//!
//! The journal is applied to scratch tables. Then range after range of rows is compared: a reader is pinned, the scratch tables catch up
//! to its fact, and both must have the same rows. So facts go on meanwhile, and what changes behind the cursor is not missed for long:
//! the next comparison sees it. After each step the thread rests, so that it takes a small share of one processor.

use std::fs;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jackfield_core::ids::Seq;
use jackfield_core::tables::Read;

use crate::compared::Compared;
use crate::core::Core;
use crate::journal::Journal;
use crate::options::Options;
use crate::projection::Projection;
use crate::recovery::{build, catch_up, sled_options};
use crate::sync::lock;
use crate::views::{OnDefect, SledOptions, Tables, TreeRead, open_sled};

/// How many rows are compared with one reader. Some milliseconds.
const RANGE: usize = 1_000;

/// How many facts are applied before the thread rests.
const BATCH: usize = 256;

/// sled's cache for the scratch tables.
const CACHE_BYTES: u64 = 8 << 20;

/// Starts the thread that compares from time to time.
pub(crate) fn spawn(core: Arc<Core>, journal: Arc<dyn Journal>, options: &Options) -> io::Result<JoinHandle<()>> {
    let options = options.clone();
    thread::Builder::new().name(String::from("compare")).spawn(move || {
        let mut pause = options.compare_after;
        while !core.stop.rest(pause) {
            pause = options.compare_every;
            match compare(&core, &*journal, &options, options.compare_share) {
                Ok(Some(found)) => {
                    tracing::info!(rows = found.rows, different = found.different, "the views were compared")
                }
                Ok(None) => {}
                Err(why) => tracing::warn!(reason = why, "the views could not be compared with the journal"),
            }
        }
    })
}

/// Compares once; none when it was ended early, because the store closes or other tables are built. `share` is the share of one processor
/// that it takes, at most 1.
pub(crate) fn compare(
    core: &Core,
    journal: &dyn Journal,
    options: &Options,
    share: f64,
) -> Result<Option<Compared>, String> {
    let _one_at_a_time = lock(&core.comparing);
    let scratch = core.lock.dir.join("views.check");
    remove(&scratch).map_err(|e| e.to_string())?;
    let compared = Comparison { core, journal, options, share: share.clamp(0.001, 1.0) }.run(&scratch);
    remove(&scratch).map_err(|e| e.to_string())?;
    let compared = compared?;
    if let Some(found) = &compared {
        if let Some(key) = &found.first {
            let (different, key) = (found.different, key.escape_ascii().to_string());
            tracing::error!(different, key, "rows differ from what the journal makes them; run `jackfield rebuild`");
        }
        *lock(&core.compared) = Some(found.clone());
    }
    Ok(compared)
}

struct Comparison<'a> {
    core: &'a Core,
    journal: &'a dyn Journal,
    options: &'a Options,
    share: f64,
}

impl Comparison<'_> {
    fn run(&self, scratch: &Path) -> Result<Option<Compared>, String> {
        let Some(serving) = self.core.tables() else { return Ok(None) };
        let is_over = || {
            let same = self.core.tables().is_some_and(|now| Arc::ptr_eq(&now, &serving));
            !same || !serving.is_current() || self.core.rebuild.is_running()
        };
        if is_over() {
            return Ok(None);
        }
        let sled = SledOptions { cache_bytes: CACHE_BYTES, ..sled_options(self.options) };
        let db = open_sled(scratch, sled).map_err(|e| e.to_string())?;
        let rules = self.options.rules;
        let fresh = Tables::new(db, scratch, rules.edition, rules, &self.core.lock);
        let mut fresh = fresh.map_err(|e| e.to_string())?;
        let mut started = Instant::now();
        let mut goes_on = |_| {
            let stop = self.rest(started.elapsed());
            started = Instant::now();
            !stop && !is_over()
        };
        let applied = || *self.core.watch.borrow();
        if let Err(why) = build(self.journal, &mut fresh, applied(), BATCH, &mut goes_on) {
            return if is_over() || self.rest(Duration::ZERO) { Ok(None) } else { Err(why.to_string()) };
        }
        let (mut found, mut next) = (Compared::default(), Some(Bound::Unbounded));
        while let Some(from) = next.take() {
            if !goes_on(0) {
                return Ok(None);
            }
            // Most of it before there is a reader, for which what changes is kept.
            self.follow(&fresh, applied())?;
            let view = self.core.view();
            self.follow(&fresh, view.seq())?;
            found.through = view.seq();
            next = range(&view, &TreeRead(fresh.tree()), from, &mut found).map_err(|e| e.to_string())?;
        }
        Ok((!is_over()).then_some(found))
    }

    fn follow(&self, fresh: &Tables, until: Seq) -> Result<(), String> {
        if fresh.applied() >= until {
            return Ok(());
        }
        catch_up(self.journal, fresh, until, BATCH, OnDefect::Skip, |_| {}).map_err(|e| e.to_string())
    }

    /// Rests after so much work; true once the store closes.
    fn rest(&self, worked: Duration) -> bool {
        self.core.stop.rest(worked.mul_f64(1.0 / self.share - 1.0))
    }
}

/// Compares the rows from a key on; where the next range begins, if there is one.
fn range(
    ours: &impl Read,
    theirs: &impl Read,
    from: Bound<Vec<u8>>,
    found: &mut Compared,
) -> jackfield_core::tables::Result<Option<Bound<Vec<u8>>>> {
    let mut ours = ours.scan((from.clone(), Bound::Unbounded), false).peekable();
    let mut theirs = theirs.scan((from, Bound::Unbounded), false).peekable();
    let mut last = None;
    for _ in 0..RANGE {
        let key = match (ours.peek(), theirs.peek()) {
            (None, None) => return Ok(None),
            (Some(Err(e)), _) | (_, Some(Err(e))) => return Err(e.clone()),
            (Some(Ok((key, _))), None) | (None, Some(Ok((key, _)))) => key.clone(),
            (Some(Ok((a, _))), Some(Ok((b, _)))) => a.min(b).clone(),
        };
        let is_it = |row: &jackfield_core::tables::Result<_>| matches!(row, Ok((k, _)) if *k == key);
        let (our, their) = (ours.next_if(is_it), theirs.next_if(is_it));
        found.rows += 1;
        if our != their {
            found.different += 1;
            found.first.get_or_insert_with(|| key.clone());
        }
        last = Some(key);
    }
    Ok(last.map(Bound::Excluded))
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
