//! Rows about who is who.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Thread, Trust};
use crate::fact::ClaimPolicy;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, Millis, Seq, SuggestionId};
use crate::limits;
use crate::tables::{Json, Present, Table, Text};

/// Identities.
pub const IDENTITIES: Table<(IdentityId,), Identity> = Table::new(1, "identities");
/// The identity that has an address now, by kind, scope and value.
pub const BY_ADDRESS: Table<(Text, Text, Text), IdentityId> = Table::new(2, "identities by address");
/// Links, under both of their ends: from here, to there, by which rule.
pub const LINKS: Table<(IdentityId, IdentityId, u8), Link> = Table::new(3, "links");
/// Claims of an address, by kind, scope and value, and by claimant.
pub const CLAIMS: Table<(Text, Text, Text, IdentityId), Evidence> = Table::new(4, "claims");
/// How many claims of an address there are.
pub const CLAIM_COUNTS: Table<(Text, Text, Text), Counts> = Table::new(31, "counts of claims");
/// Suggestions.
pub const SUGGESTIONS: Table<(SuggestionId,), Suggestion> = Table::new(11, "suggestions");
/// How many suggestions about an identity are open.
pub const SUGGESTION_COUNTS: Table<(IdentityId,), Counts> = Table::new(32, "counts of suggestions");
/// How many suggestions an identity has made as the claimant, whatever became of them.
pub const SUGGESTIONS_MADE: Table<(IdentityId,), Counts> = Table::new(47, "counts of suggestions by claimant");
/// Pairs that are not one person, the older one first.
pub const BARRED: Table<(IdentityId, IdentityId), Present> = Table::new(22, "barred links");
/// Identities by the words of their names and addresses.
pub const BY_WORD: Table<(Text, IdentityId), Present> = Table::new(23, "identities by word");
/// Customers.
pub const CUSTOMERS: Table<(CustomerId,), Customer> = Table::new(24, "customers");
/// Identities by their last activity.
pub const BY_ACTIVITY: Table<(Millis, IdentityId), Present> = Table::new(9, "identities by activity");
/// The policies of the workspace.
pub const POLICY: Table<(), Policy> = Table::new(20, "policy");

/// One address of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// `phone`, `whatsapp`, …
    pub kind: String,
    /// Who issued it, in the channel's words; empty if it means the same everywhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Within what the value is unique, and who may speak about it; see [`address`](super::address).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Canonical.
    pub value: String,
    /// As first written, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// How far the address itself is believed to be somebody's.
    pub trust: Trust,
    /// Whose it is now; derived from the links.
    pub customer: CustomerId,
    /// When it was first seen.
    pub created_at: Millis,
    /// When a provider last vouched for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested_at: Option<Millis>,
    /// When it was left for another address; a later use of the same address is another identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Millis>,
    /// Several people use it, so it links nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Where messages with this address came in or went out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<ChannelId, ChannelAddress>,
    /// What is said about the person, by this address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<ProfileField>,
    /// When the channel was last asked about the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints_at: Option<Millis>,
    /// The last message or touchpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Millis>,
    /// The last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<MessageId>,
    /// Where the last message stands among others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<Millis>,
    /// The last message to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outbound: Option<Millis>,
    /// The first message of the person since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Millis>,
    /// How many messages.
    #[serde(default)]
    pub messages: u64,
    /// How many statements about the person were over the bounds and are not kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// The fact that had the person erased. The row keeps the id, so that nothing else gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Seq>,
}

impl Identity {
    /// Whether somebody gave the address and nobody vouches for it, so that anybody may be behind it.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.scope.starts_with('?')
    }
}

fn is_before_all(seq: &Seq) -> bool {
    *seq == Seq::default()
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// An identity on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelAddress {
    /// The thread of the last message of the person.
    pub thread: Thread,
    /// When that came, by the clock of the channel as far as it is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_inbound: Option<Millis>,
    /// The last thread of each kind. Empty in rows of edition 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadAddress>,
    /// Whether there was more than one thread in which nobody listens but the person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub several_direct: bool,
    /// The fact that made this. Threads are the words of who served the channel then; see [`Channel::knows`]. Before all facts in rows of
    /// edition 3, and where a fact of an old journal made it.
    ///
    /// [`Channel::knows`]: crate::channel::rows::Channel::knows
    #[serde(default, skip_serializing_if = "is_before_all")]
    pub since: Seq,
}

/// The last thread of a kind in which the person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadAddress {
    /// The thread.
    pub thread: Thread,
    /// When the person last wrote there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_inbound: Option<Millis>,
}

impl ChannelAddress {
    /// An address on whose channel a thread was seen for the first time, by this fact.
    #[must_use]
    pub fn new(thread: &Thread, written_at: Option<Millis>, since: Seq) -> Self {
        let threads = vec![ThreadAddress { thread: thread.clone(), last_inbound: written_at }];
        Self { thread: thread.clone(), last_inbound: written_at, threads, several_direct: false, since }
    }

