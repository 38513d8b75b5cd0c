//! The sandbox with real components: every bound has a guest that runs against it.
//!
//! One program for all, because each links the whole of wasmtime.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod bounds;
mod calls;
mod compile;
mod egress;
mod fixture;
mod golden;
mod media;
mod packages;
mod poll;
mod secrets;
mod server;
mod warm;
mod ways_out;
