//! `fixtures/conformance.toml`: what is done with a component, and what has to come of it. Every field is described in the README.

mod media;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

pub use media::{Attachment, MediaPlan, Promise, UploadPlan};

/// The file's name, in the folder of the fixtures.
pub const FILE: &str = "conformance.toml";

/// The whole file, with the fixtures that it names read in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The channel that is played.
    #[serde(default)]
    pub channel: ChannelPlan,
    /// Test values of the manifest's secrets.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// How a request proves that it is the provider's.
    #[serde(default)]
    pub signature: Signature,
    /// What holds for all webhooks.
    #[serde(default)]
    pub webhook: Webhook,
    /// What the provider sends.
    #[serde(default)]
    pub inbound: Vec<Inbound>,
    /// The provider's test of the webhook's address.
    #[serde(default)]
    pub challenge: Option<Challenge>,
    /// One message that goes out.
    #[serde(default)]
    pub send: Option<SendPlan>,
    /// Files, in and out.
    #[serde(default)]
    pub media: Option<MediaPlan>,
}

/// The channel that is played.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelPlan {
    /// Its configuration. Properties that choose an origin are set by the kit.
    pub config: BTreeMap<String, Value>,
    /// The public URL of its webhook.
    pub url: String,
    /// Whether anybody may write to it.
    pub public_webhook: bool,
}

impl Default for ChannelPlan {
    fn default() -> Self {
        Self {
            config: BTreeMap::new(),
            url: "https://desk.example/hooks/conformance".to_owned(),
            public_webhook: false,
        }
    }
}

/// How a request proves that it is the provider's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Signature {
    /// The way.
    pub scheme: Scheme,
    /// The name of the secret.
    pub secret: String,
    /// The header that the proof stands in, in lower case.
    pub header: String,
    /// What stands in the header before it.
    pub prefix: String,
    /// How a signature is spelled.
    pub encoding: Encoding,
    /// What is signed; `{timestamp}`, `{method}`, `{url}` and `{body}` stand for those.
    pub message: String,
    /// The header with the time of sending, in seconds since 1970.
    pub timestamp_header: Option<String>,
    /// How old or how early a request may be at most, in seconds.
    pub tolerance_seconds: u64,
}

impl Default for Signature {
    fn default() -> Self {
        Self {
            scheme: Scheme::None,
            secret: String::new(),
            header: String::new(),
            prefix: String::new(),
            encoding: Encoding::Hex,
            message: "{body}".to_owned(),
            timestamp_header: None,
            tolerance_seconds: 300,
        }
    }
}

/// A way to prove a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// None: a public webhook.
    None,
    /// The header carries the secret itself.
    Equals,
    /// HMAC-SHA-256 with the secret as key.
    HmacSha256,
    /// HMAC-SHA-1 with the secret as key.
    HmacSha1,
}

/// The spelling of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Lower case.
    Hex,
    /// With padding.
    Base64,
}

/// What holds for all webhooks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// A JSON pointer to the list under which the provider puts several deliveries into one.
    pub batch: Option<String>,
    /// A genuine body of a kind that does not exist yet.
    pub unknown: Option<String>,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
}

/// A file of fixtures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// Its name, in the folder of the fixtures.
    pub file: String,
    /// How many events come of it.
    pub events: Expected,
    /// How many items of it cannot be understood.
    #[serde(default)]
    pub unreadable: usize,
    /// The file is a JSON list, and each element of it a delivery.
    #[serde(default)]
    pub each: bool,
    /// A JSON pointer to the list of items that are independent of each other.
    #[serde(default)]
    pub items: Option<String>,
    /// A JSON pointer, inside an item, to the word for its kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// The media type.
    #[serde(default = "json")]
    pub content_type: String,
    /// What is in the file.
    #[serde(skip)]
    pub content: Vec<u8>,
}

fn json() -> String {
    "application/json".to_owned()
}

/// How many events are expected.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Expected {
    /// In all.
    Count(usize),
    /// Of each kind: `message`, `edit`, `deletion`, `reaction`, `delivery`, `identity_change`, `touchpoint`, `call`, `other`.
    Kinds(BTreeMap<String, usize>),
}

/// The provider's test of the webhook's address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// `GET`, or `POST` with a body that is signed.
    #[serde(default = "get")]
    pub method: String,
    /// The query of the URL.
    #[serde(default)]
    pub query: String,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// The body of the answer, which has the status 200.
    pub reply: String,
    /// A query that must not be answered so.
    #[serde(default)]
    pub wrong_query: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// One message that goes out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendPlan {
    /// Whom it is for.
    pub to: Address,
    /// The thread, where the channel needs one.
    #[serde(default)]
    pub thread: Option<String>,
    /// The words.
    pub text: String,
    /// The channel's ids of it, as the answers below give them.
    #[serde(default)]
    pub message_ids: Vec<String>,
    /// What the provider answers when all is well. The first that fits counts.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// How the provider refuses, where it does so in its own way.
    #[serde(default)]
    pub refusals: Refusals,
}

