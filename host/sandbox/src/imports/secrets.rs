//! `secrets`: the guest asks about them, the host answers. No answer carries one.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ring::hmac;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::binding::ChannelBinding;
use crate::bindings::secrets::{Host, Scheme, SecretError};
use crate::manifest::SecretUse;
use crate::run::guest::Guest;
use crate::secret::Secret;

/// Answers of `verify` and `equals` to one call. A batch of genuine items has one signature; a few rotating secrets are tried in turn.
const ANSWERS: u32 = 64;

impl Host for Guest {
    fn verify(
        &mut self,
        name: String,
        scheme: Scheme,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, SecretError>> {
        if let Err(refused) = self.answers() {
            return Ok(Err(refused));
        }
        let secret = lookup(&self.bound, &name, SecretUse::Verify);
        let verified = secret.and_then(|secret| verify(secret, &scheme, &message, &signature));
        // A guest that signs with a secret could verify its own signature; that proves nothing about the request.
        if verified == Ok(true) && !self.signed_with.contains(&name) {
            self.authenticated = true;
        }
        Ok(verified)
    }

    fn equals(&mut self, name: String, candidate: Vec<u8>) -> wasmtime::Result<Result<bool, SecretError>> {
        if let Err(refused) = self.answers() {
            return Ok(Err(refused));
        }
        let bound = &self.bound;
        let equal = lookup(bound, &name, SecretUse::Verify)
            .map(|secret| same(&bound.comparison, secret.expose().as_bytes(), &candidate));
        if equal == Ok(true) {
            self.authenticated = true;
        }
        Ok(equal)
    }

    fn sign(
        &mut self,
        name: String,
        scheme: Scheme,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, SecretError>> {
        let signed = lookup(&self.bound, &name, SecretUse::Sign).and_then(|secret| sign(secret, &scheme, &message));
        if signed.is_ok() {
            self.signed_with.insert(name);
        }
        Ok(signed)
    }
}

impl Guest {
    /// One more question about a secret. Each answer tells something of it, so there are only so many.
    fn answers(&mut self) -> Result<(), SecretError> {
        self.secret_answers = self.secret_answers.saturating_add(1);
        match self.secret_answers <= ANSWERS {
            true => Ok(()),
            false => Err(SecretError::Other(format!("the call has asked {ANSWERS} times about secrets"))),
        }
    }
}

// `secret-error` and the results that carry it are compared above; the generated type has no equality of its own.
impl PartialEq for SecretError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing(a), Self::Missing(b))
            | (Self::Unsupported(a), Self::Unsupported(b))
            | (Self::Other(a), Self::Other(b)) => a == b,
            _ => false,
        }
    }
}

/// A missing or empty secret refuses: it must never be that anything equals, or verifies against, nothing.
fn lookup<'a>(bound: &'a ChannelBinding, name: &str, purpose: SecretUse) -> Result<&'a Secret, SecretError> {
    if bound.uses.get(name).is_some_and(|uses| !uses.contains(&purpose)) {
        let word = if purpose == SecretUse::Sign { "sign" } else { "verify" };
        return Err(SecretError::Unsupported(format!(
            "the manifest does not say that the secret `{}` is used to {word}",
            clip(name)
        )));
    }
    match bound.secrets.get(name) {
        Some(secret) if !secret.expose().is_empty() => Ok(secret),
        _ if bound.uses.contains_key(name) => {
            Err(SecretError::Missing(format!("the operator has not set the secret `{name}`")))
        }
        _ => Err(SecretError::Missing(format!("the manifest declares no secret `{}`", clip(name)))),
    }
}

fn verify(secret: &Secret, scheme: &Scheme, message: &[u8], signature: &[u8]) -> Result<bool, SecretError> {
    match scheme {
        Scheme::HmacSha256 | Scheme::HmacSha1 => {
            Ok(hmac::verify(&hmac_key(secret, scheme)?, message, signature).is_ok())
        }
        Scheme::Ed25519 => {
            let key = hex(secret).filter(|key| key.len() == 32);
            public_key(&signature::ED25519, key, "32 bytes in hexadecimal", message, signature)
        }
        Scheme::EcdsaP256Sha256 => {
            // 0x04 and two coordinates of 32 bytes.
            let point = hex(secret)
                .or_else(|| BASE64.decode(secret.expose().trim().as_bytes()).ok())
                .filter(|key| key.len() == 65 && key[0] == 4);
            let form = "an uncompressed point of P-256 in base64 or hexadecimal";
            public_key(&signature::ECDSA_P256_SHA256_ASN1, point, form, message, signature)
        }
        Scheme::Other(name) => Err(unknown(name)),
    }
}

