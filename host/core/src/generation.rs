//! The life of a connector's versions, as facts tell it.
//!
//! A generation is one component that was brought for a connector. It is staged, verified, compiled, checked, approved and probed
//! before it serves; then it is active until another one takes its place, drains, and is retired. One that asks for more than its
//! channels grant waits in between; one that fails on the way is refused; one that fails while it serves is rolled back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ask::{Ask, Difference};
use crate::event::Problem;
use crate::ids::{ChannelId, Millis};

/// Which code spoke for a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The connector's id.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// The sha256 of the component, hexadecimal.
    pub digest: String,
}

/// How far a generation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It is kept, under its digest.
    Staged,
    /// Its signature is one that the operator accepts.
    Verified,
    /// It is machine code.
    Compiled,
    /// Its type and manifest are right, and it has survived a trial start without grants.
    Checked,
    /// It asks for more than its channels grant; the one before serves.
    PendingApproval,
    /// Everything that it asks for is granted.
    Approved,
    /// Its channels are asked whether they work with it.
    Probing,
    /// It serves.
    Active,
    /// It takes no new calls; those that run may end.
    Draining,
    /// It has served.
    Retired,
    /// It failed on the way and has never served.
    Refused,
    /// It failed while it served, and the one before serves again.
    RolledBack,
}

impl Stage {
    /// The word for it in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Verified => "verified",
            Self::Compiled => "compiled",
            Self::Checked => "checked",
            Self::PendingApproval => "pending-approval",
            Self::Approved => "approved",
            Self::Probing => "probing",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Retired => "retired",
            Self::Refused => "refused",
            Self::RolledBack => "rolled-back",
        }
    }

    /// Whether it serves or has served: then it was approved, whether that was written down at the time or not, and has passed its probe.
    #[must_use]
    pub fn has_served(self) -> bool {
        matches!(self, Self::Active | Self::Draining | Self::Retired | Self::RolledBack)
    }

    /// Whether nothing more happens with it by itself.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Retired | Self::Refused | Self::RolledBack)
    }
}

/// What a component's signature is worth on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Signature {
    /// Signed by a key that the operator trusts.
    Trusted {
        /// The operator's name for the key.
        key: String,
        /// The number that its owner gave this version; later versions have higher ones. None in a signature of the first form.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u64>,
    },
    /// Signed well, by a key that nobody here trusts.
    Unknown {
        /// The public key, 64 hexadecimal digits.
        key: String,
    },
    /// Not signed.
    Unsigned,
    /// The component is not what was signed.
    Invalid,
}

/// Something that a generation asks for and a channel does not grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Missing {
    /// Which channel.
    pub channel: ChannelId,
    /// `not_granted`, `missing_secret`.
    pub code: String,
    /// The origin that it wants to reach, where it is that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// A sentence with the remedy.
    pub message: String,
}

/// What the operator allowed or took back while the host ran, on top of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantChanges {
    /// Origins that may be reached besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Origins that may be at private addresses besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_addresses: Vec<String>,
    /// Origins that may no longer be reached, whatever the configuration says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<String>,
    /// Whether requests that nobody signed count, in place of what the configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_webhook: Option<bool>,
}

impl GrantChanges {
    /// Allows origins besides.
    pub fn allow(&mut self, http: &[String], private: &[String]) {
        for origin in http.iter().chain(private) {
            self.revoked.retain(|revoked| revoked != origin);
            add(&mut self.http, origin);
        }
        for origin in private {
            add(&mut self.private_addresses, origin);
        }
    }

    /// What was taken back only: what was allowed was allowed to the connector that served the channel then, and to no other.
    #[must_use]
    pub fn without_what_was_allowed(self) -> Self {
        let public_webhook = self.public_webhook.filter(|allowed| !allowed);
        Self { revoked: self.revoked, public_webhook, ..Self::default() }
    }

    /// Takes origins back, whatever the configuration says of them.
    pub fn revoke(&mut self, origins: &[String]) {
        for origin in origins {
            self.http.retain(|allowed| allowed != origin);
            self.private_addresses.retain(|allowed| allowed != origin);
            add(&mut self.revoked, origin);
        }
    }
}

