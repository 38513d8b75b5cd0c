//! The cryptography of the stand-in, by `ring`, as the host does it.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ring::{hmac, signature};

use crate::secrets::{Scheme, SecretError};

pub fn verify(scheme: &Scheme, secret: &[u8], message: &[u8], tag: &[u8]) -> Result<bool, SecretError> {
    let public_key =
        |algorithm, key: Vec<u8>| signature::UnparsedPublicKey::new(algorithm, key).verify(message, tag).is_ok();
    match scheme {
        Scheme::Ed25519 => Ok(public_key(&signature::ED25519 as &dyn signature::VerificationAlgorithm, hex(secret)?)),
        Scheme::EcdsaP256Sha256 => {
            Ok(public_key(&signature::ECDSA_P256_SHA256_ASN1, hex(secret).or_else(|_| base64(secret))?))
        }
        _ => Ok(hmac::verify(&hmac::Key::new(algorithm(scheme)?, secret), message, tag).is_ok()),
    }
}

pub fn sign(scheme: &Scheme, secret: &[u8], message: &[u8]) -> Result<Vec<u8>, SecretError> {
    let key = hmac::Key::new(algorithm(scheme)?, secret);
    Ok(hmac::sign(&key, message).as_ref().to_vec())
}

/// Compares by the keyed hashes of both, so that neither content nor length shows in the time it takes.
pub fn equals(secret: &[u8], candidate: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, candidate, hmac::sign(&key, secret).as_ref()).is_ok()
}

fn algorithm(scheme: &Scheme) -> Result<hmac::Algorithm, SecretError> {
    match scheme {
        Scheme::HmacSha256 => Ok(hmac::HMAC_SHA256),
        Scheme::HmacSha1 => Ok(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        _ => Err(SecretError::Unsupported("the scheme is not known or takes no secret key".into())),
    }
}

fn hex(secret: &[u8]) -> Result<Vec<u8>, SecretError> {
    HEXLOWER_PERMISSIVE.decode(secret).map_err(|_| SecretError::Unsupported("it is not hexadecimal".into()))
}

fn base64(secret: &[u8]) -> Result<Vec<u8>, SecretError> {
    BASE64.decode(secret).map_err(|_| SecretError::Unsupported("it is neither hexadecimal nor base64".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_of_rfc_4231_case_2_is_genuine() {
        let tag = hex(b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert_eq!(verify(&Scheme::HmacSha256, b"Jefe", b"what do ya want for nothing?", &tag), Ok(true));
        assert_eq!(verify(&Scheme::HmacSha256, b"Jefe", b"what do ya want for something?", &tag), Ok(false));
        assert_eq!(sign(&Scheme::HmacSha256, b"Jefe", b"what do ya want for nothing?"), Ok(tag));
    }

    #[test]
    fn the_signature_of_rfc_8032_test_2_is_genuine() {
        let key = b"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let tag = hex(b"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00").unwrap();
        assert_eq!(verify(&Scheme::Ed25519, key, &[0x72], &tag), Ok(true));
        assert_eq!(verify(&Scheme::Ed25519, key, &[0x73], &tag), Ok(false));
    }

    #[test]
    fn only_the_secret_equals_the_secret() {
        assert!(equals(b"abc", b"abc"));
        assert!(!equals(b"abc", b"abd") && !equals(b"abc", b"ab") && !equals(b"abc", b""));
    }

    #[test]
    fn a_scheme_of_the_future_is_refused() {
        assert!(verify(&Scheme::Other("hmac-sha3".into()), b"k", b"m", b"s").is_err());
    }
}
