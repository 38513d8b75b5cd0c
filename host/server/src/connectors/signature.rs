//! Who vouches for a component.
//!
//! A signature is the last section of a component: a custom section `jackfield:signature` whose data is JSON,
//! `{"algorithm":"ed25519","key":HEX,"signature":HEX,"connector":ID,"number":N}`. What is signed is the text
//! `jackfield:signature:2:ID:N:` and the lower-case hexadecimal sha256 of all bytes before that section. So one file is the plugin, and a
//! signature can be added without a rebuild. The id is the manifest's; the number rises from version to version, so that an old version
//! is known as one. The first form has neither, and signs `jackfield:signature:1:` and the sha256; it still verifies.

use std::collections::BTreeMap;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use jackfield_core::generation::Signature;
use jackfield_sandbox::Manifest;
use ring::{digest, signature};
use serde::Deserialize;

use crate::config::TrustConfig;

/// The name of the section.
const SECTION: &[u8] = b"jackfield:signature";

/// What the signed text begins with.
const CONTEXT: &str = "jackfield:signature:";

/// The longest section that is looked for: its id, its length, its name and 400 bytes of JSON.
const MOST: usize = 640;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    algorithm: String,
    key: String,
    signature: String,
    /// The connector's id; with `number`, or neither.
    #[serde(default)]
    connector: Option<String>,
    #[serde(default)]
    number: Option<u64>,
}

/// What a component's signature is worth here.
#[must_use]
pub fn examine(component: &[u8], trust: &TrustConfig) -> Signature {
    let Some((signed, data)) = split(component) else {
        return Signature::Unsigned;
    };
    let Some(data) = serde_json::from_slice::<Data>(data).ok().filter(|data| data.algorithm == "ed25519") else {
        return Signature::Invalid;
    };
    let bytes = |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let (Some(key), Some(signature)) = (bytes(&data.key), bytes(&data.signature)) else {
        return Signature::Invalid;
    };
    let sum = HEXLOWER.encode(digest::digest(&digest::SHA256, signed).as_ref());
    let text = match (&data.connector, data.number) {
        (Some(connector), Some(number)) => format!("{CONTEXT}2:{connector}:{number}:{sum}"),
        (None, None) => format!("{CONTEXT}1:{sum}"),
        _ => return Signature::Invalid,
    };
    let public = signature::UnparsedPublicKey::new(&signature::ED25519, &key);
    if public.verify(text.as_bytes(), &signature).is_err() {
        return Signature::Invalid;
    }
    // A signature that was made for one connector is none for another.
    let is_of = |id: &String| Manifest::from_component(component).is_ok_and(|manifest| manifest.id == *id);
    if data.connector.as_ref().is_some_and(|id| !is_of(id)) {
        return Signature::Invalid;
    }
    match name_of(&key, &trust.keys) {
        Some(name) => Signature::Trusted { key: name, number: data.number },
        None => Signature::Unknown { key: HEXLOWER.encode(&key) },
    }
}

/// Why a component with this signature is not let in; none if it is.
#[must_use]
pub fn refusal(signature: &Signature, trust: &TrustConfig) -> Option<String> {
    let remedy =
        "Sign it with `jackfield-dev sign` and a key of [trust.keys], or set `allow-unsigned = true` in [trust].";
    match signature {
        Signature::Trusted { .. } => None,
        Signature::Invalid => Some(String::from(
            "The component is not what was signed: it was changed after that, or its signature is broken. Fetch it again from where it comes from.",
        )),
        _ if trust.allow_unsigned => None,
        Signature::Unsigned => Some(format!("The component is not signed. {remedy}")),
        Signature::Unknown { key } => Some(format!(
            "The component is signed with the key {key}, which is not trusted here. Add it to [trust.keys] if you trust it, or set `allow-unsigned = true` in [trust]."
        )),
    }
}

fn name_of(key: &[u8], keys: &BTreeMap<String, String>) -> Option<String> {
    let is = |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).is_ok_and(|trusted| trusted == key);
    keys.iter().find(|(_, text)| is(text)).map(|(name, _)| name.clone())
}

/// What comes before the signature's section, and the section's data. None without one at the very end.
fn split(component: &[u8]) -> Option<(&[u8], &[u8])> {
    let from = component.len().saturating_sub(MOST);
    // The section begins with the id of custom sections, its length and the length of its name; the name tells where that is.
    let at = component.get(from..)?.windows(SECTION.len()).rposition(|window| window == SECTION)? + from;
    let (name_length, before) = component.get(..at)?.split_last()?;
    if usize::from(*name_length) != SECTION.len() {
        return None;
    }
    let data = component.get(at + SECTION.len()..)?;
    let size = 1 + SECTION.len() + data.len();
    // The length is a number of one or two bytes, seven bits each; longer spellings are allowed and used by some encoders.
    (1..=5).find_map(|width| {
        let start = before.len().checked_sub(width)?;
        let signed = start.checked_sub(1)?;
        let fits = component.get(signed) == Some(&0) && leb128(before.get(start..)?) == Some(size);
        fits.then_some((component.get(..signed)?, data))
    })
}

