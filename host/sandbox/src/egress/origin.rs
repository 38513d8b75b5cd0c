//! Origins: scheme, host and port, in one spelling.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a request goes: `https://graph.facebook.com`, `http://127.0.0.1:8080`.
///
/// Two origins are the same only if they are spelled the same, apart from case and a port that the scheme implies. Other spellings of
/// an address (`0x7f.1`, a trailing dot, a user name in front) are not origins at all, so nothing can be hidden in them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    https: bool,
    /// Lower case; an IPv6 address without its brackets.
    host: String,
    port: u16,
}

/// A text is not an origin.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not an origin such as `https://api.example.com`: a scheme (http or https), a host, perhaps a port, and nothing more"
)]
pub struct BadOrigin(String);

impl Origin {
    /// From the parts of a request's URL.
    pub(crate) fn from_uri(uri: &http::Uri) -> Option<Self> {
        let authority = uri.authority()?.as_str();
        format!("{}://{authority}", uri.scheme_str()?).parse().ok()
    }

    /// Whether TLS is used.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host as an address, if it is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    fn default_port(https: bool) -> u16 {
        if https { 443 } else { 80 }
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let parse = || {
            let lower = text.to_ascii_lowercase();
            let (https, rest) = match lower.split_once("://")? {
                ("https", rest) => (true, rest),
                ("http", rest) => (false, rest),
                _ => return None,
            };
            let (host, port) = split_port(rest)?;
            let port = match port {
                Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                    digits.parse().ok()?
                }
                Some(_) => return None,
                None => Self::default_port(https),
            };
            (port != 0).then_some(Self { https, host, port })
        };
        parse().ok_or_else(|| BadOrigin(text.chars().take(120).collect()))
    }
}

/// The host, checked, and the text behind the colon.
fn split_port(authority: &str) -> Option<(String, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let port = match port {
            "" => None,
            _ => Some(port.strip_prefix(':')?),
        };
        return Some((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = (1..=253).contains(&host.len())
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    // Where the last label begins with a digit, the resolver would read an address: only the usual four numbers are one here.
    let is_number = host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    (is_name && (!is_number || host.parse::<IpAddr>().is_ok())).then(|| (host.to_owned(), port))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.https { "https://" } else { "http://" })?;
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        match self.port == Self::default_port(self.https) {
            true => Ok(()),
            false => write!(f, ":{}", self.port),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn the_same_origin_has_one_spelling() {
        for (text, canonical) in [
            ("https://API.example.com", "https://api.example.com"),
            ("https://api.example.com:443", "https://api.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn what_could_hide_another_host_is_not_an_origin() {
        for text in [
            "https://user@example.com",
            "https://example.com@evil.example",
            "https://example.com.",
            "https://example.com/",
            "https://example.com:443:1",
            "https://example.com:",
            "https://example.com:+1",
            "https://2130706433",
            "https://0x7f.1",
            "https://127.1",
            "https://0177.0.0.1",
            "https://[::1",
            "https://[fe80::1%25eth0]",
            "https://exämple.com",
            "ftp://example.com",
            "example.com",
            "https://",
            "https://example.com\\@evil.example",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
