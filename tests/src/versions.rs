//! Versions of one connector, made from the guest `versions`: each does what its word says, see there.

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use ring::signature::Ed25519KeyPair;
use serde_json::json;

use crate::paths;
use crate::webhooks::{APP_SECRET, Webhook, meta_signature};

/// What stands before the word in the component.
const MARK: &[u8] = b"jackfield-version=";
/// How long the word and the points behind it are together.
const ROOM: usize = 30;

/// The component whose word is this.
///
/// # Errors
/// When the guest was not built.
pub fn version(word: &str) -> Result<Vec<u8>> {
    let mut component = std::fs::read(paths::component("versions")?)?;
    let at = find(&component, MARK).context("the mark is in the component")? + MARK.len();
    ensure!(word.len() <= ROOM, "{word} is too long");
    component[at..at + ROOM].copy_from_slice(format!("{word:.<ROOM$}").as_bytes());
    Ok(component)
}

/// The same, and its manifest asks for one more origin.
///
/// # Errors
/// When the guest was not built.
pub fn asking_for_more(word: &str) -> Result<Vec<u8>> {
    described(
        word,
        "description = \"Asks for more.\"\n[[http]]\norigin = \"https://more.example\"\nmethods = [\"GET\"]\npaths = [\"/\"]\n",
    )
}

/// The same, and its manifest sends the secret of the signatures to where the connector may call already, attests one more kind, and sets a
/// header of replies.
///
/// # Errors
/// When the guest was not built.
pub fn moving_a_secret(word: &str) -> Result<Vec<u8>> {
    described(
        word,
        "description=\"X\"\nreply_headers=[\"x-a\"]\n[[credentials]]\nsecret=\"app-secret\"\nplace=\"query:x\"\n[[identifiers]]\nkind=\"email\"\ntrust=\"attested\"\n",
    )
}

/// The same as [`moving_a_secret`] in what waits for approval, and it takes a setting `note` that the first version does not know.
///
/// # Errors
/// When the guest was not built.
pub fn taking_a_note(word: &str) -> Result<Vec<u8>> {
    described(
        word,
        "description = \"X\"\n[[credentials]]\nsecret = \"app-secret\"\nplace = \"query:x\"\n[config.properties.note]\ntype = \"string\"\n",
    )
}

fn described(word: &str, to: &str) -> Result<Vec<u8>> {
    let component = version(word)?;
    // The manifest keeps its length: the description gives way to the rest.
    let from = "description = \"Comes in many versions: good ones, and each kind of bad one, all of them made by the tests from one \
                build. For tests only.\"\n";
    ensure!(to.len() <= from.len(), "there is no room");
    let at = find(&component, from.as_bytes()).context("the manifest is in the component")?;
    let mut more = component;
    more[at..at + from.len()].copy_from_slice(format!("{to}{}", "\n".repeat(from.len() - to.len())).as_bytes());
    Ok(more)
}

/// A component with a signature by this key, as `jackfield-dev sign` makes it.
#[must_use]
pub fn signed(component: &[u8], key: &Ed25519KeyPair) -> Vec<u8> {
    use ring::signature::KeyPair as _;
    const NAME: &[u8] = b"jackfield:signature";
    let text = format!("jackfield:signature:1:{}", HEXLOWER.encode(digest(&SHA256, component).as_ref()));
    let signature = HEXLOWER.encode(key.sign(text.as_bytes()).as_ref());
    let data =
        json!({ "algorithm": "ed25519", "key": HEXLOWER.encode(key.public_key().as_ref()), "signature": signature });
    let data = data.to_string();
    let size = 1 + NAME.len() + data.len();
    let mut bytes = component.to_vec();
    bytes.extend_from_slice(&[0, (size & 0x7f) as u8 | 0x80, (size >> 7) as u8, NAME.len() as u8]);
    bytes.extend_from_slice(NAME);
    bytes.extend_from_slice(data.as_bytes());
    bytes
}

/// A signed webhook for any of them.
#[must_use]
pub fn webhook(id: &str, from: &str, text: &str) -> Webhook {
    let body = json!({ "id": id, "from": from, "text": text }).to_string();
    let signature = meta_signature(APP_SECRET, body.as_bytes());
    Webhook {
        body,
        headers: vec![("content-type", String::from("application/json")), ("x-hub-signature-256", signature)],
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
