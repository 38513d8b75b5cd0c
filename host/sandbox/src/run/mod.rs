//! What enters a guest, and what bounds it.
//!
//! * [`call`]: the one function that runs guest code. [`guest`]: what the host keeps of a call; [`state_overlay`] and [`log_book`] are
//!   what it wrote.
//! * [`limits`], [`cpu`], [`rate`]: the bounds. [`long`]: how long calls take turns. [`error`]: why a call came to nothing.
//! * [`instance_pool`]: instances that are called again. [`stderr`]: the end of what a guest wrote to its standard error.

pub(crate) mod call;
pub(crate) mod cpu;
pub(crate) mod error;
pub(crate) mod guest;
pub(crate) mod instance_pool;
pub(crate) mod limits;
pub(crate) mod log_book;
pub(crate) mod long;
pub(crate) mod rate;
pub(crate) mod state_overlay;
pub(crate) mod stderr;
