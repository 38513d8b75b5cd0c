//! Why a component cannot be a connector.

use crate::manifest::ManifestError;
use crate::run::error::CallError;

/// The largest component. Python's have 18 MiB, JavaScript's 12.
pub(super) const COMPONENT_BYTES: usize = 64 << 20;

/// Why a component cannot be a connector here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is too large.
    #[error("The component has {bytes} bytes; at most {COMPONENT_BYTES} are loaded.")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Its manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It wants something that no connector gets.
    #[error(
        "The component imports `{0}`, which this host does not offer. A connector may import jackfield:connector 0.1 and WASI 0.2."
    )]
    Import(String),
    /// It was built for another version of the contract, whatever its manifest says.
    #[error(
        "The component was built for version {found} of the contract (it has `{interface}`); this host knows {known}. Use a newer \
         Jackfield, or build the connector with an SDK of version {known}."
    )]
    Contract {
        /// What it imports or exports.
        interface: String,
        /// The version in it.
        found: String,
        /// The host's.
        known: &'static str,
    },
    /// Something that every connector has is not there, or looks otherwise.
    #[error("The component does not export what a connector exports: {0}.")]
    Export(String),
    /// It is not valid, or too large for the pool.
    #[error("The component cannot be compiled: {0}.")]
    Compile(String),
    /// Compiling it takes more than one component is given.
    #[error("The component cannot be compiled inside the bounds: {0}.")]
    CompileBounds(String),
    /// It did not survive its trial start.
    #[error("The component's trial start failed. {0}")]
    Trial(CallError),
    /// The host's fault.
    #[error("The component could not be loaded: {0}.")]
    Host(String),
}
