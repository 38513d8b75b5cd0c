//! The signature of a component. It is the last section of the file, and covers every byte before it.
//!
//! The section is named `jackfield:signature`. Its data is JSON:
//! `{"algorithm":"ed25519","key":"<64 hex>","signature":"<128 hex>","connector":"<id>","number":<n>}`. What is signed is the ASCII text
//! `jackfield:signature:2:<id>:<n>:`, followed by the lower-case hexadecimal sha256 of all bytes of the component before that section. The
//! id is the manifest's. A host that served a number lets none below it serve without its operator's word.
//!
//! Signatures of the first form, without id and number over `jackfield:signature:1:`, are still read.

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use jackfield_devtool::component::{Outline, Section, append_section};
use jackfield_sandbox::Manifest;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::key;

/// The section's name.
pub const SECTION: &str = "jackfield:signature";

/// What the signed message begins with.
const PREFIX: &str = "jackfield:signature:";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    algorithm: String,
    key: String,
    signature: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connector: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
}

/// What a component's signature is worth, without knowing whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// There is none.
    Unsigned,
    /// It is genuine; the owner of this public key (64 hexadecimal digits) made it.
    Signed {
        /// The public key.
        key: String,
    },
    /// It is worth nothing.
    Broken {
        /// Why, in words.
        reason: String,
    },
}

/// The sha256 of some bytes, 64 hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

/// Signs a component; a signature that it has is replaced. `number` is to be higher than that of every version before.
pub fn sign(component: &[u8], pair: &Ed25519KeyPair, number: u64) -> Result<Vec<u8>> {
    let mut signed = component.to_vec();
    match placed(component)? {
        Placed::Nowhere => {}
        Placed::Last(section) => signed.truncate(section.start),
        Placed::Wrong(reason) => bail!("{reason}; build the component anew, and sign that"),
    }
    let connector = Manifest::from_component(&signed).context("what has no manifest cannot be signed")?.id;
    let signature = pair.sign(message(&signed, Some((&connector, number))).as_bytes());
    let data = Data {
        algorithm: "ed25519".to_owned(),
        key: key::public(pair),
        signature: HEXLOWER.encode(signature.as_ref()),
        connector: Some(connector),
        number: Some(number),
    };
    append_section(&mut signed, SECTION, &serde_json::to_vec(&data)?);
    Ok(signed)
}

/// Looks at a component's signature. Fails where the bytes are no component.
pub fn state(component: &[u8]) -> Result<State> {
    let section = match placed(component)? {
        Placed::Nowhere => return Ok(State::Unsigned),
        Placed::Wrong(reason) => return Ok(State::Broken { reason }),
        Placed::Last(section) => section,
    };
    Ok(match verify(component, &section) {
        Ok(key) => State::Signed { key },
        Err(error) => State::Broken { reason: format!("{error:#}") },
    })
}

/// Where the signature is.
enum Placed {
    Nowhere,
    Last(Section),
    Wrong(String),
}

fn placed(component: &[u8]) -> Result<Placed> {
    let mut sections = Outline::of(component)?.sections;
    sections.retain(|section| section.name == SECTION);
    Ok(match (sections.pop(), sections.is_empty()) {
        (None, _) => Placed::Nowhere,
        (Some(_), false) => Placed::Wrong("there is more than one signature".to_owned()),
        (Some(section), true) if section.end == component.len() => Placed::Last(section),
        (Some(_), true) => Placed::Wrong("something was added behind the signature".to_owned()),
    })
}

fn verify(component: &[u8], section: &Section) -> Result<String> {
    let data: Data =
        serde_json::from_slice(&section.data).context("the signature's section is not what it should be")?;
    ensure!(data.algorithm == "ed25519", "the algorithm is {}, and only ed25519 is known", data.algorithm);
    let decode = |text: &str, what: &str| {
        HEXLOWER.decode(text.as_bytes()).with_context(|| format!("the {what} is not hexadecimal"))
    };
    let (key, signature) = (decode(&data.key, "key")?, decode(&data.signature, "signature")?);
    let about = match (&data.connector, data.number) {
        (Some(connector), Some(number)) => Some((connector.as_str(), number)),
        (None, None) => None,
        _ => bail!("it has a number or a connector, and not both"),
    };
    let message = message(&component[..section.start], about);
    let genuine = UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature).is_ok();
    ensure!(genuine, "the component is not the one that was signed");
    Ok(data.key)
}

