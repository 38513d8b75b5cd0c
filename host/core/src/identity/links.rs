//! Why identities are one customer, what a merge would do, and what waits for a decision.

use std::collections::BTreeSet;

use serde::Serialize;

use super::graph;
use super::rows::{IDENTITIES, Identity, Link, POLICY, Rule, SUGGESTIONS, Suggestion, SuggestionState};
use crate::event::Trust;
use crate::fact::ClaimPolicy;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, SuggestionId};
use crate::read::{BadCursor, ListError, Page, Time};
use crate::tables::{Read, Result};

impl ClaimPolicy {
    /// Whether the proven owner of an address sees the threads of who claims it.
    #[must_use]
    pub fn shows_one_way(self) -> bool {
        matches!(self, Self::OneWay | Self::Auto)
    }
}

/// What claims do now.
///
/// # Errors
/// When the views cannot be read.
pub fn claims_policy(tables: &impl Read) -> Result<ClaimPolicy> {
    Ok(POLICY.get(tables, ())?.unwrap_or_default().claims)
}

/// One step of an explanation.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WhyStep))]
pub struct Step {
    /// One end.
    pub from: IdentityId,
    /// The other.
    pub to: IdentityId,
    /// `proof`, `agent` or `claim`.
    pub rule: Rule,
    /// How far the statement is believed.
    pub trust: Trust,
    /// The statement, in words.
    pub evidence: String,
    /// The channel that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The message it was said in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Time,
    /// The number of the fact.
    pub seq: u64,
}

impl From<Link> for Step {
    fn from(link: Link) -> Self {
        Self {
            from: link.from,
            to: link.to,
            rule: link.rule,
            trust: link.trust,
            evidence: link.evidence.text,
            channel: link.evidence.channel,
            message: link.evidence.message,
            by: link.evidence.actor,
            at: Time(link.evidence.at),
            seq: link.evidence.seq.0,
        }
    }
}

/// Why an identity belongs to a customer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Why {
    /// The customer.
    pub customer: CustomerId,
    /// The identity.
    pub identity: IdentityId,
    /// Whether it belongs to the customer, or may.
    pub linked: bool,
    /// From the customer's oldest identity to this one. Empty for the oldest itself.
    pub path: Vec<Step>,
    /// Set when the link is only possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisional: Option<Provisional>,
}

/// Explains why an identity is shown with a customer; none if it is not, or there is no such customer.
///
/// # Errors
/// When the views cannot be read.
pub fn why(tables: &impl Read, customer: CustomerId, identity: IdentityId) -> Result<Option<Why>> {
    let Some(customer) = graph::resolve(tables, customer)? else {
        return Ok(None);
    };
    let members = graph::members(tables, customer)?;
    if members.iter().any(|m| m.id == identity) {
        let path = graph::path(tables, customer.into(), identity)?.unwrap_or_default();
        let path = path.into_iter().map(Step::from).collect();
        return Ok(Some(Why { customer, identity, linked: true, path, provisional: None }));
    }
    for (link, suggestion) in possible(tables, &members)? {
        // Only the proven owner's side may be told who is on the other one.
        if link.from == identity && suggestion.claimant == identity {
            let mut path = graph::path(tables, customer.into(), link.to)?.unwrap_or_default();
            let reason = reason(tables, &suggestion)?;
            path.push(link);
            let path = path.into_iter().map(Step::from).collect();
            let provisional = Some(Provisional { suggestion: suggestion.id, reason });
            return Ok(Some(Why { customer, identity, linked: false, path, provisional }));
        }
    }
    Ok(None)
}

/// What a merge would do.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MergePreview {
    /// Whether it would be done.
    pub allowed: bool,
    /// Why not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub objection: Option<String>,
    /// Who they would be. The other id would keep resolving.
    pub customer: CustomerId,
    /// The identities that would be one customer.
    pub identities: Vec<PreviewIdentity>,
    /// Messages that would stand in one timeline.
    pub messages: u64,
    /// Profile fields of which the two sides say different things. Both would stay.
    pub conflicts: Vec<Conflict>,
}

/// An identity in a preview.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewIdentity {
    /// Its id.
    pub id: IdentityId,
    /// Its kind.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Whose it is now.
    pub from: CustomerId,
}

/// A field of which two sides say different things.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ProfileConflict))]
pub struct Conflict {
    /// The field.
    pub field: String,
    /// What is said, each once.
    pub values: Vec<String>,
}

/// Shows what merging two customers would do, without doing it; none if one of them is unknown.
///
/// # Errors
/// When the views cannot be read.
pub fn merge_preview(tables: &impl Read, a: CustomerId, b: CustomerId) -> Result<Option<MergePreview>> {
    let (Some(a), Some(b)) = (graph::resolve(tables, a)?, graph::resolve(tables, b)?) else {
        return Ok(None);
    };
    let left = graph::members(tables, a)?;
    let right = if a == b { Vec::new() } else { graph::members(tables, b)? };
    let objection = if a == b { None } else { graph::objection(&left, &right) };
    let all: Vec<&Identity> = left.iter().chain(&right).collect();
    let identities = all.iter().map(|i| PreviewIdentity {
        id: i.id,
        kind: i.kind.clone(),
        value: i.value.clone(),
        from: i.customer,
    });
    Ok(Some(MergePreview {
        allowed: objection.is_none(),
        objection,
        customer: a.min(b),
        identities: identities.collect(),
        messages: all.iter().map(|i| i.messages).sum(),
        conflicts: conflicts(&left, &right),
    }))
}

