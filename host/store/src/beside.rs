//! Building tables beside those that serve.
//!
//! ```text
//! journal ──▶ applier ──▶ tables that serve ──▶ readers
//!    └──────▶ rebuild ──▶ new tables ──(as far as those)──▶ take their place
//! ```
//!
//! The tables that serve go on taking facts, by the rules of this edition. The new ones follow them until few facts are left; those are
//! applied while the applier waits, and then the new tables serve. A crash before that leaves the old tables and the building begins
//! again; after it, the new ones.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::core::Core;
use crate::journal::Journal;
use crate::options::Options;
use crate::panics::panic_message;
use crate::projection::Projection;
use crate::recovery::{TablesState, build, catch_up, sled_options};
use crate::sync::lock;
use crate::views::{OnDefect, Tables, open_sled, released_within};

/// How many facts may be left when the applier has to wait. Some tens of milliseconds of work.
const LEFT: u64 = 256;

/// Starts the thread, unless something is being built already.
pub(crate) fn spawn(
    core: &Arc<Core>,
    journal: Arc<dyn Journal>,
    options: &Options,
    why: &str,
) -> io::Result<Option<JoinHandle<()>>> {
    let facts = core.watch.borrow().0;
    if !core.rebuild.begin(why, facts) {
        return Ok(None);
    }
    tracing::info!(reason = why, facts, "the views are built again, beside those that serve");
    run_begun(core, journal, options).map(Some)
}

/// Starts the thread for what was begun.
pub(crate) fn run_begun(core: &Arc<Core>, journal: Arc<dyn Journal>, options: &Options) -> io::Result<JoinHandle<()>> {
    let (theirs, options) = (Arc::clone(core), options.clone());
    let thread = thread::Builder::new().name(String::from("rebuild")).spawn(move || {
        let core = theirs;
        let result = catch_unwind(AssertUnwindSafe(|| run(&core, &*journal, &options)));
        match result.unwrap_or_else(|panic| Err(panic_message(&*panic))) {
            Ok(()) => tracing::info!("the views that were built serve now"),
            Err(why) if core.rebuild.is_stopping() => tracing::info!(reason = why, "the next start builds the views"),
            Err(why) => {
                tracing::error!(reason = why, "the views could not be built again; those that serve go on serving");
            }
        }
        core.rebuild.end();
    });
    if thread.is_err() {
        core.rebuild.end();
    }
    thread
}

/// How long readers of tables with erased facts are waited for.
const READERS: Duration = Duration::from_secs(5);

fn run(core: &Core, journal: &dyn Journal, options: &Options) -> Result<(), String> {
    let text = |e: io::Error| e.to_string();
    // There is room for two: what was kept for a downgrade goes.
    if let Some(kept) = core.state.get().beside.and_then(|beside| beside.folder) {
        core.state.update(|state| state.beside = None).map_err(text)?;
        *lock(&core.kept) = None;
        core.lock.remove_tables(kept).map_err(text)?;
    }
    let folder = core.lock.new_tables().map_err(text)?;
    let unfinished = TablesState::unfinished(folder, options.rules.edition);
    core.state.update(|state| state.beside = Some(unfinished)).map_err(text)?;
    let result = build_and_replace(core, journal, options, folder);
    if result.is_err() && core.state.get().serving.folder != Some(folder) {
        let _ = core.state.update(|state| state.beside = None);
        let _ = core.lock.remove_tables(folder);
    }
    result
}

fn build_and_replace(core: &Core, journal: &dyn Journal, options: &Options, folder: u64) -> Result<(), String> {
    let path = core.lock.tables_path(folder);
    let db = open_sled(&path, sled_options(options)).map_err(|e| e.to_string())?;
    let tables = Tables::new(db, &path, options.rules.edition, options.rules, &core.lock);
    let mut tables = tables.map_err(|e| e.to_string())?;
    let applied = || *core.watch.borrow();
    build(journal, &mut tables, applied(), options.rebuild_batch, |done| core.rebuild.tell(done))
        .map_err(|e| e.to_string())?;
    let follow = |tables: &Tables| {
        let first = tables.applied().0;
        let tell = |done| {
            core.rebuild.tell(first + done);
        };
        catch_up(journal, tables, applied(), options.rebuild_batch, OnDefect::Skip, tell).map_err(|e| e.to_string())
    };
    while applied().0 - tables.applied().0 > LEFT {
        if core.rebuild.is_stopping() {
            return Err(String::from("the building was stopped"));
        }
        follow(&tables)?;
    }
    tables.flush().map_err(|e| e.to_string())?;
    let feed = lock(&core.feed);
    if core.rebuild.is_stopping() {
        return Err(String::from("the building was stopped"));
    }
    follow(&tables)?;
    tables.flush().map_err(|e| e.to_string())?;
    let before = core.replace_tables(tables, folder).map_err(|e| e.to_string())?;
    drop(feed);
    if let Some(before) = before {
        retire(core, before);
    }
    Ok(())
}

/// What becomes of tables that no longer serve: they are kept for a downgrade, unless they hold what was erased.
fn retire(core: &Core, before: Arc<Tables>) {
    let folder = before.folder().to_owned();
    drop(before);
    if core.state.get().beside.is_some() {
        *lock(&core.kept) = Some(folder);
        return;
    }
    // A reader that goes on longer has the files without their names.
    released_within(&folder, READERS);
    let number = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    if let Some(Err(e)) = number.map(|number| core.lock.remove_tables(number)) {
        tracing::error!(error = %e, folder = %folder.display(), "views with erased facts could not be removed");
    }
}