fn sign(secret: &Secret, scheme: &Scheme, message: &[u8]) -> Result<Vec<u8>, SecretError> {
    match scheme {
        Scheme::HmacSha256 | Scheme::HmacSha1 => Ok(hmac::sign(&hmac_key(secret, scheme)?, message).as_ref().to_vec()),
        Scheme::Ed25519 | Scheme::EcdsaP256Sha256 => {
            Err(SecretError::Unsupported("the secret is a public key, which cannot sign".to_owned()))
        }
        Scheme::Other(name) => Err(unknown(name)),
    }
}

/// Equality in constant time by ring's public means: the tags of both under a key that nobody else knows are compared. It does not
/// tell the length either.
fn same(key: &hmac::Key, secret: &[u8], candidate: &[u8]) -> bool {
    let tag = hmac::sign(key, candidate);
    hmac::verify(key, secret, tag.as_ref()).is_ok()
}

fn hmac_key(secret: &Secret, scheme: &Scheme) -> Result<hmac::Key, SecretError> {
    let algorithm = match scheme {
        Scheme::HmacSha256 => hmac::HMAC_SHA256,
        Scheme::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Scheme::Ed25519 | Scheme::EcdsaP256Sha256 => return Err(unknown("a public key scheme")),
        Scheme::Other(name) => return Err(unknown(name)),
    };
    Ok(hmac::Key::new(algorithm, secret.expose().as_bytes()))
}

fn public_key(
    algorithm: &'static dyn VerificationAlgorithm,
    key: Option<Vec<u8>>,
    form: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, SecretError> {
    match key {
        Some(key) => Ok(UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()),
        None => Err(SecretError::Unsupported(format!("the secret is not {form}"))),
    }
}

fn hex(secret: &Secret) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(secret.expose().trim().as_bytes()).ok()
}

fn unknown(scheme: &str) -> SecretError {
    SecretError::Unsupported(format!("this host does not know the scheme `{}`", clip(scheme)))
}

fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use ring::rand::SystemRandom;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn hmac_sha256_agrees_with_rfc_4231_case_2() {
        let (secret, message) = (Secret::new("Jefe"), b"what do ya want for nothing?");
        let tag = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(verify(&secret, &Scheme::HmacSha256, message, &tag), Ok(true));
        assert_eq!(verify(&secret, &Scheme::HmacSha256, b"what do ya want for something?", &tag), Ok(false));
        assert_eq!(verify(&secret, &Scheme::HmacSha256, message, &tag[..16]), Ok(false), "truncated");
        assert_eq!(verify(&secret, &Scheme::HmacSha256, message, b""), Ok(false), "empty");
        assert_eq!(sign(&secret, &Scheme::HmacSha256, message), Ok(tag));
    }

    #[test]
    fn hmac_sha1_agrees_with_rfc_2202_case_2() {
        let tag = hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(verify(&Secret::new("Jefe"), &Scheme::HmacSha1, b"what do ya want for nothing?", &tag), Ok(true));
    }

    #[test]
    fn ed25519_agrees_with_rfc_8032_test_2() {
        let key = Secret::new("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ));
        assert_eq!(verify(&key, &Scheme::Ed25519, &[0x72], &signature), Ok(true));
        assert_eq!(verify(&key, &Scheme::Ed25519, &[0x73], &signature), Ok(false));
        assert!(matches!(
            verify(&Secret::new("not a key"), &Scheme::Ed25519, b"", b""),
            Err(SecretError::Unsupported(_))
        ));
        assert!(matches!(sign(&key, &Scheme::Ed25519, b""), Err(SecretError::Unsupported(_))));
    }

    #[test]
    fn ecdsa_p256_takes_the_key_in_both_spellings() {
        use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let signature = pair.sign(&random, b"event").unwrap();
        let point = pair.public_key().as_ref();
        for spelling in [HEXLOWER.encode(point), BASE64.encode(point)] {
            let key = Secret::new(spelling);
            assert_eq!(verify(&key, &Scheme::EcdsaP256Sha256, b"event", signature.as_ref()), Ok(true));
            assert_eq!(verify(&key, &Scheme::EcdsaP256Sha256, b"other", signature.as_ref()), Ok(false));
        }
    }

    #[test]
    fn only_the_whole_secret_equals() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"test");
        assert!(same(&key, b"secret", b"secret"));
        for other in [&b"secre"[..], b"secrets", b"", b"Secret"] {
            assert!(!same(&key, b"secret", other));
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused() {
        let answer = verify(&Secret::new("12345678"), &Scheme::Other("md5".to_owned()), b"", b"");
        assert!(matches!(answer, Err(SecretError::Unsupported(_))));
    }
}
