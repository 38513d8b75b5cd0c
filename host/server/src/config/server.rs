//! `[server]`: where the host listens and what it is called.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use http::Uri;
use serde::Deserialize;

use super::{AllowedHosts, Trouble};
use crate::front::seats::SeatLimits;

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServerConfig {
    /// Address and port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether `listen` may be reachable from other machines without TLS, because something in front of it adds that.
    pub allow_remote: bool,
    /// What providers call, without a path behind it: `https://desk.example.com`. Without it, the address that is listened on.
    pub public_url: Option<String>,
    /// Names by which the host may be called, besides those of loopback and of `public-url`.
    pub allowed_hosts: Vec<String>,
    /// How many connections are open at once. Beyond that, silent and idle ones are closed for new ones.
    pub connections: u32,
    /// How many of them may come from one address, or from one /64 of IPv6.
    pub connections_per_address: u32,
    /// Addresses of reverse proxies, which speak for many clients and have no bound of their own. Loopback is one without being named.
    pub proxies: Vec<IpAddr>,
    /// TLS of its own.
    pub tls: Option<TlsConfig>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8480)),
            allow_remote: false,
            public_url: None,
            allowed_hosts: Vec::new(),
            connections: 4096,
            connections_per_address: 512,
            proxies: Vec::new(),
            tls: None,
        }
    }
}

/// `[server.tls]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// The certificate and those above it, PEM.
    pub cert: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

impl ServerConfig {
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if !self.listen.ip().is_loopback() && !self.allow_remote && self.tls.is_none() {
            return Err(Trouble::general(format!(
                "server.listen is {}, which other machines can reach without encryption. Set [server.tls], or listen on 127.0.0.1 \
                 behind a proxy, or, if you mean it, set server.allow-remote = true",
                self.listen
            )));
        }
        if self.connections == 0 || self.connections_per_address == 0 {
            return Err(Trouble::general("server.connections and server.connections-per-address have to be 1 or more"));
        }
        if let Some(url) = &self.public_url {
            public_host(url).ok_or_else(|| {
                let remedy =
                    "write scheme and host, perhaps with a port or a path, such as \"https://desk.example.com\"";
                Trouble::general(format!("server.public-url is {url:?}; {remedy}"))
            })?;
        }
        let wrong = self.allowed_hosts.iter().find(|host| host.is_empty() || host.contains(['/', ' ', '@', '*']));
        match wrong {
            Some(host) => Err(Trouble::general(format!(
                "server.allowed-hosts has {host:?}; write plain names such as \"desk.example.com\""
            ))),
            None => Ok(()),
        }
    }

    /// The names by which the host may be called.
    #[must_use]
    pub fn hosts(&self) -> AllowedHosts {
        let public = self.public_url.as_deref().and_then(public_host);
        AllowedHosts::new(self.allowed_hosts.iter().cloned().chain(public))
    }

    /// How many connections there may be.
    #[must_use]
    pub fn seats(&self) -> SeatLimits {
        let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        SeatLimits {
            total: count(self.connections),
            per_peer: count(self.connections_per_address),
            proxies: self.proxies.clone(),
        }
    }

    /// What providers call, without a slash at the end. `bound` is the address that is listened on.
    #[must_use]
    pub fn public_url(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.local_url(bound),
        }
    }

    /// The address that is listened on, as an URL.
    #[must_use]
    pub fn local_url(&self, bound: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut bound = bound;
        if bound.ip().is_unspecified() {
            bound.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("{scheme}://{bound}")
    }
}

fn public_host(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let scheme_fits = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority()?.as_str();
    (scheme_fits && uri.query().is_none() && !authority.contains('@')).then(|| uri.host().map(str::to_owned)).flatten()
}
