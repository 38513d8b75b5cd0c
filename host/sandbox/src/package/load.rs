//! The way of a component, step by step.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Engine, Store};

use super::cache::{self, Cache};
use super::error::{COMPONENT_BYTES, LoadError};
use super::pool::CompilePool;
use super::shape;
use crate::binding::ChannelBinding;
use crate::bindings::exports::{configure, identity, media, poll, receive, send};
use crate::connector::{Connector, Exports};
use crate::engine::SharedEngine;
use crate::imports::is_offered;
use crate::manifest::{self, Manifest, ManifestError, schema};
use crate::run::call::{Entry, enter};
use crate::run::guest::Guest;
use crate::run::instance_pool::InstancePool;
use crate::run::long::LongTurns;

use tokio::sync::Semaphore;

/// What all connectors of a sandbox share.
pub(crate) struct Shared {
    pub(crate) engine: SharedEngine,
    pub(crate) linker: Arc<Linker<Guest>>,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) compile_pool: CompilePool,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) kept_places: Arc<Semaphore>,
    /// Places that the calls of one connector may take.
    pub(crate) own_places: usize,
    pub(crate) long_turns: Arc<LongTurns>,
    pub(crate) tls: Arc<rustls::ClientConfig>,
}

/// Looks at a component without compiling it.
pub(crate) async fn examine(bytes: Arc<[u8]>) -> Result<(), LoadError> {
    fits(&bytes)?;
    blocking(move || {
        manifest_of(&bytes)?;
        shape::check(&bytes).map_err(LoadError::CompileBounds)
    })
    .await
}

fn fits(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes.len() > COMPONENT_BYTES {
        true => Err(LoadError::TooLarge { bytes: bytes.len() }),
        false => Ok(()),
    }
}

/// Loads a component: everything but the joining with channels.
pub(crate) async fn load(shared: &Shared, bytes: Arc<[u8]>) -> Result<Connector, LoadError> {
    fits(&bytes)?;
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
        turn_key: linked.digest.as_str().into(),
        manifest: read.manifest,
        digest: linked.digest,
        instance_pre: linked.instance_pre,
        exports: linked.exports,
        validator,
        tls: shared.tls.clone(),
        own_places: Semaphore::new(shared.own_places),
        long_turns: Arc::clone(&shared.long_turns),
        places: shared.places.clone(),
        kept_places: shared.kept_places.clone(),
        _engine: shared.engine.clone(),
    };
    let bare = ChannelBinding::bare(&connector.manifest, &connector.tls)
        .map_err(|problems| LoadError::Host(format!("{problems:?}")))?;
    enter(&connector, &Arc::new(bare), &InstancePool::new(0), false, Trial).await.map_err(LoadError::Trial)?;
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
    let manifest = manifest_of(bytes)?;
    let kept = cache.and_then(|cache| cache.load(engine.get(), &digest));
    if kept.is_none() {
        shape::check(bytes).map_err(LoadError::CompileBounds)?;
    }
    Ok(ReadComponent { manifest, digest, kept })
}

/// The manifest of a component of this contract.
fn manifest_of(bytes: &[u8]) -> Result<Manifest, LoadError> {
    let manifest = Manifest::from_component(bytes)?;
    match manifest::section::foreign_contract(bytes)? {
        Some((interface, found)) => Err(LoadError::Contract { interface, found, known: manifest::CONTRACT }),
        None => Ok(manifest),
    }
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
