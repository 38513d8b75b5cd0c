//! The whole of what a version of a connector asks for, so that an operator approves all of it and nothing besides.
//!
//! An ask is read from a version's manifest. The one that was approved is kept with the generation; a later version whose ask is not
//! [within](Ask::is_within) it waits, with the [differences](Ask::differences) in words.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Everything that a version asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ask {
    /// Each want by itself.
    pub wants: BTreeSet<Want>,
}

/// One thing that a version asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "want", rename_all = "kebab-case")]
pub enum Want {
    /// To make HTTP requests.
    Reach {
        /// The origin as the manifest has it.
        origin: String,
        /// The property of the channel's configuration that may name another origin instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<String>,
        /// `GET`, `POST`, …
        method: String,
        /// The beginning of the path.
        path: String,
    },
    /// To have a secret used.
    Use {
        /// The manifest's name for it.
        secret: String,
        /// `verify` or `sign`.
        purpose: String,
    },
    /// To have a secret put into requests.
    Send {
        /// The manifest's name for it.
        secret: String,
        /// To which origin, as the manifest has it.
        origin: String,
        /// Where: `bearer`, `basic`, `header:NAME`, `query:NAME`, `path`.
        place: String,
    },
    /// To say whose an address of this kind is, as proof.
    Attest {
        /// `phone`, `email`, `whatsapp`, …
        kind: String,
    },
    /// To set a header of replies to webhooks.
    ReplyHeader {
        /// Its name, in lower case.
        name: String,
    },
    /// To have a send repeated after which nobody knows whether it was done, for a repeated key is safe there.
    Idempotent,
    /// To be called again on an instance that had a call before.
    Reuse,
    /// More of the machine than the defaults.
    Limit {
        /// `cpu_ms`, `wall_ms` or `memory_mib`.
        of: String,
        /// How much.
        most: u32,
    },
}

/// How an ask differs from the one that was approved, in one point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// In which direction.
    pub change: Change,
    /// The want as a sentence.
    pub sentence: String,
}

/// The direction of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not approved yet.
    NewlyAsks,
    /// It was approved, and is not asked for any more.
    AsksNoMore,
    /// It was approved, and is asked for still.
    Unchanged,
}

impl Ask {
    /// Whether nothing is asked for beyond what was approved.
    #[must_use]
    pub fn is_within(&self, approved: &Self) -> bool {
        self.wants.iter().all(|want| approved.covers(want))
    }

    /// What is asked for newly, what no more and what still, in this order.
    #[must_use]
    pub fn differences(&self, approved: &Self) -> Vec<Difference> {
        let (still, newly): (Vec<&Want>, Vec<&Want>) = self.wants.iter().partition(|want| approved.covers(want));
        let no_more = approved.wants.iter().filter(|want| !self.covers(want));
        let told = |change: Change, want: &Want| Difference { change, sentence: want.to_string() };
        let newly = newly.into_iter().map(|want| told(Change::NewlyAsks, want));
        let no_more = no_more.map(|want| told(Change::AsksNoMore, want));
        newly.chain(no_more).chain(still.into_iter().map(|want| told(Change::Unchanged, want))).collect()
    }

    fn covers(&self, want: &Want) -> bool {
        self.wants.contains(want) || self.wants.iter().any(|approved| approved.covers(want))
    }
}

impl Want {
    /// Whether who may have this may have `other` too.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Reach { origin, config, method, path },
                Self::Reach { origin: to, config: or, method: by, path: at },
            ) => (origin, config, method) == (to, or, by) && at.starts_with(path.as_str()),
            (Self::Limit { of, most }, Self::Limit { of: what, most: wanted }) => of == what && wanted <= most,
            _ => self == other,
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reach { origin, config: None, method, path } => {
                write!(f, "to make {method} requests to {origin}{path}…")
            }
            Self::Reach { origin, config: Some(key), method, path } => {
                write!(f, "to make {method} requests to {origin}{path}…, or to the origin in the channel's `{key}`")
            }
            Self::Use { secret, purpose } if purpose == "sign" => write!(f, "to sign with the secret `{secret}`"),
            Self::Use { secret, .. } => write!(f, "to check requests with the secret `{secret}`"),
            Self::Send { secret, origin, place } => write!(f, "to send the secret `{secret}` to {origin} ({place})"),
            Self::Attest { kind } => write!(f, "to attest addresses of the kind `{kind}`"),
            Self::ReplyHeader { name } => write!(f, "to set the header `{name}` of replies to webhooks"),
            Self::Idempotent => f.write_str("to have uncertain sends repeated"),
            Self::Reuse => f.write_str("to be called again on an instance that had a call before"),
            Self::Limit { of, most } => write!(f, "for {of} up to {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(method: &str, path: &str) -> Want {
        Want::Reach { origin: "https://a.example".into(), config: None, method: method.into(), path: path.into() }
    }

    fn ask(wants: &[Want]) -> Ask {
        Ask { wants: wants.iter().cloned().collect() }
    }

    fn send(place: &str, origin: &str) -> Want {
        Want::Send { secret: "token".into(), origin: origin.into(), place: place.into() }
    }

    #[test]
    fn a_narrower_ask_is_within_a_wider_one_and_not_the_other_way_round() {
        let wide = ask(&[reach("GET", "/"), Want::Limit { of: "memory_mib".into(), most: 128 }]);
        let narrow = ask(&[reach("GET", "/v1/"), Want::Limit { of: "memory_mib".into(), most: 64 }]);
        assert!(narrow.is_within(&wide) && !wide.is_within(&narrow));
        assert!(!ask(&[reach("POST", "/v1/")]).is_within(&wide), "another method");
    }

    #[test]
    fn a_secret_that_moves_is_newly_asked_for() {
        let approved =
            ask(&[send("bearer", "https://a.example"), Want::Use { secret: "token".into(), purpose: "verify".into() }]);
        for moved in [
            send("bearer", "https://b.example"),
            send("path", "https://a.example"),
            Want::Use { secret: "token".into(), purpose: "sign".into() },
            Want::Attest { kind: "email".into() },
            Want::ReplyHeader { name: "x-acme".into() },
            Want::Idempotent,
            Want::Reuse,
        ] {
            assert!(!ask(std::slice::from_ref(&moved)).is_within(&approved), "{moved}");
        }
    }

    #[test]
    fn differences_are_sentences_the_new_ones_first() {
        let (approved, wanted) = (ask(&[reach("GET", "/"), Want::Reuse]), ask(&[reach("GET", "/"), Want::Idempotent]));
        let told: Vec<(Change, String)> =
            wanted.differences(&approved).into_iter().map(|d| (d.change, d.sentence)).collect();
        assert_eq!(
            told,
            [
                (Change::NewlyAsks, "to have uncertain sends repeated".to_owned()),
                (Change::AsksNoMore, "to be called again on an instance that had a call before".to_owned()),
                (Change::Unchanged, "to make GET requests to https://a.example/…".to_owned()),
            ]
        );
    }

    #[test]
    fn an_ask_is_read_as_it_was_written() {
        let written = ask(&[reach("GET", "/"), send("path", "https://a.example"), Want::Reuse]);
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Ask>(&json).unwrap(), written);
    }
}
