//! Facts as public events, for clients that follow along; and facts that were skipped.

mod apply;
pub mod rows;
pub mod view;

pub(crate) use apply::{Public, note_skipped};
