//! Connectors, their versions, and what channels are allowed while the host runs.

mod apply;
pub mod rows;
pub mod view;
