//! What `cargo xtask` and the author's command `jackfield-dev` share: finding a compiler for WebAssembly, installing the tools of other
//! languages, making a component of a crate, and looking at a component from outside. Nothing here runs one, so it compiles quickly (host/docs/adr/0010).

pub mod component;
pub mod guest;
pub mod progress;
pub mod quiet;
pub mod toolchain;
pub mod tools;
pub mod workspace;