fn add(origins: &mut Vec<String>, origin: &str) {
    if !origins.iter().any(|known| known == origin) {
        origins.push(origin.to_owned());
    }
}

/// One version of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// From 1, in the order in which they came.
    pub number: u32,
    /// The code.
    pub source: Source,
    /// What its signature is worth.
    pub signature: Signature,
    /// Who or what brought it: `configuration`, `upload`, `folder`, the name of a registry's artifact.
    pub origin: String,
    /// How far it has come.
    pub stage: Stage,
    /// When it came.
    pub staged_at: Millis,
    /// When it came this far.
    pub changed_at: Millis,
    /// Why it went no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What it asks for, once that was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Ask>,
    /// How what it asks for differs from what was approved for the one that serves, while it waits for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// A connector by the name that the operator gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The name.
    pub name: String,
    /// The number of the last one that came.
    pub last: u32,
    /// The one that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u32>,
    /// The one that served before it, and would serve again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<u32>,
    /// The digest of the component that last came from each origin: whether a file is a new one is told by this, for ever.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub brought: BTreeMap<String, String>,
    /// The newest last. Of those that are over only the latest are kept here; the journal has all.
    pub generations: Vec<Generation>,
}

/// How many generations that are over are kept in the view.
const KEPT: usize = 20;

