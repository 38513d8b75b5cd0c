//! Ids. Each derives from the sequence number of the fact that made the thing, and from its place among the things of that fact, so
//! every host that applies the same journal gives the same ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place in the journal. The first fact has 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z. JSON for people shows it as RFC 3339; see [`Millis::rfc3339`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// `2026-11-21T20:36:24.123Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let clamped = i64::try_from(self.0).unwrap_or(i64::MAX).min(253_402_300_799_999);
        match jiff::Timestamp::from_millisecond(clamped) {
            Ok(at) => format!("{at:.3}"),
            Err(_) => String::from("1970-01-01T00:00:00.000Z"),
        }
    }
}

/// An id could not be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an id of the form {prefix}_NUMBER")]
pub struct BadId {
    /// What was given.
    pub text: String,
    /// What it should begin with.
    pub prefix: &'static str,
}

/// How many things one fact can make.
pub const ITEMS_PER_FACT: u16 = u16::MAX;

macro_rules! item_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The `index`th thing made by the fact at `seq`.
            #[must_use]
            pub fn new(seq: Seq, index: u16) -> Self {
                Self((seq.0 << 16) | u64::from(index))
            }

            /// The fact that made it.
            #[must_use]
            pub fn seq(self) -> Seq {
                Seq(self.0 >> 16)
            }

            /// Sorts like the id; for keys.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 8] {
                self.0.to_be_bytes()
            }

            /// The reverse of [`Self::to_bytes`].
            #[must_use]
            pub fn from_bytes(bytes: [u8; 8]) -> Self {
                Self(u64::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (seq, index) = (self.0 >> 16, self.0 & 0xffff);
                match index {
                    0 => write!(f, concat!($prefix, "_{}"), seq),
                    _ => write!(f, concat!($prefix, "_{}_{}"), seq, index),
                }
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let parse = || {
                    let rest = text.strip_prefix(concat!($prefix, "_"))?;
                    let (seq, index) = rest.split_once('_').unwrap_or((rest, "0"));
                    let seq: u64 = seq.parse().ok().filter(|s| *s < 1 << 48)?;
                    let id = Self::new(Seq(seq), index.parse().ok()?);
                    // One id has one spelling.
                    (id.to_string() == text).then_some(id)
                };
                parse().ok_or_else(|| BadId { text: text.chars().take(80).collect(), prefix: $prefix })
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                id_schema($prefix)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The schema of an id: exactly what is given out and taken.
#[cfg(feature = "openapi")]
fn id_schema(prefix: &str) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    const SEQ: &str = "(0|[1-9][0-9]{0,13})";
    const INDEX: &str = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .pattern(Some(format!("^{prefix}_{SEQ}(_{INDEX})?$")))
        .into()
}

item_id!(
    /// One address of a person.
    IdentityId, "idn"
);
item_id!(
    /// A person. It is the id of the person's oldest identity under another prefix, so it is derived, never stored, and comes back
    /// by itself when a merge is undone.
    CustomerId, "cus"
);
item_id!(
    /// A message, in or out.
    MessageId, "msg"
);
item_id!(
    /// A possible link that waits for a person's decision.
    SuggestionId, "sug"
);
item_id!(
    /// A parked delivery.
    ParkedId, "prk"
);
item_id!(
    /// A touchpoint or another entry of a timeline that is not a message.
    TouchpointId, "tch"
);
item_id!(
    /// An API key.
    KeyId, "key"
);

impl From<IdentityId> for CustomerId {
    fn from(identity: IdentityId) -> Self {
        Self(identity.0)
    }
}

impl From<CustomerId> for IdentityId {
    /// The identity that the customer is named after.
    fn from(customer: CustomerId) -> Self {
        Self(customer.0)
    }
}

/// The operator's name for a configured, connected account: 1 to 64 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(pattern = "^[a-z0-9-]{1,64}$"))]
pub struct ChannelId(String);

impl ChannelId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A channel's name could not be accepted.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a channel's name is 1 to 64 of a-z, 0-9 and `-`; `{0}` is not")]
pub struct BadChannelId(String);

impl FromStr for ChannelId {
    type Err = BadChannelId;

    fn from_str(text: &str) -> Result<Self, BadChannelId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadChannelId(text.chars().take(80).collect())) }
    }
}

impl<'de> Deserialize<'de> for ChannelId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