/// An unsigned number that takes up all of these bytes.
fn leb128(bytes: &[u8]) -> Option<usize> {
    let (last, head) = bytes.split_last()?;
    if last & 0x80 != 0 || head.iter().any(|byte| byte & 0x80 == 0) {
        return None;
    }
    let value =
        bytes.iter().rev().try_fold(0_u64, |value, byte| value.checked_mul(128)?.checked_add(u64::from(byte & 0x7f)));
    usize::try_from(value?).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn section(data: &[u8]) -> Vec<u8> {
        let size = 1 + SECTION.len() + data.len();
        let mut bytes = vec![0, u8::try_from(size & 0x7f).unwrap() | 0x80, u8::try_from(size >> 7).unwrap()];
        bytes.push(u8::try_from(SECTION.len()).unwrap());
        bytes.extend_from_slice(SECTION);
        bytes.extend_from_slice(data);
        bytes
    }

    fn signed(component: &[u8]) -> Vec<u8> {
        let text = format!("{CONTEXT}1:{}", HEXLOWER.encode(digest::digest(&digest::SHA256, component).as_ref()));
        let signature = pair().sign(text.as_bytes());
        let key = HEXLOWER.encode(pair().public_key().as_ref());
        let data =
            format!(r#"{{"algorithm":"ed25519","key":"{key}","signature":"{}"}}"#, HEXLOWER.encode(signature.as_ref()));
        [component, &section(data.as_bytes())].concat()
    }

    fn trust(keys: &[(&str, String)], allow_unsigned: bool) -> TrustConfig {
        TrustConfig { keys: keys.iter().map(|(n, k)| ((*n).to_owned(), k.clone())).collect(), allow_unsigned }
    }

    #[test]
    fn a_component_signed_by_a_trusted_key_is_trusted_by_the_operators_name_for_it() {
        let trust = trust(&[("us", HEXLOWER.encode(pair().public_key().as_ref()))], false);
        let signature = examine(&signed(b"component"), &trust);
        assert_eq!(signature, Signature::Trusted { key: "us".to_owned(), number: None });
        assert_eq!(refusal(&signature, &trust), None);
    }

    /// A component with a manifest, signed in the second form for the connector `id`.
    fn signed_for(id: &str, number: u64) -> Vec<u8> {
        let manifest = "id = \"shop\"\nversion = \"1\"\ncontract = \"0.1.0\"\nname = \"S\"\ndescription = \"S.\"";
        let name = b"jackfield:manifest";
        let size = 1 + name.len() + manifest.len();
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        component.extend([0, u8::try_from(size & 0x7f).unwrap() | 0x80, u8::try_from(size >> 7).unwrap()]);
        component.push(u8::try_from(name.len()).unwrap());
        component.extend_from_slice(name);
        component.extend_from_slice(manifest.as_bytes());
        let sum = HEXLOWER.encode(digest::digest(&digest::SHA256, &component).as_ref());
        let signature = pair().sign(format!("jackfield:signature:2:{id}:{number}:{sum}").as_bytes());
        let (key, signature) = (HEXLOWER.encode(pair().public_key().as_ref()), HEXLOWER.encode(signature.as_ref()));
        let data = format!(
            r#"{{"algorithm":"ed25519","key":"{key}","signature":"{signature}","connector":"{id}","number":{number}}}"#
        );
        [component, section(data.as_bytes())].concat()
    }

    #[test]
    fn a_signature_of_the_second_form_says_its_number_and_is_good_for_its_connector_only() {
        let trust = trust(&[("us", HEXLOWER.encode(pair().public_key().as_ref()))], true);
        let good = Signature::Trusted { key: "us".to_owned(), number: Some(7) };
        assert_eq!(examine(&signed_for("shop", 7), &trust), good);
        assert_eq!(examine(&signed_for("other", 7), &trust), Signature::Invalid);
        let text = String::from_utf8_lossy(&signed_for("shop", 7)).into_owned();
        assert!(text.contains("\"number\":7"));
        let mut raised = signed_for("shop", 7);
        let at = raised.windows(10).position(|window| window == b"\"number\":7").unwrap();
        raised[at + 9] = b'9';
        assert_eq!(examine(&raised, &trust), Signature::Invalid);
    }

    #[test]
    fn a_strangers_signature_is_known_as_such_and_refused() {
        let signature = examine(&signed(b"component"), &trust(&[], false));
        assert!(matches!(signature, Signature::Unknown { .. }));
        assert!(refusal(&signature, &trust(&[], false)).is_some());
        assert!(refusal(&signature, &trust(&[], true)).is_none());
    }

    #[test]
    fn a_component_that_was_changed_after_signing_is_refused_even_where_unsigned_ones_are_not() {
        let mut bytes = signed(b"component");
        bytes[0] = b'k';
        let trust = trust(&[("us", HEXLOWER.encode(pair().public_key().as_ref()))], true);
        let signature = examine(&bytes, &trust);
        assert_eq!(signature, Signature::Invalid);
        assert!(refusal(&signature, &trust).is_some());
    }

    #[test]
    fn without_a_signature_at_the_end_a_component_is_unsigned() {
        let mut behind = signed(b"component");
        behind.extend_from_slice(b"\0\x02\x01xmore");
        for bytes in [&b""[..], b"component", SECTION, &behind] {
            let signature = examine(bytes, &trust(&[], false));
            assert!(matches!(signature, Signature::Unsigned | Signature::Invalid), "{signature:?}");
            assert!(refusal(&signature, &trust(&[], false)).is_some());
        }
    }

    #[test]
    fn a_signature_that_is_nonsense_is_invalid() {
        let bytes = [&b"component"[..], &section(b"{}")].concat();
        assert_eq!(examine(&bytes, &trust(&[], true)), Signature::Invalid);
    }
}
