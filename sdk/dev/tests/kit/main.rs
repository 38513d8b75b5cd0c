//! The author's kit from outside, as one program, because each links the whole of wasmtime.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod host;
