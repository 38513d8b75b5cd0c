//! What a guest hands over: bounded in number and size, trusted no further than the manifest says, in the domain's words.
//!
//! * [`validator`]: one call's answer.
//! * [`belief`]: how far the connector's word goes.
//! * [`check`]: whether one event keeps to the contract and the bounds. One that does not becomes an unreadable item, and takes no
//!   sibling with it.
//! * [`convert`]: the domain's words for it.
//! * [`media`]: what is said about files.

mod belief;
mod check;
mod convert;
pub(crate) mod media;
mod validator;

pub(crate) use validator::{InvalidOutput, OutputValidator};
