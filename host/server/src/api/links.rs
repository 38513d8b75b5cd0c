//! Why identities are one customer, merging and taking apart, suggestions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::fact::{Fact, Outcome};
use jackfield_core::ids::{CustomerId, IdentityId, SuggestionId};
use jackfield_core::rows::SuggestionState;
use jackfield_core::views::Page;
use jackfield_core::views::links::{self, MergePreview, SuggestionView, Why};
use jackfield_store::View;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::params::{Command, Id, KeyedCommand, Limit, Query, Reason, Text, reason};
use super::reader::Reader;
use super::{command, customers};
use crate::host::Host;
use crate::problem::{Problem, Result};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhyQuery {
    /// The identity: its id, or `KIND:VALUE` or `KIND:NAMESPACE:VALUE`.
    #[param(value_type = String, max_length = 700, pattern = "^(idn_[0-9_]{1,20}$|[A-Za-z0-9_-]{1,32}:)")]
    identity: Text<700>,
}

/// The path of links, with the evidence of each, that makes an identity the customer's; or the claim that makes it possible.
#[utoipa::path(get, path = "/v1/customers/{id}/why", tag = "links",
    params(("id" = CustomerId, Path, description = "The customer"), WhyQuery),
    responses((status = 200, description = "Why", body = Why)))]
pub(super) async fn get_why(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    Id(id): Id<CustomerId>,
    Query(query): Query<WhyQuery>,
) -> Result<Json<Why>> {
    reader.read(move |view| why(&host, view, id, &query.identity.0)).await.map(Json)
}

fn why(host: &Host, view: &View, id: CustomerId, text: &str) -> Result<Why> {
    let is_id = text.strip_prefix("idn_").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'_'));
    let identities = match text.parse::<IdentityId>() {
        Ok(identity) => vec![identity],
        // It looks like an id and cannot be one, so it names nothing.
        Err(_) if is_id => Vec::new(),
        Err(_) => customers::identities(host, view, text)?,
    };
    for identity in identities {
        if let Some(why) = links::why(view, id, identity)? {
            return Ok(why);
        }
    }
    Err(Problem::new(
        http::StatusCode::NOT_FOUND,
        "not_found",
        format!("there is no customer {id}, or {text} is no identity of theirs, nor a possible one"),
    ))
}

/// Two customers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    /// One.
    a: CustomerId,
    /// The other.
    b: CustomerId,
}

/// What a merge would do, without doing it.
#[utoipa::path(post, path = "/v1/customers/merge-preview", tag = "links", request_body = Pair,
    responses((status = 200, description = "What it would do", body = MergePreview)))]
pub(super) async fn preview_merge(
    State(reader): State<Reader>,
    Command { body: Pair { a, b } }: Command<Pair>,
) -> Result<Json<MergePreview>> {
    let preview = reader.read(move |view| links::merge_preview(view, a, b)).await?;
    preview.map(Json).ok_or_else(|| Problem::not_found("customer", format_args!("{a} or {b}")))
}

/// Two customers who are one person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    /// One.
    a: CustomerId,
    /// The other.
    b: CustomerId,
    /// Why.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    reason: Option<Reason>,
}

/// Who they are now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Merged {
    /// The customer. The other id keeps resolving.
    customer: CustomerId,
}

/// Makes two customers one. Nothing is moved, so `unlink` undoes it exactly.
#[utoipa::path(post, path = "/v1/customers/merge", tag = "links", request_body = Merge,
    responses((status = 200, description = "They are one", body = Merged)))]
pub(super) async fn merge_customers(
    State(host): State<Arc<Host>>,
    caller: Caller,
    KeyedCommand { body, idempotency }: KeyedCommand<Merge>,
) -> Result<Json<Merged>> {
    let fact =
        Fact::MergeRequested { a: body.a, b: body.b, reason: reason(body.reason), idempotency: idempotency.clone() };
    match command::run(&host, caller, idempotency.as_ref(), fact).await? {
        Outcome::Merged { customer } => Ok(Json(Merged { customer })),
        other => Err(command::unexpected(&other)),
    }
}

/// An identity that is not the customer's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unlink {
    /// The identity.
    identity: IdentityId,
    /// Why.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    reason: Option<Reason>,
}

/// Who they are now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Unlinked {
    /// The customer of the identity that was taken out.
    customer: CustomerId,
    /// The customer of the rest.
    rest: CustomerId,
}

