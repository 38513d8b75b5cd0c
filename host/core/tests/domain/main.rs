//! The rules of the domain, as sentences.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to stop")]

mod access;
mod arbitrary;
mod attacks;
mod costs;
mod deliveries;
mod erasure;
mod files;
mod identity;
mod invariants;
mod messages;
mod properties;
mod reassigned;
mod retention;
mod scopes;
mod support;
mod totality;
