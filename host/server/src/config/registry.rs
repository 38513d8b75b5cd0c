//! `[registries."HOST"]`: a registry that the host may ask for components. One that has no section is never asked.

use std::net::IpAddr;

use serde::Deserialize;

use super::{SecretSource, Trouble};

/// `[registries."HOST"]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RegistryConfig {
    /// Who the host is there; nobody without it.
    pub username: Option<String>,
    /// Where the password is, or the token that stands for one.
    pub password: Option<SecretSource>,
    /// Plain HTTP. Only a registry at a loopback address may have it.
    pub insecure: bool,
}

impl RegistryConfig {
    pub(super) fn check(&self, name: &str) -> Result<(), Trouble> {
        let wrong = |message: &str| Err(Trouble::general(format!("registries.{name:?}{message}")));
        let parsed = format!("{name}/a").parse::<oci_client::Reference>();
        if !parsed.is_ok_and(|parsed| parsed.registry() == name) {
            return wrong(
                " is no name of a registry; write the host, and its port if it has one, such as \"ghcr.io\" or \"127.0.0.1:5000\"",
            );
        }
        if self.username.is_some() != self.password.is_some() {
            return wrong(" has only one of `username` and `password`; set both, or neither to ask as nobody");
        }
        if self.insecure && !is_loopback(name) {
            return wrong(
                ".insecure would send the password, and all else, over the network for everybody to read; only a registry at a \
                 loopback address such as \"127.0.0.1:5000\" may have it. Give the registry a certificate",
            );
        }
        Ok(())
    }
}

/// A name is not enough: it can be made to lead elsewhere.
fn is_loopback(name: &str) -> bool {
    let host = name.split(':').next().unwrap_or_default();
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