fn conflicts(left: &[Identity], right: &[Identity]) -> Vec<Conflict> {
    let mut fields: Vec<&str> = left.iter().flat_map(|i| &i.profile).map(|f| f.field.as_str()).collect();
    fields.sort_unstable();
    fields.dedup();
    let values = |side: &[Identity], field: &str| -> Vec<String> {
        side.iter().flat_map(|i| &i.profile).filter(|f| f.field == field).map(|f| f.value.clone()).collect()
    };
    let conflict = |field: &str| {
        let (mut all, right) = (values(left, field), values(right, field));
        let differs = right.iter().any(|v| !all.contains(v));
        all.extend(right);
        all.sort();
        all.dedup();
        differs.then(|| Conflict { field: field.to_owned(), values: all })
    };
    fields.into_iter().filter_map(conflict).collect()
}

/// A suggestion, for the agent who decides on it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuggestionView {
    /// Its id.
    pub id: SuggestionId,
    /// `open`, `accepted` or `rejected`.
    pub state: SuggestionState,
    /// Who said something.
    pub claimant: SuggestionSide,
    /// The address it is about.
    pub target: SuggestionSide,
    /// What was said, and where.
    pub evidence: String,
    /// The message it was said in.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub message: Option<MessageId>,
    /// Why it is a suggestion and no link.
    pub reason: String,
    /// When it was said.
    pub at: Time,
}

/// One side of a suggestion.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuggestionSide {
    /// The identity.
    pub identity: IdentityId,
    /// Its kind.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Whose it is now.
    pub customer: CustomerId,
}

/// One suggestion.
///
/// # Errors
/// When the views cannot be read.
pub fn suggestion(tables: &impl Read, id: SuggestionId) -> Result<Option<SuggestionView>> {
    match SUGGESTIONS.get(tables, (id,))? {
        Some(row) => suggestion_view(tables, row),
        None => Ok(None),
    }
}

/// None where one of the two was erased.
fn suggestion_view(tables: &impl Read, row: Suggestion) -> Result<Option<SuggestionView>> {
    let side = |id: IdentityId| -> Result<Option<SuggestionSide>> {
        let i = IDENTITIES.need(tables, (id,))?;
        let side = SuggestionSide { identity: i.id, kind: i.kind, value: i.value, customer: i.customer };
        Ok(i.erased.is_none().then_some(side))
    };
    let (Some(claimant), Some(target)) = (side(row.claimant)?, side(row.target)?) else {
        return Ok(None);
    };
    Ok(Some(SuggestionView {
        id: row.id,
        state: row.state,
        claimant,
        target,
        evidence: row.evidence.text,
        message: row.evidence.message,
        reason: row.reason,
        at: Time(row.evidence.at),
    }))
}

/// Suggestions, newest first.
///
/// # Errors
/// When the views cannot be read, or the cursor is not one.
pub fn suggestions(
    tables: &impl Read,
    state: Option<SuggestionState>,
    before: Option<&str>,
    limit: usize,
) -> std::result::Result<Page<SuggestionView>, ListError> {
    let before = before.map(|c| c.parse::<SuggestionId>().map_err(|_| BadCursor(c.to_owned()))).transpose()?;
    let mut items = Vec::new();
    let mut next = None;
    let range = SUGGESTIONS.before((), before.map(|before| (before,)));
    for row in SUGGESTIONS.scan(tables, range, true) {
        let (_, row) = row?;
        if state.is_some_and(|wanted| wanted != row.state) {
            continue;
        }
        if items.len() == limit {
            next = items.last().map(|s: &SuggestionView| s.id.to_string());
            break;
        }
        items.extend(suggestion_view(tables, row)?);
    }
    Ok(Page { items, next })
}

/// Why something of another customer is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provisional {
    /// The suggestion to accept or reject.
    pub suggestion: SuggestionId,
    /// In words.
    pub reason: String,
}

/// The open suggestions between these identities and others. About each identity there are a bounded number.
pub(crate) fn possible(tables: &impl Read, members: &[Identity]) -> Result<Vec<(Link, Suggestion)>> {
    let own: BTreeSet<IdentityId> = members.iter().map(|i| i.id).collect();
    let mut found = Vec::new();
    for member in members {
        for link in graph::links(tables, member.id)?.into_iter().filter(|l| l.rule == Rule::Claim) {
            let Some(id) = link.suggestion else { continue };
            if own.contains(&link.from) && own.contains(&link.to) {
                continue;
            }
            let suggestion = SUGGESTIONS.get(tables, (id,))?;
            found.extend(suggestion.filter(|s| s.state == SuggestionState::Open).map(|s| (link, s)));
        }
    }
    Ok(found)
}

/// The sentence that explains a possible link to the owner of the address.
pub(crate) fn reason(tables: &impl Read, suggestion: &Suggestion) -> Result<String> {
    let claimant = IDENTITIES.need(tables, (suggestion.claimant,))?;
    let target = IDENTITIES.need(tables, (suggestion.target,))?;
    let at = suggestion.evidence.at.rfc3339();
    Ok(format!(
        "{} {} named the {} {} ({}, {at}): {}",
        claimant.kind, claimant.value, target.kind, target.value, suggestion.evidence.text, suggestion.reason
    ))
}
