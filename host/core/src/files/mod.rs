//! The files of messages: which are to be fetched, which are here, which will never be had.

mod apply;
pub mod rows;
pub mod view;

pub(crate) use apply::reference;
