//! What the threads of a store and its handle share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jackfield_core::ids::Seq;
use tokio::sync::watch;

use crate::compared::{Compared, Stop};
use crate::effects::EffectsHub;
use crate::folder::Lock;
use crate::progress::RebuildStatus;
use crate::projection::Projection;
use crate::recovery::{FileId, State, StateFile, TablesState};
use crate::views::{Tables, View};
use crate::waiters::CommitWaiters;

pub(crate) struct Core {
    /// None once the store is closed.
    serving: RwLock<Option<Arc<Tables>>>,
    /// The folder of tables that served before, which are kept for a downgrade.
    pub(crate) kept: Mutex<Option<PathBuf>>,
    /// Held while facts are applied to the tables that serve, and while others take their place.
    pub(crate) feed: Mutex<()>,
    pub(crate) lock: Arc<Lock>,
    pub(crate) state: StateFile,
    pub(crate) waiters: CommitWaiters,
    pub(crate) effects: EffectsHub,
    pub(crate) rebuild: RebuildStatus,
    /// Held while the views are compared with the journal.
    pub(crate) comparing: Mutex<()>,
    /// What the last comparison came to.
    pub(crate) compared: Mutex<Option<Compared>>,
    /// Ends what compares.
    pub(crate) stop: Stop,
    pub(crate) watch: watch::Sender<Seq>,
    pub(crate) apply_micros: AtomicU64,
    pub(crate) rebuilt: Option<String>,
}

impl Core {
    pub(crate) fn new(tables: Tables, lock: Arc<Lock>, state: StateFile, rebuilt: Option<String>) -> Self {
        let applied = tables.applied();
        let kept = state.get().beside.and_then(|beside| beside.folder).map(|folder| lock.tables_path(folder));
        Self {
            serving: RwLock::new(Some(Arc::new(tables))),
            kept: Mutex::new(kept),
            feed: Mutex::default(),
            lock,
            state,
            waiters: CommitWaiters::default(),
            effects: EffectsHub::default(),
            rebuild: RebuildStatus::default(),
            comparing: Mutex::default(),
            compared: Mutex::default(),
            stop: Stop::default(),
            watch: watch::Sender::new(applied),
            apply_micros: AtomicU64::new(0),
            rebuilt,
        }
    }

    /// The tables that serve; none once the store is closed.
    pub(crate) fn tables(&self) -> Option<Arc<Tables>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A reader of the newest state.
    pub(crate) fn view(&self) -> View {
        self.tables().map_or_else(|| View::closed(Arc::clone(&self.lock)), View::of)
    }

    /// Takes the tables away from whoever reads later.
    pub(crate) fn take_tables(&self) -> Option<Arc<Tables>> {
        self.serving.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets other tables serve, which are as far as those that served, and gives those. The caller holds `feed`.
    pub(crate) fn replace_tables(&self, tables: Tables, folder: u64) -> std::io::Result<Option<Arc<Tables>>> {
        let (edition, floor, file) = (tables.edition(), tables.applied(), FileId::of(tables.folder()));
        let serving = TablesState { folder: Some(folder), edition, floor, file, ..TablesState::default() };
        self.state.update(|state| {
            let before = std::mem::replace(&mut state.serving, serving);
            state.beside = (!before.erase).then_some(TablesState { floor, ..before });
        })?;
        let before = self.serving.write().unwrap_or_else(PoisonError::into_inner).replace(Arc::new(tables));
        self.effects.publish_replaced(floor);
        Ok(before)
    }

    /// Everybody sees the facts up to `last`.
    pub(crate) fn applied(&self, last: Seq, micros: u64) {
        self.apply_micros.fetch_add(micros, Ordering::Relaxed);
        self.watch.send_replace(last);
    }

    /// Rules of another edition apply facts to the tables that serve from now on.
    pub(crate) fn mark_mixed(&self) -> std::io::Result<()> {
        if self.state.get().serving.mixed {
            return Ok(());
        }
        self.state.update(|state| state.serving.mixed = true)
    }

    /// The next start builds the views again.
    pub(crate) fn mark_untrusted(&self, why: &str) {
        let note = |state: &mut State| state.serving.untrusted = Some(why.to_owned());
        if let Err(e) = self.state.update(note) {
            tracing::error!(error = %e, "cannot note that the views are damaged; delete views/ before the next start");
        }
    }
}
