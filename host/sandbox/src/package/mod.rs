//! From a component's bytes to a connector that can be called: digest, manifest, what it imports and exports, compilation, trial start.
//!
//! * [`load`]: the way of a component, step by step.
//! * [`shape`]: a cheap look before the compilation.
//! * [`pool`], [`child`]: compilation in a child process with bounds, from its outside and its inside.
//! * [`cache`]: compiled components on disk.

mod cache;
mod child;
mod error;
mod load;
mod pool;
mod shape;

pub(crate) use cache::Cache;
pub use cache::FreeSpace;
pub use child::{CompileBounds, compile_child};
pub use error::LoadError;
pub(crate) use load::{Shared, examine, load};
pub(crate) use pool::CompilePool;
pub use pool::{CompileLimits, Compiler};
