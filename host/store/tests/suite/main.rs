//! The tests of the store from outside, as one program, so that what they share is compiled once.
#![allow(clippy::unwrap_used, reason = "a helper of a test panics as the test does")]

mod blobs;
mod compare;
mod conformance;
mod containment;
mod editions;
mod erasure;
mod golden_journals;
mod handle;
mod import;
mod journal_damage;
mod power_loss;
mod recovery;
mod support;
