//! The sandbox with real components: every bound has a guest that runs against it.
//!
//! One program for all, because each links the whole of wasmtime.

mod bounds;
mod calls;
mod egress;
mod fixture;
mod packages;
mod secrets;
mod server;