/// Takes an identity, and all that is proven to be the same person, out of a customer.
#[utoipa::path(post, path = "/v1/customers/{id}/unlink", tag = "links", request_body = Unlink,
    params(("id" = CustomerId, Path, description = "The customer")),
    responses((status = 200, description = "They are two", body = Unlinked)))]
pub(super) async fn unlink_identity(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(customer): Id<CustomerId>,
    KeyedCommand { body, idempotency }: KeyedCommand<Unlink>,
) -> Result<Json<Unlinked>> {
    let fact = Fact::UnlinkRequested {
        customer,
        identity: body.identity,
        reason: reason(body.reason),
        idempotency: idempotency.clone(),
    };
    match command::run(&host, caller, idempotency.as_ref(), fact).await? {
        Outcome::Unlinked { customer, rest } => Ok(Json(Unlinked { customer, rest })),
        other => Err(command::unexpected(&other)),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SuggestionsQuery {
    /// Only those in this state.
    #[param(value_type = Option<SuggestionState>, nullable = false, inline)]
    state: Option<SuggestionState>,
    /// The `next` of the page before.
    #[param(value_type = Option<SuggestionId>, nullable = false)]
    before: Option<SuggestionId>,
    /// How many, at the most.
    #[serde(default)]
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Possible links that wait for a person's decision, or were decided. Newest first.
#[utoipa::path(get, path = "/v1/suggestions", tag = "links", params(SuggestionsQuery),
    responses((status = 200, description = "A page of suggestions", body = Page<SuggestionView>)))]
pub(super) async fn list_suggestions(
    State(reader): State<Reader>,
    Query(query): Query<SuggestionsQuery>,
) -> Result<Json<Page<SuggestionView>>> {
    let before = query.before.map(|id| id.to_string());
    let page = reader.read(move |view| links::suggestions(view, query.state, before.as_deref(), query.limit.0));
    page.await.map(Json)
}

/// One suggestion.
#[utoipa::path(get, path = "/v1/suggestions/{id}", tag = "links", params(("id" = SuggestionId, Path, description = "The suggestion")),
    responses((status = 200, description = "The suggestion", body = SuggestionView)))]
pub(super) async fn get_suggestion(
    State(reader): State<Reader>,
    Id(id): Id<SuggestionId>,
) -> Result<Json<SuggestionView>> {
    let found = reader.read(move |view| links::suggestion(view, id)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("suggestion", id))
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// Why.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    reason: Option<Reason>,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Decided {
    /// The suggestion.
    suggestion: SuggestionId,
    /// Where it stands now.
    state: SuggestionState,
    /// The customer it was about, as it is now.
    customer: CustomerId,
}

/// The link is right: the two are one customer from now on.
#[utoipa::path(post, path = "/v1/suggestions/{id}/accept", tag = "links", request_body = Decision,
    params(("id" = SuggestionId, Path, description = "The suggestion")),
    responses((status = 200, description = "Accepted", body = Decided)))]
pub(super) async fn accept_suggestion(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(id): Id<SuggestionId>,
    command: KeyedCommand<Decision>,
) -> Result<Json<Decided>> {
    decide(&host, caller, id, true, command).await
}

/// The link is wrong and is not suggested again.
#[utoipa::path(post, path = "/v1/suggestions/{id}/reject", tag = "links", request_body = Decision,
    params(("id" = SuggestionId, Path, description = "The suggestion")),
    responses((status = 200, description = "Rejected", body = Decided)))]
pub(super) async fn reject_suggestion(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(id): Id<SuggestionId>,
    command: KeyedCommand<Decision>,
) -> Result<Json<Decided>> {
    decide(&host, caller, id, false, command).await
}

async fn decide(
    host: &Host,
    caller: Caller,
    suggestion: SuggestionId,
    accept: bool,
    KeyedCommand { body, idempotency }: KeyedCommand<Decision>,
) -> Result<Json<Decided>> {
    // The id may come to name another pair once somebody is erased, so the fact says whom it is about.
    let about = links::suggestion(&host.view(), suggestion)?;
    let fact = Fact::SuggestionDecided {
        suggestion,
        claimant: about.as_ref().map(|row| row.claimant.identity),
        target: about.as_ref().map(|row| row.target.identity),
        accept,
        reason: reason(body.reason),
        idempotency: idempotency.clone(),
    };
    let state = if accept { SuggestionState::Accepted } else { SuggestionState::Rejected };
    match command::run(host, caller, idempotency.as_ref(), fact).await? {
        Outcome::Decided { customer } => Ok(Json(Decided { suggestion, state, customer })),
        other => Err(command::unexpected(&other)),
    }
}
