//! Who may use the host: API keys; and commands that must not be done twice.

mod apply;
pub mod rows;
pub mod view;

pub(crate) use apply::{idempotency_of, needs_good_key};