    /// The last thread of this kind.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> Option<ThreadAddress> {
        let found = self.threads.iter().find(|t| t.thread.kind == kind).cloned();
        let before = || ThreadAddress { thread: self.thread.clone(), last_inbound: self.last_inbound };
        found.or_else(|| (self.threads.is_empty() && self.thread.kind == kind).then(before))
    }

    /// Takes note of a thread. `written_at` is when the person wrote there, if the person did.
    pub fn note(&mut self, thread: &Thread, written_at: Option<Millis>) {
        // Rows of edition 2 have the last thread only.
        if self.threads.is_empty() {
            self.threads.push(ThreadAddress { thread: self.thread.clone(), last_inbound: self.last_inbound });
        }
        let is_another = |known: &ThreadAddress| known.thread.is_direct() && known.thread != *thread;
        self.several_direct |= thread.is_direct() && self.threads.iter().any(is_another);
        if written_at.is_some() && self.last_inbound <= written_at {
            (self.thread, self.last_inbound) = (thread.clone(), written_at);
        }
        match self.threads.iter_mut().find(|t| t.thread.kind == thread.kind) {
            Some(known) if written_at.is_some() && known.last_inbound <= written_at => {
                *known = ThreadAddress { thread: thread.clone(), last_inbound: written_at };
            }
            Some(_) => {}
            None => {
                let oldest =
                    self.threads.iter().enumerate().min_by_key(|(_, t)| t.last_inbound).map(|(index, _)| index);
                if let Some(oldest) = oldest.filter(|_| self.threads.len() >= limits::THREAD_KINDS) {
                    self.threads.remove(oldest);
                }
                self.threads.push(ThreadAddress { thread: thread.clone(), last_inbound: written_at });
            }
        }
    }
}

/// A field of a profile, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileField {
    /// `name`, `username`, `avatar`, `language`, or the channel's word.
    pub field: String,
    /// The value.
    pub value: String,
    /// How far to believe it.
    pub trust: Trust,
    /// Why.
    pub evidence: String,
    /// The channel that said so.
    pub channel: ChannelId,
    /// Since when.
    pub at: Millis,
}

/// The identities of one person, oldest first. The first gives the customer its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Who.
    pub members: Vec<IdentityId>,
}

/// Why there is a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A provider vouched for both ends, or the person proved it.
    Proof,
    /// A person decided.
    Agent,
    /// One end claims the other. Links nothing.
    Claim,
}

impl Rule {
    /// For keys.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Proof => 1,
            Self::Agent => 2,
            Self::Claim => 3,
        }
    }
}

/// A link between two identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The end that the evidence came from; the claimant of a claim.
    pub from: IdentityId,
    /// The other end.
    pub to: IdentityId,
    /// Why.
    pub rule: Rule,
    /// How far the statement behind it is believed.
    pub trust: Trust,
    /// The statement.
    pub evidence: Evidence,
    /// Since when it no longer links, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// The suggestion that a claim made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<SuggestionId>,
}

impl Link {
    /// Whether it makes its ends one person.
    #[must_use]
    pub fn joins(&self) -> bool {
        self.closed.is_none() && self.rule != Rule::Claim
    }
}

/// What a link rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The fact.
    pub seq: Seq,
    /// When.
    pub at: Millis,
    /// In words.
    pub text: String,
    /// The channel that said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The message it was said in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Whether a provider vouches for who said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
}

/// The end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
}

/// Where a suggestion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuggestionState {
    /// Waits for a person.
    Open,
    /// The link was made.
    Accepted,
    /// The link is barred.
    Rejected,
}

/// A possible link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Its id.
    pub id: SuggestionId,
    /// Who said something.
    pub claimant: IdentityId,
    /// The address it is about.
    pub target: IdentityId,
    /// What was said.
    pub evidence: Evidence,
    /// Why it is a suggestion and no link.
    pub reason: String,
    /// Whether the owner of the address may see the claimant's threads meanwhile.
    pub one_way: bool,
    /// Where it stands.
    pub state: SuggestionState,
}

/// The workspace's policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What claims do.
    pub claims: ClaimPolicy,
}

/// How many there are of something that anybody can make more of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Kept, by senders whom a provider vouches for.
    #[serde(default)]
    pub verified: u32,
    /// Kept, by anybody.
    #[serde(default)]
    pub unverified: u32,
    /// Not kept.
    #[serde(default)]
    pub more: u64,
}

impl Json for Identity {}
impl Json for Link {}
impl Json for Evidence {}
impl Json for Suggestion {}
impl Json for Customer {}
impl Json for Policy {}
impl Json for Counts {}
impl Json for IdentityId {}
