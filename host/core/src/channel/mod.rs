//! Channels: what they are, whether they send, what connectors remember of them.

mod apply;
pub mod rows;
pub mod view;
