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
//! * [`run`]: what enters a guest, and what bounds it. [`report`] is what a call did, [`failure`] what the connector itself says went wrong.
//! * [`media`]: files, which go around guests.
//! * [`bindings`]: the contract as Rust types, and the domain's words for them.
//! * [`imports`], [`egress`]: what a guest may call, and the way out to HTTP.
//! * [`secret`], [`redact`], [`conceal`]: secrets, and how they are kept out of everything else. [`printable`], [`percent`], [`escapes`]: text.

mod binding;
mod bindings;
mod channel;
mod conceal;
mod connector;
mod egress;
mod engine;
mod escapes;
mod exchange;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod imports;
pub mod manifest;
mod media;
mod package;
mod percent;
mod printable;
mod redact;
mod report;
mod run;
mod sandbox;
mod secret;
mod state_view;
mod turns;

pub use binding::{Binding, Grants};
pub use channel::Channel;
pub use connector::{Connector, Interfaces};
pub use egress::origin::{BadOrigin, Origin};
pub use exchange::{Action, Batch, Delivery, Health, Hints, Receipt, Received, Reply, Request, Step};
pub use failure::Failure;
pub use manifest::{Manifest, ManifestError};
pub use media::{Fetched, FileContent, Upload};
pub use package::{CompileBounds, CompileLimits, Compiler, FreeSpace, LoadError, compile_child};
pub use printable::printable;
pub use report::{Effects, LogLevel, LogLine, Usage};
pub use run::call::Call;
pub use run::error::{CallError, CallErrorKind};
pub use run::limits::Limits;
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
pub use secret::Secret;
pub use state_view::StateView;
pub use turns::{Turn, Turns};
