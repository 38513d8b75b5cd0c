//! What Jackfield keeps on disk: the journal, which is the truth, and the views, which follow from it.
//!
//! ```text
//! append ──▶ Journal (orders, makes durable) ──▶ applier (applies in order, commits to sled) ──▶ answer
//!                                                                    └──▶ View (reads)
//! ```
//!
//! A [`Store`] is the handle on one data folder:
//!
//! * `journal/`: the segments, see [`journal::local`]; a copy of this folder is the backup,
//! * `views/`: sled's tables, which can be deleted at any time and are built again from the journal,
//! * `views.damaged-N/`: a sled folder that was set aside, kept for an inspection of the damage,
//! * `files/`: the files of messages, see [`blobs`]; part of a backup too,
//! * `state.json`: whether the last stop was clean, and under which boot of the machine; see [`recovery`],
//! * `lock`: held while a process has the folder open.
//!
//! # Layout
//!
//! * [`journal`]: the trait that every journal fulfils, and the local file.
//! * [`disk`]: the few calls through which the local journal writes, so that tests can lose power.
//! * [`projection`]: what follows the journal. [`views`]: the first one, sled behind the two traits of `jackfield_core::tables`.
//! * [`blobs`]: files, by the sums of their contents.
//! * [`recovery`]: what happens at open. `beside`: building tables of another edition beside those that serve.
//! * `applier` and `waiters`: from a durable entry to an answer. `effects`: from there to whoever acts on it.
//! * [`check`]: compares the views with a re-application of the journal, offline; `compare` while the host runs.

mod applier;
mod beside;
pub mod blobs;
pub mod check;
mod compare;
mod compared;
mod core;
pub mod disk;
mod effects;
mod folder;
mod import;
pub mod journal;
mod options;
mod panics;
mod progress;
pub mod projection;
pub mod recovery;
mod rules;
mod store;
mod sync;
pub mod views;
mod waiters;

pub use blobs::{Blob, BlobDraft, Blobs, Removed};
pub use check::{Difference, Verification, skipped, verify};
pub use compared::Compared;
pub use effects::{EffectBatch, Effects};
pub use import::{ImportError, import};
pub use journal::{AppendError, AppendId, Draft, Entries, Journal, JournalError, Receipt};
pub use options::Options;
pub use progress::Rebuilding;
pub use projection::Projection;
pub use recovery::{OpenError, Phase, Progress};
pub use rules::Rules;
pub use store::{CloseError, Committed, EraseError, Stats, Store, export, open, rebuild, redact};
pub use views::View;
