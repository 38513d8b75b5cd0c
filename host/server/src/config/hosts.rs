//! The names by which the host may be called. A page in somebody's browser can point a name of its own at this address (DNS
//! rebinding); it cannot make the browser send another name.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The names by which the host may be called.
#[derive(Clone, Debug)]
pub struct AllowedHosts(BTreeSet<String>);

impl AllowedHosts {
    /// These names, besides those of loopback.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| plain(&name)).collect())
    }

    /// Whether a request with this `Host` header, or this authority, is meant for us. The port does not matter.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let name = plain(host);
        let loopback = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        name == "localhost" || loopback || self.0.contains(&name)
    }
}

/// Lower case, without port, brackets and a dot at the end.
fn plain(host: &str) -> String {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None if host.bytes().filter(|b| *b == b':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::AllowedHosts;

    #[test]
    fn loopback_and_the_names_of_the_configuration_are_ours() {
        let hosts = AllowedHosts::new([String::from("Desk.example.com")]);
        for ours in
            ["127.0.0.1:8480", "localhost", "LOCALHOST:1", "[::1]:8480", "desk.example.com", "desk.example.com.:443"]
        {
            assert!(hosts.allows(ours), "{ours}");
        }
    }

    #[test]
    fn another_name_is_not_ours() {
        let hosts = AllowedHosts::new([String::from("desk.example.com")]);
        for other in
            ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1", "xdesk.example.com", "localhost.evil.example:80"]
        {
            assert!(!hosts.allows(other), "{other}");
        }
    }
}
