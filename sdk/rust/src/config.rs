//! The channel that the call is made for, and its configuration.

use serde::de::DeserializeOwned;

use crate::{Failure, host};

/// The operator's name for the channel.
#[must_use]
pub fn channel_id() -> String {
    host::channel::id()
}

/// The channel's configuration. The host has checked it against the manifest's schema, so a failure (`misconfigured`) means that the
/// schema and `T` disagree.
pub fn load<T: DeserializeOwned>() -> Result<T, Failure> {
    parse(&host::channel::config())
}

/// A configuration from its JSON text, for [`crate::Connector::validate`]. Fails as [`load`] does.
pub fn parse<T: DeserializeOwned>(config: &str) -> Result<T, Failure> {
    serde_json::from_str(config)
        .map_err(|error| Failure::misconfigured(format!("The channel's configuration cannot be read: {error}.")))
}