impl Versions {
    /// A connector that nothing was brought for yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            last: 0,
            active: None,
            standby: None,
            brought: BTreeMap::new(),
            generations: Vec::new(),
        }
    }

    /// Whether a component from `origin` is another one than the last that came from there, and than the one that serves.
    #[must_use]
    pub fn is_news(&self, origin: &str, digest: &str) -> bool {
        let serves = self.active().is_some_and(|active| active.source.digest == digest);
        !serves && self.brought.get(origin).is_none_or(|last| last != digest)
    }

    /// The digests of its components that are needed: of all generations but those that were refused.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        let in_place = |number| Some(number) == self.active || Some(number) == self.standby;
        let needed = self.generations.iter().filter(move |g| g.stage != Stage::Refused || in_place(g.number));
        needed.map(|generation| generation.source.digest.as_str())
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.number == number)
    }

    /// The one that serves.
    #[must_use]
    pub fn active(&self) -> Option<&Generation> {
        self.active.and_then(|number| self.get(number))
    }

    /// The one that serves; or the last that did, if none does.
    #[must_use]
    pub fn serves_or_served(&self) -> Option<&Generation> {
        self.active().or_else(|| self.generations.iter().rev().find(|row| row.stage.has_served()))
    }

    /// Why a component with this signature may not take the place of those that served before without an operator's word: it lost a
    /// signature that was trusted, or has a lower number than one that served.
    #[must_use]
    pub fn downgrade(&self, signature: &Signature) -> Option<String> {
        let served = |g: &&Generation| matches!(g.stage, Stage::Active | Stage::Draining | Stage::Retired);
        let active = self.active().map(|active| &active.signature);
        match (active, signature) {
            (Some(Signature::Trusted { key, .. }), Signature::Unsigned | Signature::Unknown { .. }) => {
                Some(format!("to serve without a trusted signature, where what serves is signed by `{key}`"))
            }
            (_, Signature::Trusted { number, .. }) => {
                let numbers = self.generations.iter().filter(served).filter_map(|g| match &g.signature {
                    Signature::Trusted { number, .. } => *number,
                    _ => None,
                });
                let highest = numbers.max().filter(|highest| number.is_none_or(|number| number < *highest))?;
                let number =
                    number.map_or_else(|| String::from("without a number"), |n| format!("with the number {n}"));
                Some(format!("to serve signed {number}, where {highest} has served"))
            }
            _ => None,
        }
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Generation> {
        self.generations.iter_mut().find(|generation| generation.number == number)
    }

    pub(crate) fn stage(&mut self, source: &Source, signature: &Signature, origin: &str, at: Millis) -> u32 {
        self.last += 1;
        self.brought.insert(origin.to_owned(), source.digest.clone());
        self.generations.push(Generation {
            number: self.last,
            source: source.clone(),
            signature: signature.clone(),
            origin: origin.to_owned(),
            stage: Stage::Staged,
            staged_at: at,
            changed_at: at,
            problem: None,
            missing: Vec::new(),
            approved: None,
            differences: Vec::new(),
        });
        self.forget();
        self.last
    }

    /// Moves one on. False if there is none with this number.
    pub(crate) fn advance(
        &mut self,
        number: u32,
        to: Stage,
        problem: Option<&Problem>,
        missing: &[Missing],
        at: Millis,
    ) -> bool {
        let serves = self.active == Some(number);
        let Some(generation) = self.get_mut(number) else {
            return false;
        };
        // What serves already does not come to serve: somebody else was faster, such as a rollback.
        if serves && matches!(to, Stage::PendingApproval | Stage::Approved | Stage::Probing | Stage::Refused) {
            return true;
        }
        generation.stage = to;
        generation.changed_at = at;
        generation.problem = problem.cloned();
        generation.missing = missing.to_vec();
        match to {
            Stage::Active => self.give_way(number, at),
            Stage::RolledBack | Stage::Retired | Stage::Refused if self.active == Some(number) => self.active = None,
            _ => {}
        }
        true
    }

    /// Notes what was approved of one, or how it differs from that.
    pub(crate) fn asked(&mut self, number: u32, approved: Option<&Ask>, differences: &[Difference]) {
        if let Some(generation) = self.get_mut(number) {
            generation.differences = differences.to_vec();
            if approved.is_some() {
                generation.approved = approved.cloned();
            }
        }
    }

    /// The one that served until now drains, and stands by.
    fn give_way(&mut self, to: u32, at: Millis) {
        let before = self.active.replace(to).filter(|before| *before != to);
        if let Some(generation) = before.and_then(|number| self.get_mut(number)) {
            generation.stage = Stage::Draining;
            generation.changed_at = at;
        }
        self.standby = before;
    }

    fn forget(&mut self) {
        let (active, standby) = (self.active, self.standby);
        let may_go = |g: &Generation| g.stage.is_over() && Some(g.number) != active && Some(g.number) != standby;
        let over = self.generations.iter().filter(|g| may_go(g)).count();
        let mut surplus = over.saturating_sub(KEPT);
        self.generations.retain(|g| {
            let goes = surplus > 0 && may_go(g);
            surplus -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(version: &str) -> Source {
        Source { connector: "c".to_owned(), version: version.to_owned(), digest: version.to_owned() }
    }

    fn staged(versions: &mut Versions, version: &str) -> u32 {
        versions.stage(&source(version), &Signature::Unsigned, "upload", Millis(1))
    }

    #[test]
    fn the_one_that_served_stands_by_when_another_takes_its_place() {
        let mut versions = Versions::new("shop");
        let (a, b) = (staged(&mut versions, "1"), staged(&mut versions, "2"));
        assert!(versions.advance(a, Stage::Active, None, &[], Millis(2)));
        assert!(versions.advance(b, Stage::Active, None, &[], Millis(3)));
        assert_eq!((versions.active, versions.standby), (Some(b), Some(a)));
        assert_eq!(versions.get(a).unwrap().stage, Stage::Draining);
    }

    #[test]
    fn after_a_rollback_the_one_that_failed_does_not_stand_by() {
        let mut versions = Versions::new("shop");
        let (a, b) = (staged(&mut versions, "1"), staged(&mut versions, "2"));
        versions.advance(a, Stage::Active, None, &[], Millis(2));
        versions.advance(b, Stage::Active, None, &[], Millis(3));
        versions.advance(b, Stage::RolledBack, None, &[], Millis(4));
        versions.advance(a, Stage::Active, None, &[], Millis(4));
        assert_eq!((versions.active, versions.standby), (Some(a), None));
    }

    /// An activation of one generation and rollbacks, in every order in which their facts can come.
    #[test]
    fn after_activations_and_rollbacks_in_any_order_exactly_the_one_that_came_last_serves() {
        #[derive(Clone, Copy, Debug)]
        enum Step {
            Activate(u32),
            RollBack,
        }
        let steps = [Step::Activate(1), Step::Activate(2), Step::Activate(3), Step::RollBack];
        let orders = (0..steps.len().pow(5)).map(|n| (0..5).map(move |place| steps[n / 4_usize.pow(place) % 4]));
        for order in orders {
            let mut versions = Versions::new("shop");
            (1..=3).for_each(|n| assert_eq!(staged(&mut versions, &n.to_string()), n));
            let mut last = None;
            for step in order.clone() {
                match (step, versions.active, versions.standby) {
                    (Step::Activate(number), ..) if versions.active != Some(number) => {
                        versions.advance(number, Stage::Probing, None, &[], Millis(2));
                        versions.advance(number, Stage::Active, None, &[], Millis(2));
                        last = Some(number);
                    }
                    (Step::RollBack, Some(failed), Some(before)) => {
                        versions.advance(failed, Stage::RolledBack, None, &[], Millis(3));
                        versions.advance(before, Stage::Active, None, &[], Millis(3));
                        last = Some(before);
                    }
                    _ => {}
                }
                let order: Vec<Step> = order.clone().collect();
                let active = versions.generations.iter().filter(|row| row.stage == Stage::Active);
                let active: Vec<u32> = active.map(|row| row.number).collect();
                assert_eq!((active, versions.active), (last.into_iter().collect(), last), "{order:?}");
                let standby = versions.standby.and_then(|number| versions.get(number)).map(|row| row.stage);
                assert!(matches!(standby, None | Some(Stage::Draining)), "{standby:?} stands by: {order:?}");
            }
        }
    }

    #[test]
    fn a_lost_signature_and_a_lower_number_are_downgrades() {
        let trusted = |number| Signature::Trusted { key: "us".to_owned(), number };
        let mut versions = Versions::new("shop");
        assert_eq!(versions.downgrade(&Signature::Unsigned), None, "nothing served before");
        let first = versions.stage(&source("1"), &trusted(Some(7)), "upload", Millis(1));
        assert_eq!(versions.downgrade(&trusted(Some(1))), None, "what never served does not count");
        versions.advance(first, Stage::Active, None, &[], Millis(2));
        for worse in [Signature::Unsigned, Signature::Unknown { key: "00".to_owned() }, trusted(Some(6)), trusted(None)]
        {
            assert!(versions.downgrade(&worse).is_some(), "{worse:?}");
        }
        for as_good in [trusted(Some(7)), trusted(Some(8))] {
            assert_eq!(versions.downgrade(&as_good), None);
        }
    }

    #[test]
    fn what_is_over_is_forgotten_in_time_and_what_serves_never_is() {
        let mut versions = Versions::new("shop");
        let first = staged(&mut versions, "1");
        versions.advance(first, Stage::Active, None, &[], Millis(2));
        for _ in 0..100 {
            let n = staged(&mut versions, "x");
            versions.advance(n, Stage::Refused, None, &[], Millis(3));
        }
        assert!(versions.generations.len() <= KEPT + 2, "{}", versions.generations.len());
        assert!(versions.active().is_some());
        assert_eq!(versions.last, 101);
    }

    #[test]
    fn a_file_is_no_news_however_many_uploads_have_come_since_it_was_brought() {
        let mut versions = Versions::new("shop");
        versions.stage(&source("file"), &Signature::Unsigned, "configuration", Millis(1));
        for n in 0..100 {
            let number = staged(&mut versions, &n.to_string());
            versions.advance(number, Stage::Active, None, &[], Millis(2));
            versions.advance(number, Stage::Retired, None, &[], Millis(3));
        }
        assert!(!versions.is_news("configuration", "file"));
        assert!(versions.is_news("configuration", "another file"));
    }
}