/// An address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The kind, as the manifest declares it.
    pub kind: String,
    /// Who issued it; empty for the channel itself.
    #[serde(default)]
    pub namespace: String,
    /// The value.
    pub value: String,
}

/// An answer of the provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The method that it is for; any, if it is left out.
    #[serde(default)]
    pub method: Option<String>,
    /// The beginning of the path that it is for.
    #[serde(default)]
    pub path: String,
    /// The status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body. `{origin}` stands for the provider's.
    #[serde(default)]
    pub body: String,
}

impl Answer {
    /// The answer with `value` in `place` of its body.
    #[must_use]
    pub fn filled(self, place: &str, value: &str) -> Self {
        Self { body: self.body.replace(place, value), ..self }
    }
}

fn ok() -> u16 {
    200
}

/// How the provider refuses. What is left out is an HTTP status with an empty JSON object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refusals {
    /// Too much at once, wait seven seconds; else 429 with `Retry-After: 7`.
    pub rate_limited: Option<Answer>,
    /// Its own trouble; else 500.
    pub server_error: Option<Answer>,
    /// The credentials do not work; else 401.
    pub credentials: Option<Answer>,
}

impl Plan {
    /// Reads the plan of a folder, and the files that it names.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("{} cannot be read. It says what the conformance kit does; `jackfield-dev new` writes one to begin with.", path.display())
        })?;
        let mut plan: Self = toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
        plan.check().with_context(|| format!("{} is wrong", path.display()))?;
        for inbound in &mut plan.inbound {
            let file = folder.join(&inbound.file);
            inbound.content = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            inbound.check()?;
        }
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        let Signature { scheme, secret, header, .. } = &self.signature;
        if *scheme != Scheme::None {
            ensure!(
                self.secrets.contains_key(secret),
                "[signature] uses the secret `{secret}`, which [secrets] does not have"
            );
            ensure!(!header.is_empty(), "[signature] names no `header`");
        }
        ensure!(
            !self.inbound.is_empty(),
            "there is no [[inbound]]: the kit needs at least one file of what the provider sends"
        );
        self.media.as_ref().map_or(Ok(()), MediaPlan::check)
    }
}

impl Inbound {
    /// The file as JSON, where it is some that this program can read: fixtures may be broken on purpose.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.content).ok()
    }

    /// The deliveries of the file.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Vec<u8>> {
        match (self.each, self.value()) {
            (true, Some(Value::Array(all))) => all.iter().map(|one| one.to_string().into_bytes()).collect(),
            _ => vec![self.content.clone()],
        }
    }

    fn check(&self) -> Result<()> {
        let file = &self.file;
        if self.each {
            ensure!(matches!(self.value(), Some(Value::Array(_))), "{file} is no list in JSON, but `each` says so");
        }
        if let Some(items) = &self.items {
            let value = self.value().with_context(|| format!("{file} is no JSON, so it has no `items`"))?;
            ensure!(value.pointer(items).is_some_and(Value::is_array), "{file} has no list at `{items}`");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plan: &str) -> Result<Plan> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), plan).unwrap();
        fs::write(folder.path().join("a.json"), r#"{"list": [1, 2]}"#).unwrap();
        Plan::read(folder.path())
    }

    #[test]
    fn a_plan_brings_its_files_along() {
        let plan = read("[[inbound]]\nfile = \"a.json\"\nevents = 2\nitems = \"/list\"").unwrap();
        assert_eq!(plan.inbound[0].deliveries(), [br#"{"list": [1, 2]}"#.to_vec()]);
        assert_eq!(plan.signature.scheme, Scheme::None);
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_said() {
        let wrong = [
            ("", "no [[inbound]]"),
            ("nonsense = 1", "unknown field"),
            ("[[inbound]]\nfile = \"b.json\"\nevents = 0", "b.json"),
            ("[[inbound]]\nfile = \"a.json\"\nevents = 0\nitems = \"/lost\"", "`/lost`"),
            ("[[inbound]]\nfile = \"a.json\"\nevents = 0\neach = true", "no list"),
            ("[signature]\nscheme = \"equals\"\nsecret = \"s\"\n[[inbound]]\nfile = \"a.json\"\nevents = 0", "`s`"),
        ];
        for (plan, reason) in wrong {
            let error = format!("{:#}", read(plan).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
