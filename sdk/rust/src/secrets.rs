//! Secrets are used, not read: the host compares and signs. Names are those of the manifest. Every function fails with
//! `misconfigured` when the operator has not set the secret, or it cannot be a key of the scheme.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use crate::{Failure, host};

pub use crate::bindings::jackfield::connector::secrets::{Scheme, SecretError};

/// Whether `signature`, raw bytes, is genuine.
pub fn verify(name: &str, scheme: &Scheme, message: &[u8], signature: &[u8]) -> Result<bool, Failure> {
    host::secrets::verify(name, scheme, message, signature).map_err(failure)
}

/// Whether a signature in hexadecimal, of either case, is genuine. False if it is not hexadecimal.
pub fn verify_hex(name: &str, scheme: &Scheme, message: &[u8], signature: &[u8]) -> Result<bool, Failure> {
    match HEXLOWER_PERMISSIVE.decode(signature) {
        Ok(signature) => verify(name, scheme, message, &signature),
        Err(_) => Ok(false),
    }
}

/// Whether a signature in base64 with padding is genuine. False if it is not base64.
pub fn verify_base64(name: &str, scheme: &Scheme, message: &[u8], signature: &[u8]) -> Result<bool, Failure> {
    match BASE64.decode(signature) {
        Ok(signature) => verify(name, scheme, message, &signature),
        Err(_) => Ok(false),
    }
}

/// Whether `candidate` is the secret.
pub fn equals(name: &str, candidate: &[u8]) -> Result<bool, Failure> {
    host::secrets::equals(name, candidate).map_err(failure)
}

/// A signature of `message`, raw bytes.
pub fn sign(name: &str, scheme: &Scheme, message: &[u8]) -> Result<Vec<u8>, Failure> {
    host::secrets::sign(name, scheme, message).map_err(failure)
}

fn failure(error: SecretError) -> Failure {
    Failure::misconfigured(match error {
        SecretError::Missing(what) => format!("The secret is not set: {what}."),
        SecretError::Unsupported(what) => format!("The secret cannot be used like this: {what}."),
        SecretError::Other(what) => format!("The secret cannot be used: {what}."),
    })
}
