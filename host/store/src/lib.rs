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
//! * `views/`: sled, which can be deleted at any time and is built again from the journal,
//! * `views.damaged-N/`: a sled folder that was set aside, kept for whoever wants to know why,
//! * `files/`: the files of messages, see [`blobs`]; part of a backup too,
//! * `state.json`: whether the last stop was clean, and under which boot of the machine; see [`recovery`],
//! * `lock`: held while a process has the folder open.
//!
//! # Layout
//!
//! * [`journal`]: the trait that every journal fulfils, and the local file.
//! * [`disk`]: the few calls through which the local journal writes, so that tests can lose power.
//! * [`views`]: sled behind the two traits of `jackfield_core::tables`.
//! * [`blobs`]: files, by the sums of their contents.
//! * [`recovery`]: what happens at open.
//! * `applier` and `desk`: from a durable entry to an answer. `effects`: from there to whoever acts on it.
//! * [`check`]: compares the views with a re-application of the journal.

mod applier;
pub mod blobs;
pub mod check;
mod desk;
pub mod disk;
mod effects;
pub mod journal;
mod options;
pub mod recovery;
mod store;
pub mod views;

pub use blobs::{Blob, BlobDraft, Blobs};
pub use check::{Difference, Verification, verify};
pub use effects::{EffectBatch, Effects};
pub use journal::{AppendError, Draft, Entries, Journal, JournalError, Receipt};
pub use options::Options;
pub use recovery::{OpenError, Phase, Progress};
pub use store::{CloseError, Committed, Stats, Store, export, open, rebuild, redact};
pub use views::View;
