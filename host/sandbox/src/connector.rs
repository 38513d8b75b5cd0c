//! A loaded connector: one generation of code, ready to be called for any number of channels.

use std::sync::Arc;

use jackfield_core::ask::Ask;
use jackfield_core::fact::Source;
use tokio::sync::Semaphore;
use wasmtime::component::InstancePre;

use crate::bindings::exports::{configure, identity, media, poll, receive, send};
use crate::engine::SharedEngine;
use crate::manifest::Manifest;
use crate::run::guest::Guest;
use crate::run::long::LongTurns;

/// A connector that was read, compiled and checked. Cheap to keep; instances are made for each call and thrown away.
pub struct Connector {
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) instance_pre: InstancePre<Guest>,
    pub(crate) exports: Exports,
    pub(crate) validator: jsonschema::Validator,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// Whose turn a long call is: the digest, since anybody can write another connector's id into a manifest.
    pub(crate) turn_key: Arc<str>,
    /// How many of the sandbox's places its calls may take, on all of its channels together.
    pub(crate) own_places: Semaphore,
    /// The turns of long calls, of the whole sandbox.
    pub(crate) long_turns: Arc<LongTurns>,
    /// The places of the whole sandbox.
    pub(crate) places: Arc<Semaphore>,
    /// Those for instances that wait for their next call.
    pub(crate) kept_places: Arc<Semaphore>,
    // Keeps the clock of the engine running.
    pub(crate) _engine: SharedEngine,
}

/// Which of the optional interfaces a component exports. `identity` is always there, and at least one of `receive` and `poll`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interfaces {
    /// Messages come in by a webhook.
    pub receive: bool,
    /// Messages are asked for.
    pub poll: bool,
    /// Messages can go out.
    pub send: bool,
    /// The connector helps to set a channel up.
    pub configure: bool,
    /// The connector knows how files are fetched and uploaded.
    pub media: bool,
}

/// Where the exports are in the component, looked up once.
pub(crate) struct Exports {
    pub(crate) identity: identity::GuestIndices,
    pub(crate) receive: Option<receive::GuestIndices>,
    pub(crate) poll: Option<poll::GuestIndices>,
    pub(crate) send: Option<send::GuestIndices>,
    pub(crate) configure: Option<configure::GuestIndices>,
    pub(crate) media: Option<media::GuestIndices>,
}

impl Exports {
    pub(crate) fn interfaces(&self) -> Interfaces {
        Interfaces {
            receive: self.receive.is_some(),
            poll: self.poll.is_some(),
            send: self.send.is_some(),
            configure: self.configure.is_some(),
            media: self.media.is_some(),
        }
    }
}

impl Connector {
    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The sha256 of the component, 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How a fact names it.
    #[must_use]
    pub fn source(&self) -> Source {
        Source {
            connector: self.manifest.id.clone(),
            version: self.manifest.version.clone(),
            digest: self.digest.clone(),
        }
    }

    /// Which optional interfaces it has.
    #[must_use]
    pub fn interfaces(&self) -> Interfaces {
        self.exports.interfaces()
    }

    /// Everything that it asks for.
    #[must_use]
    pub fn ask(&self) -> Ask {
        self.manifest.ask()
    }

    /// The origins that it wants to reach for a channel with this configuration.
    #[must_use]
    pub fn asks_for(&self, config: &serde_json::Value) -> Vec<crate::Origin> {
        crate::binding::asked(&self.manifest, config)
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("id", &self.manifest.id)
            .field("version", &self.manifest.version)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
