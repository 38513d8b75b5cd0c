//! The manifest: what a connector is, what it needs and what its channel can do. It is a custom section of the component, and is read
//! without running anything.
//!
//! * [`section`]: finds it in the component.
//! * [`parse`]: reads and checks it. [`reply_headers`]: which headers of replies it may name.
//! * [`ask`]: what it asks for, want by want.
//! * [`schema`]: the JSON Schema of a channel's configuration.

mod ask;
mod parse;
mod reply_headers;
pub(crate) mod schema;
pub(crate) mod section;

use std::collections::BTreeSet;
use std::fmt;

use http::{HeaderName, Method};
use jackfield_core::event::Trust;
use jackfield_core::fact::{ChannelRules, TextLimit};
use serde::Deserialize;

use crate::egress::origin::Origin;

pub(crate) use parse::CONTRACT;
pub use parse::ManifestError;

/// The custom section's name.
pub const SECTION: &str = "jackfield:manifest";

/// `connector.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1 to 64 of `a-z`, `0-9` and `-`; the same for every version.
    pub id: String,
    /// The connector's own version.
    pub version: String,
    /// The version of the contract it was built for, `0.1.0`.
    pub contract: String,
    /// For people.
    pub name: String,
    /// One or two sentences for people.
    pub description: String,
    /// What it wants to reach.
    #[serde(default)]
    pub http: Vec<HttpNeed>,
    /// What the operator has to give it.
    #[serde(default)]
    pub secrets: Vec<SecretNeed>,
    /// Where secrets go in outgoing requests.
    #[serde(default)]
    pub credentials: Vec<CredentialPlace>,
    /// The kinds of addresses it reports, and how far they can be believed.
    #[serde(default)]
    pub identifiers: Vec<IdentifierKind>,
    /// What the channel can do.
    #[serde(default)]
    pub channel: ChannelAbilities,
    /// What it wants of the machine, where the defaults do not fit.
    #[serde(default)]
    pub limits: LimitNeeds,
    /// Headers of replies to webhooks that begin with `x-`, in lower case.
    #[serde(default)]
    pub reply_headers: Vec<String>,
    /// The JSON Schema of a channel's configuration.
    #[serde(default = "schema::empty", deserialize_with = "schema::from_toml")]
    pub config: serde_json::Value,
}

/// An origin, with methods and beginnings of paths.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpNeed {
    /// Where.
    pub origin: Origin,
    /// A property of the channel's configuration whose value, an origin, takes the place of `origin`.
    #[serde(default)]
    pub config: Option<String>,
    /// At least one.
    #[serde(deserialize_with = "parse::methods")]
    pub methods: Vec<Method>,
    /// Beginnings of paths, at least one. A secret that goes into the path stands in it as `{name}`: `/bot{token}/`.
    pub paths: Vec<String>,
}

/// A secret that the operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretNeed {
    /// Lower case, with `-`.
    pub name: String,
    /// What to ask the operator for.
    pub prompt: String,
    /// A regular expression that the value matches.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Whether a channel can do without.
    #[serde(default = "parse::yes")]
    pub required: bool,
    /// What it may be used for; without it to verify requests, and to be sent where `[[credentials]]` has a place for it.
    #[serde(default, rename = "use")]
    pub uses: Option<BTreeSet<SecretUse>>,
}

/// What a secret may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretUse {
    /// `secrets.verify` and `secrets.equals`.
    Verify,
    /// `secrets.sign`. What is signed may leave the host, and the signature is good for as long as the secret is.
    Sign,
    /// In outgoing requests, where `[[credentials]]` says.
    Send,
}

/// Where a secret goes in outgoing requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialPlace {
    /// The secret's name.
    pub secret: String,
    /// Where it goes.
    pub place: Place,
    /// To which origins, as they are spelled under `[[http]]`; without it, to all of them.
    #[serde(default)]
    pub origins: Option<Vec<Origin>>,
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Basic …`; the secret is `user:password`.
    Basic,
    /// A header of this name.
    Header(HeaderName),
    /// A query parameter of this name.
    Query(String),
    /// In the path, instead of `{secret-name}`.
    Path,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("bearer"),
            Self::Basic => f.write_str("basic"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Path => f.write_str("path"),
        }
    }
}

/// A kind of address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentifierKind {
    /// `phone`, `whatsapp`, …
    pub kind: String,
    /// The most that the connector can say about one.
    pub trust: DeclaredTrust,
}

/// The levels of trust that a connector can claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeclaredTrust {
    /// The provider vouches for it.
    Attested,
    /// Somebody said so.
    Claimed,
    /// Guessed.
    Inferred,
}

impl From<DeclaredTrust> for Trust {
    fn from(trust: DeclaredTrust) -> Self {
        match trust {
            DeclaredTrust::Attested => Self::Attested,
            DeclaredTrust::Claimed => Self::Claimed,
            DeclaredTrust::Inferred => Self::Inferred,
        }
    }
}

/// What a channel can do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelAbilities {
    /// What can be sent: `text`, `image`, `template`, `reaction`, …
    pub content: Vec<String>,
    /// The longest text.
    pub text_limit: Option<TextLimit>,
    /// How long after a customer's message free text may be sent.
    pub reply_window_hours: Option<u32>,
    /// Which news of a sent message come: `sent`, `delivered`, `read`, `failed`.
    pub receipts: Vec<Receipt>,
    /// Whether a repeated attempt with the same key is safe.
    pub idempotent: bool,
    /// The most that the provider takes.
    pub rate_per_second: Option<f64>,
}

/// News of a sent message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receipt {
    /// The channel has it.
    Sent,
    /// The person's device has it.
    Delivered,
    /// The person saw it.
    Read,
    /// It will not arrive.
    Failed,
}

/// What a connector wants of the machine. The operator's limits are over it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitNeeds {
    /// CPU time of a call.
    pub cpu_ms: Option<u32>,
    /// Time of a call.
    pub wall_ms: Option<u32>,
    /// Memory of a call.
    pub memory_mib: Option<u32>,
    /// Whether an instance may be called again after a call: the code leaves nothing of one in its memory that the next may not see. Where
    /// the operator allows it (`warm`), that saves the start of JavaScript and Python.
    #[serde(default)]
    pub reuse: bool,
}

impl Manifest {
    /// What the domain has to know of a channel of this connector. `sends` is whether the component exports `send`.
    #[must_use]
    pub fn channel_rules(&self, sends: bool) -> ChannelRules {
        ChannelRules {
            reply_window_ms: self.channel.reply_window_hours.map(|hours| u64::from(hours) * 3_600_000),
            sends,
            idempotent: self.channel.idempotent,
            templates: self.channel.content.iter().any(|kind| kind == "template"),
            text_limit: self.channel.text_limit,
            content: self.channel.content.clone(),
        }
    }
}
