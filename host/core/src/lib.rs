//! The domain of Jackfield: facts, identities, customers, conversations, and [`apply`](apply::apply).
//!
//! Everything here is a pure function: no clock, no randomness, no I/O, no async, no WebAssembly, no database. Time and anything
//! random enter inside a [`Fact`](fact::Fact). What has to be remembered goes through the two small traits of [`tables`].
//!
//! # Layout
//!
//! * [`ids`]: newtypes for every id; all of them derive from sequence numbers.
//! * [`event`]: what connectors emit, in the domain's own words.
//! * [`fact`]: the entries of the journal.
//! * [`apply`]: what follows from a fact, in the tables; [`effect`]: outside of them.
//! * [`tables`]: how `apply` and the views read and write, and the keys they use.

pub mod apply;
pub mod ask;
pub mod base64;
pub mod canonical;
pub mod claims;
pub mod effect;
pub mod event;
pub mod fact;
pub mod generation;
pub mod graph;
pub mod ids;
pub mod keys;
pub mod rows;
pub mod tables;
pub mod views;
