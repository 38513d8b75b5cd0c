//! Runs connectors, which are strangers' WebAssembly components, with every bound set.
//!
//! A [`Sandbox`] loads a component into a [`Connector`]; a connector and a [`Binding`] make a [`Channel`]; every function of a channel
//! is one call of the guest, on a fresh instance by default, as a transaction: what it emitted and wrote comes back together, or not at all.
//!
//! # Layout
//!
//! * [`sandbox`], [`engine`]: the one engine, its pool and its clock.
//! * [`manifest`], [`package`], [`connector`]: from bytes to something that can be called.
//! * [`binding`], [`channel`], [`exchange`]: a channel's configuration, secrets and grants, and the calls.
//! * [`call`]: the one function that enters a guest. [`guest`] is what the host keeps of a call, [`limits`], [`cpu`] and [`rate`] are its bounds,
//!   [`stderr`] its last words, [`warm`] the instances that are used again, [`error`] why it came to nothing, [`failure`] what the connector itself says went wrong.
//! * [`media`]: files, which go around guests.
//! * [`bindings`]: the contract as Rust types, and the domain's words for them.
//! * [`imports`], [`egress`]: what a guest may call, and the way out to HTTP.
//! * [`secret`], [`redact`]: secrets, and how they are kept out of everything else.

mod binding;
mod bindings;
mod call;
mod channel;
mod conceal;
mod connector;
mod cpu;
mod egress;
mod engine;
mod error;
mod exchange;
mod failure;
mod guest;
mod imports;
mod limits;
pub mod manifest;
mod media;
mod package;
mod rate;
mod redact;
mod sandbox;
mod secret;
mod stderr;
mod warm;

pub use binding::{Binding, Grants};
pub use call::{Call, Effects, LogLevel, LogLine, Usage};
pub use channel::Channel;
pub use connector::{Connector, Interfaces};
pub use egress::origin::{BadOrigin, Origin};
pub use error::{CallError, CallErrorKind};
pub use exchange::{Action, Batch, Delivery, Health, Hints, Receipt, Received, Reply, Request, Step};
pub use failure::Failure;
pub use imports::state::StateView;
pub use limits::Limits;
pub use manifest::{Manifest, ManifestError};
pub use media::{Fetched, FileContent, Upload};
pub use package::{CompileBounds, CompileLimits, Compiler, LoadError, compile_child};
pub use redact::printable;
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
pub use secret::Secret;
