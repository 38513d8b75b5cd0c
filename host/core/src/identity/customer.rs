//! The agent's view of a customer in one call, and finding customers.

use std::collections::BTreeSet;

use serde::Serialize;

use super::graph;
use super::links;
use super::rows::{IDENTITIES, Identity, ProfileField, SUGGESTION_COUNTS, Suggestion};
use crate::conversation::rows::Item;
use crate::conversation::timeline::{self, Entry};
use crate::event::Trust;
use crate::ids::{ChannelId, CustomerId, IdentityId, SuggestionId};
use crate::read::Time;
use crate::tables::{Read, Result};

/// How many messages and touchpoints of the customer the view holds.
const LAST: usize = 20;
/// How many messages of claimants the view holds besides. They never take the place of the customer's own.
const LAST_PROVISIONAL: usize = 10;

/// Who this is, and everything an agent needs to answer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CustomerView {
    /// The customer's id now. The id that was asked for may be an older one.
    pub id: CustomerId,
    /// What to call the person.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub name: Option<String>,
    /// Everything that is said about the person, with where it came from. Contradictions stand side by side.
    pub profile: Vec<ProfileView>,
    /// The person's addresses, oldest first.
    pub identities: Vec<IdentityView>,
    /// Addresses that may be the person's, and claims of the person that are not proven.
    pub possible_identities: Vec<PossibleIdentity>,
    /// How many claims of the person's addresses were too many to be kept. Anybody can claim anything.
    #[serde(skip_serializing_if = "is_zero")]
    pub claims_not_shown: u64,
    /// The last messages, newest first, over all channels. Those that are shown by a possible link only say so, and come besides the
    /// customer's own.
    pub last_messages: Vec<Entry>,
    /// The last things that are not messages, newest first.
    pub last_touchpoints: Vec<Entry>,
    /// The channel the person wrote on last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub preferred_channel: Option<ChannelId>,
    /// When anything last happened.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_activity: Option<Time>,
    /// Since when the person waits for an answer.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub waiting_since: Option<Time>,
    /// What to look out for: `waiting`, `possible_identity`, `shared_address`, `address_left`.
    pub flags: Vec<&'static str>,
}

/// A statement about a person.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileView {
    /// `name`, `username`, `avatar`, `language`, or the channel's word.
    pub field: String,
    /// The value.
    pub value: String,
    /// How far to believe it.
    pub trust: Trust,
    /// Why.
    pub evidence: String,
    /// Who said it: the identity …
    pub identity: IdentityId,
    /// … and its channel.
    pub channel: ChannelId,
    /// Since when.
    pub at: Time,
}

/// One address of a person.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityView {
    /// Its id.
    pub id: IdentityId,
    /// `phone`, `whatsapp`, …
    pub kind: String,
    /// Who issued it, unless it means the same everywhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Who may speak about it: empty for everybody, `SCOPE/…` for the channels of a scope, `?CHANNEL/…` where nobody vouches for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Canonical.
    pub value: String,
    /// As first written, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// How far it is believed to be somebody's address.
    pub trust: Trust,
    /// The channel it was last used on; none for an address that is only known.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub channel: Option<ChannelId>,
    /// When it was left for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Time>,
    /// Whether several people use it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

/// A link that is possible and not made.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PossibleIdentity {
    /// The suggestion to accept or reject.
    pub suggestion: SuggestionId,
    /// The kind of the address.
    pub kind: String,
    /// The address: the other person's for the proven owner, one's own claim for the claimant.
    pub value: String,
    /// The other identity; only shown to the proven owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// Whose it is; only shown to the proven owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// How far the statement is believed.
    pub trust: Trust,
    /// Why, in words.
    pub reason: String,
    /// Whether the other's messages are shown here meanwhile.
    pub shown: bool,
}

/// The agent's view; none if there is no such customer. Old ids of merged customers give the customer they are part of.
///
/// # Errors
/// When the views cannot be read.
pub fn customer(tables: &impl Read, id: CustomerId) -> Result<Option<CustomerView>> {
    let Some(id) = graph::resolve(tables, id)? else {
        return Ok(None);
    };
    let members = graph::members(tables, id)?;
    let (own, claimants) = timeline::shown(tables, &members)?;
    let (mut last_messages, mut last_touchpoints) = (Vec::new(), Vec::new());
    // Touchpoints can be far between messages; looking a bounded way back keeps the view quick.
    for (of, most) in [(&own, LAST), (&claimants, LAST_PROVISIONAL)] {
        let (mut messages, mut touchpoints) = (0, 0);
        for (place, provisional) in timeline::newest(tables, of, None, most * 5)?.0 {
            let (list, count) = match place.item {
                Item::Message(_) => (&mut last_messages, &mut messages),
                Item::Touchpoint(_) => (&mut last_touchpoints, &mut touchpoints),
            };
            if *count < most {
                *count += 1;
                list.extend(timeline::entry(tables, place, provisional.cloned())?);
            }
        }
    }
    timeline::sort(&mut last_messages);
    timeline::sort(&mut last_touchpoints);
    let possible_identities = possible_identities(tables, &members)?;
    let profile = profile(&members);
    Ok(Some(CustomerView {
        id,
        name: best_name(&profile),
        flags: flags(&members, !possible_identities.is_empty()),
        profile,
        identities: members.iter().map(identity_view).collect(),
        possible_identities,
        claims_not_shown: claims_not_shown(tables, &members)?,
        last_messages,
        last_touchpoints,
        preferred_channel: last_channel(&members),
        last_activity: members.iter().filter_map(|i| i.last_activity).max().map(Time),
        waiting_since: waiting_since(&members),
    }))
}

