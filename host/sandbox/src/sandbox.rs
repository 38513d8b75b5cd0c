//! The sandbox: one engine, one pool of places, one cache.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::connector::Connector;
use crate::egress::client;
use crate::engine::TickingEngine;
use crate::imports;
use crate::package::{self, Cache, CompileLimits, CompilePool, Compiler, FreeSpace, LoadError, Shared};
use crate::run::instance_pool::KEPT;
use crate::run::long;

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Where compiled components are kept; made with mode 700 if it is not there. None keeps nothing, and every start compiles.
    pub cache_dir: Option<PathBuf>,
    /// Asked before a compiled component is kept; without it as much is kept as the disk takes.
    pub cache_space: Option<Arc<dyn FreeSpace>>,
    /// How many guests may be called at the same time, 1 to 1,000; 32 more may wait for their next call where they are kept. Each may use the memory of its channel's limits; the address space
    /// of all of them is reserved at the start (8 GiB each, of 128 TiB).
    pub instances: u32,
    /// Who compiles components. Strangers' are compiled in a child.
    pub compiler: Compiler,
    /// What compiling one may use, in a child.
    pub compile_limits: CompileLimits,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        // With the default limit of 64 MiB a guest: at most 8 GiB if every guest is hostile at once, some 6 MiB if all are in Rust.
        let (compiler, compile_limits) = (Compiler::InProcess, CompileLimits::default());
        Self { cache_dir: None, cache_space: None, instances: 128, compiler, compile_limits }
    }
}

/// A sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// An option.
    #[error("The sandbox's `instances` has to be 1 to 1000, not {0}.")]
    Instances(u32),
    /// The engine.
    #[error("The WebAssembly engine cannot be set up: {0}.")]
    Engine(String),
    /// The folder of compiled components.
    #[error("The folder for compiled connectors cannot be used: {0}.")]
    Cache(#[from] std::io::Error),
    /// The threads that compile.
    #[error("The threads that compile connectors cannot be started: {0}.")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// TLS.
    #[error("TLS cannot be set up: {0}.")]
    Tls(#[from] rustls::Error),
}

/// Where connectors run. One for a process; cheap to clone. Its clock stops when it and every connector loaded in it are dropped.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

impl Sandbox {
    /// Sets one up.
    ///
    /// # Errors
    ///
    /// When an option is wrong, or the machine cannot give what it takes.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        if !(1..=1_000).contains(&options.instances) {
            return Err(SandboxError::Instances(options.instances));
        }
        let broken = |e: wasmtime::Error| SandboxError::Engine(format!("{e:#}"));
        let engine = TickingEngine::new(options.instances + KEPT).map_err(broken)?;
        let linker = imports::linker(engine.get()).map_err(broken)?;
        let cache =
            options.cache_dir.map(|folder| Cache::open(&folder, engine.get(), options.cache_space)).transpose()?;
        let places = usize::try_from(options.instances).map_err(|_| SandboxError::Instances(options.instances))?;
        Ok(Self(Arc::new(Shared {
            engine: Arc::new(engine),
            linker: Arc::new(linker),
            cache: cache.map(Arc::new),
            compile_pool: CompilePool::new(options.compiler, options.compile_limits)?,
            places: Arc::new(Semaphore::new(places)),
            // Half, so that one connector, however many channels it has, leaves the others theirs.
            own_places: places.div_ceil(2),
            long_turns: long::turns(),
            kept_places: Arc::new(Semaphore::new(usize::try_from(KEPT).unwrap_or_default())),
            tls: client::tls()?,
        })))
    }

    /// Whether a component may be one by its size, its manifest and its shape: a look that costs little, before anything is kept of it.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be a connector.
    pub async fn examine(&self, component: impl Into<Arc<[u8]>>) -> Result<(), LoadError> {
        package::examine(component.into()).await
    }

    /// Loads a component: reads its manifest, compiles it or finds it compiled, checks its type, and starts it once without grants.
    /// Compilation takes 0.2 s for Rust and some 15 s for JavaScript or Python, in a process of its own that ends when the future is dropped.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be a connector.
    pub async fn load(&self, component: impl Into<Arc<[u8]>>) -> Result<Arc<Connector>, LoadError> {
        package::load(&self.0, component.into()).await.map(Arc::new)
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("free_places", &self.0.places.available_permits()).finish_non_exhaustive()
    }
}
