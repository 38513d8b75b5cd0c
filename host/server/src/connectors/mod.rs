//! The connectors that are loaded, and the life of their versions.
//!
//! * [`generation`]: one loaded version, bound to its channels. [`slot`]: which version serves, and when the one before comes back.
//! * [`lifecycle`]: how a version goes, and what all of this shares. `install`: how one comes to serve: staged, verified, compiled,
//!   checked, approved, probed, published. [`steps`]: each of these in turn. [`error`]: what all of this comes to. [`prepared`]: versions that are ready. [`rollback`]: the end of one that fails. [`restore`]: how a
//!   version serves again after a restart. [`reload`]: the configuration, read again.
//! * [`binding`]: a version and a channel's configuration, secrets and grants. [`bindings`]: all of them while the host runs. [`issued`]:
//!   those that are used, so that a revocation reaches them. [`grants`]: what is allowed while the host runs.
//! * [`signature`]: who vouches for a component. [`artifacts`]: where components are kept. [`folder`]: a folder that is watched.
//!   [`registry`]: components out of registries.

pub mod artifacts;
pub mod binding;
mod bindings;
pub mod error;
pub mod folder;
pub mod generation;
pub mod grants;
mod install;
mod issued;
pub mod lifecycle;
pub mod prepared;
pub mod registry;
pub mod reload;
mod restore;
pub mod rollback;
pub mod signature;
pub mod slot;
mod steps;

pub use error::LifecycleError;
pub use generation::{BoundChannel, Generation};
pub use lifecycle::Lifecycle;
pub use slot::Slot;

/// Bytes of a component. Python's have 18 MiB, JavaScript's 12.
pub const COMPONENT_BYTES: usize = 64 << 20;
