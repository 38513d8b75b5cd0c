//! The journal: one totally ordered list of facts, durable before any answer.
//!
//! The journal *orders* facts and makes them *durable*; applying them is not its business. Whoever appends gives facts without numbers
//! and learns their numbers; what they came to is known once the local views have applied those numbers. So an implementation that
//! other hosts append to as well (NATS JetStream is to be the second one) fits the same trait, and nothing outside this module knows
//! which one is there. `tests/suite/conformance.rs` says what each must fulfil.
//!
//! What such a log brings with it is in the trait: an append has an id, by which one that comes twice is recognised; its outcome may be
//! unknown ([`AppendError::Unknown`]); reading may fail for a while ([`JournalError::is_transient`]). Numbers are dense: whatever a log
//! numbers besides facts, facts are numbered without gaps.
//!
//! # Layout
//!
//! * `contract`, `error`, `stats`: what every journal fulfils. [`local`]: the journal in a folder. `lanes`, `shared`, `group_commit`, `writer`: from a group that waits to stable storage.
//! * [`frame`], `segment`, `files`, `read`, `redact`: the bytes, the files, looking through them, reading, and taking content out.

mod contract;
mod error;
mod files;
pub mod frame;
mod group_commit;
mod import;
mod lanes;
pub mod local;
mod read;
mod redact;
mod room;
mod segment;
mod shared;
mod stats;
mod writer;

pub use contract::{AppendId, Draft, Entries, Follower, Group, Journal, Pending, Receipt};
pub use error::{AppendError, JournalError};
pub use files::{Journaled, TornTail};
pub(crate) use import::Importer;
pub(crate) use read::read as read_folder;
pub(crate) use redact::replace;
pub use stats::{JournalStats, SYNC_BOUNDS};
