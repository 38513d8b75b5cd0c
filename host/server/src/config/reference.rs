//! What lies in a registry, by its digest: `ghcr.io/acme/whatsapp@sha256:…`. A tag can be given to something else any day; a digest is
//! the thing itself.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Something in a registry, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    parsed: oci_client::Reference,
    /// The digest's 64 digits.
    sha256: String,
}

/// It is no reference, or none by digest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// What it names can change.
    #[error(
        "{0} has no digest, and a tag can be given to something else any day: write REGISTRY/REPOSITORY@sha256:DIGEST. Pushing prints \
         the digest; `oras resolve {0}` and `crane digest {0}` ask the registry for it"
    )]
    NoDigest(oci_client::Reference),
    /// It cannot be read.
    #[error(
        "{0:?} names nothing in a registry: write REGISTRY/REPOSITORY@sha256: and the 64 digits of the digest, in lower case, such as \
         ghcr.io/acme/whatsapp@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    Unreadable(String),
}

impl Reference {
    /// The registry, with its port if it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.parsed.registry()
    }

    /// The sha256 of the manifest, 64 hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// As the client of registries takes it.
    pub(crate) fn parsed(&self) -> &oci_client::Reference {
        &self.parsed
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let unreadable = || BadReference::Unreadable(text.chars().take(300).collect());
        let parsed: oci_client::Reference = text.parse().map_err(|_| unreadable())?;
        // A text without a registry would mean Docker's; which one is asked has to stand there.
        if !text.strip_prefix(parsed.registry()).is_some_and(|rest| rest.starts_with('/')) {
            return Err(unreadable());
        }
        let Some(digest) = parsed.digest() else {
            return Err(BadReference::NoDigest(parsed));
        };
        let sha256 = sha256_of(digest).ok_or_else(unreadable)?.to_owned();
        Ok(Self { parsed, sha256 })
    }
}

/// The 64 digits of a digest as registries write it.
pub(crate) fn sha256_of(digest: &str) -> Option<&str> {
    let digits = digest.strip_prefix("sha256:")?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 64 && digits.bytes().all(is_digit)).then_some(digits)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parsed.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn what_has_a_digest_is_read_whether_it_has_a_tag_too_or_not() {
        for name in ["ghcr.io/acme/whatsapp", "127.0.0.1:5000/w", "localhost/a/b", "ghcr.io/acme/whatsapp:1.2.0"] {
            let text = format!("{name}@sha256:{DIGEST}");
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.sha256(), DIGEST);
            assert!(name.starts_with(&format!("{}/", reference.registry())), "{name}");
        }
    }

    #[test]
    fn a_tag_is_refused_with_the_way_to_the_digest() {
        for text in ["ghcr.io/acme/whatsapp:1.2.0", "ghcr.io/acme/whatsapp"] {
            let said = text.parse::<Reference>().unwrap_err().to_string();
            assert!(said.contains("@sha256:") && said.contains(&format!("oras resolve {text}")), "{said}");
        }
    }

    #[test]
    fn what_names_no_registry_or_has_another_digest_is_refused() {
        let short = &DIGEST[1..];
        let all = [
            String::new(),
            format!("whatsapp@sha256:{DIGEST}"),
            format!("acme/whatsapp@sha256:{DIGEST}"),
            format!("https://ghcr.io/acme/whatsapp@sha256:{DIGEST}"),
            format!("user:password@ghcr.io/acme/whatsapp@sha256:{DIGEST}"),
            format!("ghcr.io/acme/../secret@sha256:{DIGEST}"),
            format!("ghcr.io/acme/whatsapp@sha256:{short}"),
            format!("ghcr.io/acme/whatsapp@sha256:{}", DIGEST.to_uppercase()),
            format!("ghcr.io/acme/whatsapp@sha512:{DIGEST}{DIGEST}"),
        ];
        for text in all {
            assert!(matches!(text.parse::<Reference>(), Err(BadReference::Unreadable(_))), "{text}");
        }
    }
}