fn claims_not_shown(tables: &impl Read, members: &[Identity]) -> Result<u64> {
    let mut more = 0;
    for member in members {
        more += SUGGESTION_COUNTS.get(tables, (member.id,))?.map_or(0, |counts| counts.more);
    }
    Ok(more)
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn profile(members: &[Identity]) -> Vec<ProfileView> {
    let of = |i: &Identity, f: &ProfileField| ProfileView {
        field: f.field.clone(),
        value: f.value.clone(),
        trust: f.trust,
        evidence: f.evidence.clone(),
        identity: i.id,
        channel: f.channel.clone(),
        at: Time(f.at),
    };
    let mut all: Vec<ProfileView> = members.iter().flat_map(|i| i.profile.iter().map(move |f| of(i, f))).collect();
    all.sort_by(|a, b| (&a.field, b.trust, b.at, a.identity).cmp(&(&b.field, a.trust, a.at, b.identity)));
    all
}

/// The best believed name, the latest of equals; a handle if there is no name.
fn best_name(profile: &[ProfileView]) -> Option<String> {
    let first = |field: &str| profile.iter().find(|f| f.field == field).map(|f| f.value.clone());
    first("name").or_else(|| first("username"))
}

pub(crate) fn name_of(members: &[Identity]) -> Option<String> {
    best_name(&profile(members))
}

fn flags(members: &[Identity], possible: bool) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if waiting_since(members).is_some() {
        flags.push("waiting");
    }
    if possible {
        flags.push("possible_identity");
    }
    if members.iter().any(|i| i.shared) {
        flags.push("shared_address");
    }
    if members.iter().any(|i| i.retired_at.is_some()) {
        flags.push("address_left");
    }
    flags
}

/// Since when the person waits: the first message that nothing on any channel has answered.
pub(crate) fn waiting_since(members: &[Identity]) -> Option<Time> {
    let answered = members.iter().filter_map(|i| i.last_outbound).max();
    let waiting = members.iter().filter_map(|i| i.waiting_since).filter(|at| answered.is_none_or(|a| *at > a));
    waiting.min().map(Time)
}

fn last_channel(members: &[Identity]) -> Option<ChannelId> {
    let all = members.iter().flat_map(|i| &i.channels).filter(|(_, p)| p.last_inbound.is_some());
    all.max_by_key(|(_, presence)| presence.last_inbound).map(|(channel, _)| channel.clone())
}

pub(super) fn identity_view(i: &Identity) -> IdentityView {
    IdentityView {
        id: i.id,
        kind: i.kind.clone(),
        namespace: i.namespace.clone(),
        scope: i.scope.clone(),
        value: i.value.clone(),
        raw: i.raw.clone(),
        trust: i.trust,
        channel: i.channels.iter().max_by_key(|(_, p)| p.last_inbound).map(|(channel, _)| channel.clone()),
        retired_at: i.retired_at.map(Time),
        shared: i.shared,
    }
}

fn possible_identities(tables: &impl Read, members: &[Identity]) -> Result<Vec<PossibleIdentity>> {
    let own: BTreeSet<IdentityId> = members.iter().map(|i| i.id).collect();
    let shows = links::claims_policy(tables)?.shows_one_way();
    let mut found = Vec::new();
    for (link, suggestion) in links::possible(tables, members)? {
        found.push(if own.contains(&link.to) {
            for_the_owner(tables, &suggestion, link.trust, shows)?
        } else {
            for_the_claimant(tables, &suggestion, link.trust)?
        });
    }
    found.sort_by_key(|p| p.suggestion);
    found.dedup_by_key(|p| p.suggestion);
    Ok(found)
}

/// The proven owner may be told who claims the address.
fn for_the_owner(tables: &impl Read, s: &Suggestion, trust: Trust, shows: bool) -> Result<PossibleIdentity> {
    let claimant = IDENTITIES.need(tables, (s.claimant,))?;
    Ok(PossibleIdentity {
        suggestion: s.id,
        kind: claimant.kind,
        value: claimant.value,
        identity: Some(claimant.id),
        customer: Some(claimant.customer),
        trust,
        reason: links::reason(tables, s)?,
        shown: s.one_way && shows,
    })
}

/// The claimant is told what they said themselves and nothing else: anybody can type anybody's number.
fn for_the_claimant(tables: &impl Read, s: &Suggestion, trust: Trust) -> Result<PossibleIdentity> {
    let target = IDENTITIES.need(tables, (s.target,))?;
    Ok(PossibleIdentity {
        suggestion: s.id,
        kind: target.kind,
        value: target.value,
        identity: None,
        customer: None,
        trust,
        reason: String::from("this person named the address; whether it is theirs is not proven"),
        shown: false,
    })
}
