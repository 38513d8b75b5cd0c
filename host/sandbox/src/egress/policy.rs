//! Whether a request may be made at all: what the manifest asks for, and what the operator granted of it.

use http::Method;

use super::address::may_connect;
use super::origin::Origin;

/// One origin that a channel may reach, and how.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    pub(crate) origin: Origin,
    pub(crate) methods: Vec<Method>,
    /// Beginnings of paths, as they are: `/v1/` is everything below, `/bot` is `/bots` too.
    pub(crate) paths: Vec<String>,
    /// The operator said that this origin may be at a private address.
    pub(crate) private: bool,
}

/// Why a request is refused: a sentence for the operator's log, with the remedy where there is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied(pub(crate) String);

/// Everything that a channel may reach.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) allowed: Vec<Allowed>,
}

impl Policy {
    /// The rule under which this request may be made. `path` is the guest's, with placeholders instead of secrets.
    pub(crate) fn check(&self, origin: &Origin, method: &Method, path: &str) -> Result<&Allowed, Denied> {
        plain_path(path)?;
        let mut reached = self.allowed.iter().filter(|rule| rule.origin == *origin).peekable();
        if reached.peek().is_none() {
            return Err(Denied(format!(
                "{origin} is not among the hosts that the connector's manifest asks for and the channel grants"
            )));
        }
        let rule = reached
            .find(|rule| {
                rule.methods.contains(method) && rule.paths.iter().any(|beginning| path.starts_with(beginning))
            })
            // The path is not named: a redirect may have put a credential into it.
            .ok_or_else(|| {
                Denied(format!("the connector's manifest does not ask for {method} at this path of {origin}"))
            })?;
        if let Some(address) = origin.address()
            && !may_connect(address, rule.private)
        {
            return Err(Denied(format!(
                "{origin} is not a public address; grant private addresses for it if it should be reached"
            )));
        }
        Ok(rule)
    }
}

/// A server may resolve dot segments, decode escapes or take a backslash for a slash, each after our look at the path. So a path
/// that could mean another one is refused.
fn plain_path(path: &str) -> Result<(), Denied> {
    let lower = path.to_ascii_lowercase();
    let escapes = ["%2e", "%2f", "%5c", "%25", "%00"].iter().any(|escape| lower.contains(escape));
    let dots = path.split('/').any(|segment| {
        // Some servers cut off `;parameters` before they look at the segment.
        matches!(segment.split(';').next(), Some("." | ".."))
    });
    let odd = path.contains('\\') || path.contains("//") || path.bytes().any(|b| b.is_ascii_control());
    match !path.starts_with('/') || escapes || dots || odd {
        true => Err(Denied("its path could mean another one".to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let rule = |origin: &str, methods: &[Method], paths: &[&str]| Allowed {
            origin: origin.parse().unwrap(),
            methods: methods.to_vec(),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
            private: false,
        };
        Policy {
            allowed: vec![
                rule("https://api.example.com", &[Method::POST], &["/v1/", "/bot{token}/send"]),
                rule("https://api.example.com", &[Method::GET], &["/me"]),
                rule("http://127.0.0.1:9", &[Method::GET], &["/"]),
            ],
        }
    }

    fn allows(origin: &str, method: Method, path: &str) -> bool {
        policy().check(&origin.parse().unwrap(), &method, path).is_ok()
    }

    #[test]
    fn what_was_asked_for_and_granted_is_allowed() {
        assert!(allows("https://api.example.com", Method::POST, "/v1/messages"));
        assert!(allows("https://api.example.com", Method::POST, "/bot{token}/send"));
        assert!(allows("https://api.example.com", Method::GET, "/me"));
        assert!(allows("https://api.example.com", Method::GET, "/me/photo"));
    }

    #[test]
    fn another_origin_method_or_path_is_refused() {
        assert!(!allows("https://api.example.com", Method::GET, "/v1/messages"), "method");
        assert!(!allows("https://api.example.com", Method::POST, "/v2/messages"), "path");
        assert!(!allows("https://api.example.com", Method::POST, "/me"), "method of another rule");
        assert!(!allows("http://api.example.com", Method::GET, "/me"), "scheme");
        assert!(!allows("https://api.example.com:8443", Method::GET, "/me"), "port");
        assert!(!allows("https://evil.example", Method::GET, "/me"), "host");
    }

    #[test]
    fn a_path_that_could_mean_another_one_is_refused() {
        for path in [
            "/v1/../admin",
            "/v1/..",
            "/v1/./x",
            "/v1/%2e%2e/admin",
            "/v1/%2E./admin",
            "/v1/..%2fadmin",
            "/v1/%5c../admin",
            "/v1\\admin",
            "/v1//admin",
            "//evil.example/v1/",
            "/v1/%252e%252e/admin",
            "/v1/..;/admin",
            "/v1/x%00",
            "v1/",
            "",
        ] {
            assert!(!allows("https://api.example.com", Method::POST, path), "{path}");
        }
    }

    #[test]
    fn a_literal_private_address_needs_its_own_grant() {
        assert!(!allows("http://127.0.0.1:9", Method::GET, "/"));
        let mut policy = policy();
        policy.allowed[2].private = true;
        assert!(policy.check(&"http://127.0.0.1:9".parse().unwrap(), &Method::GET, "/").is_ok());
    }
}
