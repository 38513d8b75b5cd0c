//! API keys: how they are made and how they are recognised. The text is shown once; the journal holds its sha256.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::digest;

/// What every key begins with, so that people and scanners for leaked secrets know one when they see one.
pub const PREFIX: &str = "jf_";

/// Bytes of randomness in a key.
const RANDOM: usize = 32;

/// A key that was just made.
pub struct NewKey {
    /// What its holder sends. To be shown once.
    pub text: String,
    /// What is stored.
    pub hash: String,
}

impl NewKey {
    /// A new key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; RANDOM];
        getrandom::fill(&mut bytes)?;
        let text = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes));
        let hash = hash(&text);
        Ok(Self { text, hash })
    }
}

/// The sha256 of a key's text, 64 hexadecimal digits. Keys are random, so a slow hash would add nothing.
#[must_use]
pub fn hash(text: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// The key was revoked while the body came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revoked;

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this API key was revoked while the request came; nothing of it was done")
    }
}

impl std::error::Error for Revoked {}

/// Whether an error of a body, as handlers see it, is [`Revoked`].
pub(crate) fn is_revoked(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Revoked>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_long_random_and_known_by_its_hash() {
        let (a, b) = (NewKey::generate().unwrap(), NewKey::generate().unwrap());
        assert!(a.text.starts_with(PREFIX) && a.text.len() == PREFIX.len() + 43, "{}", a.text);
        assert_ne!(a.text, b.text);
        assert_eq!(a.hash, hash(&a.text));
        assert_eq!(hash("jf_").len(), 64);
    }
}
