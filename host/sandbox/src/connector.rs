//! A loaded connector: one generation of code, ready to be called for any number of channels.

use std::sync::Arc;

use jackfield_core::event::Problem;
use jackfield_core::fact::Source;
use tokio::sync::Semaphore;
use wasmtime::component::InstancePre;

use crate::binding::{Binding, Bound};
use crate::bindings::exports::{configure, identity, receive, send};
use crate::channel::Channel;
use crate::engine::SharedEngine;
use crate::guest::Guest;
use crate::manifest::Manifest;

/// A connector that was read, compiled and checked. Cheap to keep; instances are made for each call and thrown away.
pub struct Connector {
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) interfaces: Interfaces,
    pub(crate) instance_pre: InstancePre<Guest>,
    pub(crate) exports: Exports,
    pub(crate) validator: jsonschema::Validator,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// The places of the whole sandbox.
    pub(crate) places: Arc<Semaphore>,
    // Keeps the clock of the engine running.
    pub(crate) _engine: SharedEngine,
}

/// Which of the optional interfaces a component exports. `receive` and `identity` are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interfaces {
    /// Messages can go out.
    pub send: bool,
    /// The connector helps to set a channel up.
    pub configure: bool,
}

/// Where the exports are in the component, looked up once.
pub(crate) struct Exports {
    pub(crate) receive: receive::GuestIndices,
    pub(crate) identity: identity::GuestIndices,
    pub(crate) send: Option<send::GuestIndices>,
    pub(crate) configure: Option<configure::GuestIndices>,
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
        self.interfaces
    }

    /// Joins it with a channel.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, the secrets, the grants and the limits, each with its remedy. The codes are
    /// `config`, `missing_secret`, `bad_secret`, `unknown_secret`, `not_granted`, `grants`, `limits` and `host`.
    pub fn bind(self: &Arc<Self>, binding: Binding) -> Result<Channel, Vec<Problem>> {
        let bound = Bound::new(&self.manifest, &self.validator, binding, &self.tls, true)?;
        Ok(Channel::new(self.clone(), Arc::new(bound)))
    }

    /// Joins it with a channel that may grant less than it asks for: what is not granted is denied when a call wants it.
    ///
    /// # Errors
    ///
    /// As [`Connector::bind`], but for `not_granted`.
    pub fn bind_with_less(self: &Arc<Self>, binding: Binding) -> Result<Channel, Vec<Problem>> {
        let bound = Bound::new(&self.manifest, &self.validator, binding, &self.tls, false)?;
        Ok(Channel::new(self.clone(), Arc::new(bound)))
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
