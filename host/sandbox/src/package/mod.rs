//! From a component's bytes to a connector that can be called: digest, manifest, what it imports and exports, compilation, trial start.
//!
//! * [`shape`]: a cheap look before the compilation.
//! * [`pool`], [`child`]: compilation in a child process with bounds, from its outside and its inside.
//! * [`cache`]: compiled components on disk.

mod cache;
mod child;
mod pool;
mod shape;

use std::sync::Arc;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Engine, Store};

use crate::binding::Bound;
use crate::bindings::exports::{configure, identity, media, poll, receive, send};
use crate::call::{Entry, enter};
use crate::connector::{Connector, Exports};
use crate::engine::SharedEngine;
use crate::error::CallError;
use crate::guest::Guest;
use crate::imports::is_offered;
use crate::manifest::{self, Manifest, ManifestError, schema};
use crate::sandbox::Shared;

pub(crate) use cache::Cache;
pub use child::{CompileBounds, compile_child};
pub(crate) use pool::CompilePool;
pub use pool::{CompileLimits, Compiler};

/// The largest component. Python's have 18 MiB, JavaScript's 12.
const COMPONENT_BYTES: usize = 64 << 20;

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

/// Loads a component: everything but the joining with channels.
pub(crate) async fn load(shared: &Shared, bytes: Arc<[u8]>) -> Result<Connector, LoadError> {
    if bytes.len() > COMPONENT_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    let (engine, cache) = (shared.engine.clone(), shared.cache.clone());
    let read = {
        let (engine, cache, bytes) = (engine.clone(), cache.clone(), bytes.clone());
        blocking(move || read(&engine, cache.as_deref(), &bytes)).await?
    };
    let compiled = match read.kept {
        Some(component) => Compiled::Kept(component),
        None => Compiled::Fresh(shared.compile_pool.compile(&read.manifest.id, &engine, bytes).await?),
    };
    let (linker, digest) = (shared.linker.clone(), read.digest);
    let linked = blocking(move || link(&engine, &linker, cache.as_deref(), digest, compiled)).await?;

    let validator = schema::validator(&read.manifest.config).map_err(ManifestError::Invalid)?;
    let connector = Connector {
        manifest: read.manifest,
        digest: linked.digest,
        instance_pre: linked.instance_pre,
        exports: linked.exports,
        validator,
        tls: shared.tls.clone(),
        places: shared.places.clone(),
        kept_places: shared.kept_places.clone(),
        _engine: shared.engine.clone(),
    };
    let bare = Bound::bare(&connector.manifest, &connector.tls)
        .map_err(|problems| LoadError::Host(format!("{problems:?}")))?;
    enter(&connector, &Arc::new(bare), false, Trial).await.map_err(LoadError::Trial)?;
    Ok(connector)
}

/// Work that keeps a thread busy.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| LoadError::Host(e.to_string()))?
}

/// What a component says of itself, and its compiled form if that is here.
struct ReadComponent {
    manifest: Manifest,
    digest: String,
    kept: Option<Component>,
}

fn read(engine: &SharedEngine, cache: Option<&Cache>, bytes: &[u8]) -> Result<ReadComponent, LoadError> {
    let digest = HEXLOWER.encode(digest(&SHA256, bytes).as_ref());
    let manifest = Manifest::from_component(bytes)?;
    if let Some((interface, found)) = manifest::section::foreign_contract(bytes)? {
        return Err(LoadError::Contract { interface, found, known: manifest::CONTRACT });
    }
    let kept = cache.and_then(|cache| cache.load(engine.get(), &digest));
    if kept.is_none() {
        shape::check(bytes).map_err(LoadError::CompileBounds)?;
    }
    Ok(ReadComponent { manifest, digest, kept })
}

enum Compiled {
    Kept(Component),
    /// An artifact of the compile pool.
    Fresh(Vec<u8>),
}

/// A component that has everything it imports.
struct Linked {
    digest: String,
    instance_pre: wasmtime::component::InstancePre<Guest>,
    exports: Exports,
}

fn link(
    engine: &SharedEngine,
    linker: &Linker<Guest>,
    cache: Option<&Cache>,
    digest: String,
    compiled: Compiled,
) -> Result<Linked, LoadError> {
    let (component, artifact) = match compiled {
        Compiled::Kept(component) => (component, None),
        Compiled::Fresh(artifact) => {
            let component = cache::compiled(engine.get(), &artifact);
            (component.map_err(|e| LoadError::Compile(format!("{e:#}")))?, Some(artifact))
        }
    };
    let engine = engine.get();
    check_imports(engine, &component)?;
    let instance_pre = linker.instantiate_pre(&component).map_err(|e| LoadError::Import(format!("{e:#}")))?;
    let exports = exports(engine, &component, &instance_pre)?;
    if let (Some(cache), Some(artifact)) = (cache, &artifact) {
        keep(cache, &digest, artifact);
    }
    Ok(Linked { digest, instance_pre, exports })
}

/// Puts an artifact into the cache. If that fails, the next start is slower; nothing else is wrong.
fn keep(cache: &Cache, digest: &str, artifact: &[u8]) {
    if let Err(error) = cache.store(digest, artifact) {
        tracing::warn!(%digest, %error, "the compiled component could not be kept");
    }
}

fn check_imports(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    let strange = ty.imports(engine).find(|(name, _)| !is_offered(name)).map(|(name, _)| name.to_owned());
    match strange {
        Some(name) => Err(LoadError::Import(name)),
        None => Ok(()),
    }
}

fn exports(
    engine: &Engine,
    component: &Component,
    instance_pre: &wasmtime::component::InstancePre<Guest>,
) -> Result<Exports, LoadError> {
    let ty = component.component_type();
    // An interface that is there in another form must not pass for one that is not there.
    let has = |name: &str| {
        let full = format!("jackfield:connector/{name}@0.1.");
        ty.exports(engine)
            .any(|(export, item)| export.starts_with(&full) && matches!(item.ty, ComponentItem::ComponentInstance(_)))
    };
    let missing = |error: wasmtime::Error| LoadError::Export(error.to_string());
    macro_rules! optional {
        ($name:ident) => {
            has(stringify!($name)).then(|| $name::GuestIndices::new(instance_pre)).transpose().map_err(missing)?
        };
    }
    let exports = Exports {
        identity: identity::GuestIndices::new(instance_pre).map_err(missing)?,
        receive: optional!(receive),
        poll: optional!(poll),
        send: optional!(send),
        configure: optional!(configure),
        media: optional!(media),
    };
    if exports.receive.is_none() && exports.poll.is_none() {
        let neither = "neither `jackfield:connector/receive@0.1.0` nor `jackfield:connector/poll@0.1.0` is there, so nothing would come in";
        return Err(LoadError::Export(neither.to_owned()));
    }
    Ok(exports)
}

/// Starts an instance and looks at the types of its exports; calls nothing.
struct Trial;

impl Entry for Trial {
    type Output = ();

    async fn call(self, store: &mut Store<Guest>, instance: &Instance, exports: &Exports) -> wasmtime::Result<()> {
        exports.identity.load(&mut *store, instance)?;
        macro_rules! look {
            ($($name:ident)*) => {
                $(if let Some(interface) = &exports.$name {
                    interface.load(&mut *store, instance)?;
                })*
            };
        }
        look!(receive poll send configure media);
        Ok(())
    }
}
