//! Facts as public events, for clients that follow along; and facts that were skipped.

mod apply;
mod public;
pub mod rows;
pub mod view;

pub(crate) use apply::note_skipped;
pub(crate) use public::Public;