fn message(signed: &[u8], about: Option<(&str, u64)>) -> String {
    let sum = sha256(signed);
    match about {
        Some((connector, number)) => format!("{PREFIX}2:{connector}:{number}:{sum}"),
        None => format!("{PREFIX}1:{sum}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(n: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap()
    }

    /// The least that is a component: its head, and a section.
    fn component() -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        append_section(
            &mut bytes,
            "jackfield:manifest",
            b"id = \"x\"\nversion = \"1\"\ncontract = \"0.1.0\"\nname = \"X\"\ndescription = \"X.\"",
        );
        bytes
    }

    #[test]
    fn the_bytes_of_a_signature_are_as_the_host_reads_them() {
        let signed = sign(&component(), &pair(1), 7).unwrap();
        assert!(signed.starts_with(&component()));
        let section = &signed[component().len()..];
        // A custom section: 0, its length, the length of its name, the name, the data.
        let (length, name) = (section.len() - 3, section[3] as usize);
        assert_eq!((section[0], usize::from(section[1] & 0x7f) | usize::from(section[2]) << 7), (0, length));
        assert_eq!(&section[4..4 + name], SECTION.as_bytes());
        let data: serde_json::Value = serde_json::from_slice(&section[4 + name..]).unwrap();
        let key = HEXLOWER.decode(data["key"].as_str().unwrap().as_bytes()).unwrap();
        let signature = HEXLOWER.decode(data["signature"].as_str().unwrap().as_bytes()).unwrap();
        let message = format!("jackfield:signature:2:x:7:{}", sha256(&component()));
        assert!(UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature).is_ok());
        assert_eq!(data["algorithm"], "ed25519");
        assert_eq!((data["connector"].as_str(), data["number"].as_u64()), (Some("x"), Some(7)));
        assert_eq!(data.as_object().unwrap().len(), 5);
    }

    #[test]
    fn a_signed_component_says_who_signed_it() {
        assert_eq!(state(&component()).unwrap(), State::Unsigned);
        let signed = sign(&component(), &pair(1), 7).unwrap();
        assert_eq!(state(&signed).unwrap(), State::Signed { key: key::public(&pair(1)) });
    }

    #[test]
    fn signing_again_replaces_the_signature() {
        let first = sign(&component(), &pair(1), 7).unwrap();
        let second = sign(&first, &pair(2), 7).unwrap();
        assert_eq!(second, sign(&component(), &pair(2), 7).unwrap());
        assert_eq!(state(&second).unwrap(), State::Signed { key: key::public(&pair(2)) });
    }

    #[test]
    fn every_changed_byte_before_the_signature_breaks_it() {
        let signed = sign(&component(), &pair(1), 7).unwrap();
        for at in 12..component().len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            // Some changes make it no component any more; what is left is never genuine.
            assert!(!matches!(state(&changed), Ok(State::Signed { .. })), "byte {at}");
        }
    }

    #[test]
    fn what_is_added_behind_the_signature_breaks_it_and_is_not_signed_over() {
        let mut longer = sign(&component(), &pair(1), 7).unwrap();
        append_section(&mut longer, "note", b"x");
        assert!(matches!(state(&longer).unwrap(), State::Broken { .. }));
        assert!(sign(&longer, &pair(1), 7).is_err());
    }

    #[test]
    fn a_signature_of_another_form_is_broken() {
        for data in [
            "{}",
            "[]",
            r#"{"algorithm":"rsa","key":"00","signature":"00"}"#,
            r#"{"algorithm":"ed25519","key":"zz","signature":"00"}"#,
        ] {
            let mut bytes = component();
            append_section(&mut bytes, SECTION, data.as_bytes());
            assert!(matches!(state(&bytes).unwrap(), State::Broken { .. }), "{data}");
        }
    }
}
