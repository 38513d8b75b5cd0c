//! The author's private key: Ed25519, as PKCS#8 in PEM, the form that `openssl genpkey -algorithm ed25519` writes.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use data_encoding::{BASE64, HEXLOWER};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// PKCS#8 version 1 of an Ed25519 key (RFC 8410), up to its 32 secret bytes.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Makes a key and writes it to a new file that only its owner may read. The public key, 64 hexadecimal digits.
pub fn generate(path: &Path) -> Result<String> {
    let mut secret = [0_u8; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| anyhow!("the operating system gives no random numbers"))?;
    let pkcs8 = [PKCS8_HEAD.as_slice(), &secret].concat();
    let pair = pair(&pkcs8)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| {
        format!("{} cannot be written; a key that is there already is not replaced", path.display())
    })?;
    write!(file, "{BEGIN}\n{}\n{END}\n", BASE64.encode(&pkcs8))?;
    file.sync_all()?;
    Ok(public(&pair))
}

/// Reads a key.
pub fn read(path: &Path) -> Result<Ed25519KeyPair> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{} cannot be read; `jackfield-dev keygen {}` makes a key", path.display(), path.display())
    })?;
    parse(&text).with_context(|| format!("{} holds no key that can sign here", path.display()))
}

/// The public half, 64 hexadecimal digits.
#[must_use]
pub fn public(pair: &Ed25519KeyPair) -> String {
    HEXLOWER.encode(pair.public_key().as_ref())
}

fn parse(text: &str) -> Result<Ed25519KeyPair> {
    let body = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(body, _)| body);
    let body = body.with_context(|| {
        format!("it has no `{BEGIN}`; an encrypted key, or one of OpenSSH, has to be converted to plain PKCS#8 first")
    })?;
    let digits: String = body.split_whitespace().collect();
    let pkcs8 = BASE64.decode(digits.as_bytes()).context("its base64 is damaged")?;
    pair(&pkcs8)
}

fn pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair> {
    // `openssl` leaves the public half out, which ring accepts only when asked to.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8);
    let pair = pair.map_err(|error| anyhow!("it is no Ed25519 key in PKCS#8 ({error})"))?;
    ensure!(pair.public_key().as_ref().len() == 32, "its public half has not 32 bytes");
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Written by `openssl genpkey -algorithm ed25519`; the public half by `openssl pkey -pubout -outform DER`, its last 32 bytes.
    const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEILMyJY7YMKYD8m7fxDxJ/StJyXai3p4DMM26cxw9vVVC
-----END PRIVATE KEY-----
";
    const OPENSSL_PUBLIC: &str = "582c347d9ab6a52e48804d885d466bebd5172b95a8086fa03f90aa1c22bcd378";

    #[test]
    fn a_key_of_openssl_is_read() {
        assert_eq!(public(&parse(OPENSSL).unwrap()), OPENSSL_PUBLIC);
    }

    #[test]
    fn a_made_key_is_its_owners_alone_and_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("author.pem");
        let made = generate(&path).unwrap();
        assert_eq!(made.len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(public(&read(&path).unwrap()), made);
    }

    #[test]
    fn a_key_that_is_there_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("author.pem");
        generate(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(generate(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_reason() {
        let wrong = [
            ("", "PRIVATE KEY"),
            ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", "base64"),
            ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----", "no Ed25519 key"),
        ];
        for (text, reason) in wrong {
            let error = format!("{:#}", parse(text).err().unwrap());
            assert!(error.contains(reason), "{error}");
        }
    }
}
