//! Which headers of replies to webhooks a connector may ask for.

use http::HeaderName;

/// What browsers and the proxies in front of a host act on: nginx (`x-accel-`), Apache and lighttpd (`x-sendfile`, `x-lighttpd-`),
/// LiteSpeed, Perlbal (`x-reproxy-`), caches; and what is said about who sent a request.
const STEERING: [&str; 20] = [
    "x-accel-",
    "x-cache",
    "x-content-type",
    "x-dns-prefetch",
    "x-download",
    "x-forwarded",
    "x-frame",
    "x-http-method",
    "x-lighttpd-",
    "x-litespeed-",
    "x-original-",
    "x-permitted-",
    "x-real-ip",
    "x-reproxy-",
    "x-rewrite-",
    "x-robots",
    "x-send",
    "x-ua-",
    "x-varnish",
    "x-xss",
];

/// Whether a connector may ask for a header of replies.
pub(super) fn may_be_set(name: &str) -> bool {
    let steers = STEERING.iter().any(|steering| name.starts_with(steering));
    name.starts_with("x-") && !steers && HeaderName::from_lowercase(name.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_browsers_or_proxies_act_on_are_no_connectors_to_set() {
        for name in ["x-slack-no-retry", "x-acme-receipt", "x-puppet"] {
            assert!(may_be_set(name), "{name}");
        }
        let others = ["x-accel-redirect", "x-sendfile", "x-lighttpd-send-file", "x-forwarded-host", "x-frame-options"];
        let others =
            others.into_iter().chain(["x-reproxy-url", "x-litespeed-location", "X-Acme", "set-cookie", "x-a b"]);
        for name in others {
            assert!(!may_be_set(name), "{name}");
        }
    }
}
