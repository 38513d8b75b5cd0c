//! The views, in sled: one tree, in which a group of facts and the applied number change together.
//!
//! What sled 0.34.7 gives and does not give, read from its source and measured:
//!
//! * A [`sled::Batch`] on one tree is recovered as a whole or not at all after the death of the process: `apply_batch_inner` reserves a
//!   batch manifest, writes the changes, and `seal_batch` puts the position of the last of them into the manifest; recovery
//!   (`LogIter`) stops at a manifest whose last position is not there. The one tree is why there is no cross-tree transaction here.
//! * `flush` is not durable against power loss. Nothing here relies on it: the journal is, and [`recovery`](crate::recovery) builds the
//!   views again after another boot.
//! * Reads see a batch in whole or not at all, call by call, and wait while one is put into the tree, never for a disk. Two calls may
//!   see two states; `snapshot` gives each [`View`] one.
//!
//! # Layout
//!
//! * `tree`: reading and writing sled. `overlay`: changes on top of it. `snapshot`: one state for each reader.
//! * `apply`: one entry, and what happens when it meets a defect. `tables`: the projection. `bulk`: filling empty tables quickly.
//! * `view`: the reader that others get. `open`: opening sled, which may hang.

mod apply;
mod bulk;
mod open;
mod overlay;
mod snapshot;
mod tables;
mod tree;
mod view;

pub(crate) use apply::OnDefect;
pub(crate) use bulk::{LoadError, load};
pub(crate) use open::{SledOptions, open_sled, released_within};
pub(crate) use tables::Tables;
pub(crate) use tree::TreeRead;
pub use view::View;
