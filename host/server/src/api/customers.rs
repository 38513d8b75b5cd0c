//! Customers: finding them, the agent's view, the timeline.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::canonical;
use jackfield_core::event::Identifier;
use jackfield_core::ids::{CustomerId, IdentityId};
use jackfield_core::views::Page;
use jackfield_core::views::customer::{self, CustomerView};
use jackfield_core::views::search::{self, CustomerSummary};
use jackfield_core::views::timeline::{self, Entry};
use jackfield_store::View;
use serde::Deserialize;
use utoipa::IntoParams;

use super::params::{Id, Limit, Query, Text};
use super::reader::Reader;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// Whoever finds more has to say more.
const MOST_FOUND: usize = 200;

/// At how many colons an address is tried to be divided into namespace and value.
const MOST_COLONS: usize = 8;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CustomersQuery {
    /// Find who has this address: `KIND:VALUE` or `KIND:NAMESPACE:VALUE`, such as `phone:+6281234567890`.
    #[param(value_type = Option<String>, nullable = false, max_length = 700, pattern = "^[A-Za-z0-9_-]{1,32}:")]
    identity: Option<Text<700>>,
    /// Find by the beginnings of words of names and addresses.
    #[param(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200)]
    q: Option<Text<200>>,
    /// The `next` of the page before; only customers that are older than this one.
    #[param(value_type = Option<CustomerId>, nullable = false)]
    before: Option<CustomerId>,
    /// How many, at the most.
    #[serde(default)]
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Customers, newest first; with `identity` or `q` only those that are found by them, up to 200 of them.
#[utoipa::path(get, path = "/v1/customers", tag = "customers", params(CustomersQuery),
    responses((status = 200, description = "The customers", body = Page<CustomerSummary>)))]
pub(super) async fn list_customers(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    Query(query): Query<CustomersQuery>,
) -> Result<Json<Page<CustomerSummary>>> {
    reader.read(move |view| list(&host, view, query)).await.map(Json)
}

fn list(host: &Host, view: &View, query: CustomersQuery) -> Result<Page<CustomerSummary>> {
    let limit = query.limit.0;
    let mut items = match (query.identity, query.q) {
        (None, None) => {
            let before = query.before.map(|id| id.to_string());
            return Ok(search::all(view, before.as_deref(), limit)?);
        }
        (Some(identity), None) => find(host, view, &identity.0)?,
        (None, Some(q)) => search::search(view, &q.0, MOST_FOUND)?,
        (Some(identity), Some(q)) => {
            let named = search::search(view, &q.0, MOST_FOUND)?;
            let found = find(host, view, &identity.0)?;
            found.into_iter().filter(|one| named.iter().any(|other| other.id == one.id)).collect()
        }
    };
    items.retain(|one| query.before.is_none_or(|before| one.id < before));
    items.truncate(limit);
    Ok(Page { items, next: None })
}

/// Who has an address that a client wrote down.
fn find(host: &Host, view: &View, text: &str) -> Result<Vec<CustomerSummary>> {
    for identifier in spellings(host, text)? {
        let found = search::find(view, &identifier)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// What an address may mean: a value can hold colons, and so can a namespace.
fn spellings(host: &Host, text: &str) -> Result<Vec<Identifier>> {
    identifiers(text, host.config.identity.region.as_deref())
}

fn identifiers(text: &str, region: Option<&str>) -> Result<Vec<Identifier>> {
    let bad = |why: &str| Problem::invalid(format!("`identity` has to be KIND:VALUE or KIND:NAMESPACE:VALUE; {why}"));
    let (kind, rest) = text.split_once(':').ok_or_else(|| bad("there is no colon"))?;
    let of_a_kind = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !(1..=32).contains(&kind.len()) || !kind.bytes().all(of_a_kind) {
        return Err(bad("the kind is 1 to 32 of a-z, 0-9, `_` and `-`"));
    }
    let kind = kind.to_ascii_lowercase();
    let made = |namespace: &str, value: &str| Identifier {
        kind: kind.clone(),
        namespace: namespace.to_owned(),
        value: value.to_owned(),
        raw: None,
        scope: None,
    };
    match kind.as_str() {
        "phone" => {
            // A plus in a query string arrives as a space.
            let number = rest.strip_prefix(' ').map_or_else(|| rest.to_owned(), |number| format!("+{number}"));
            let number = canonical::phone(&number, region).or_else(|| canonical::phone(&format!("+{number}"), None));
            let number = number.ok_or_else(|| bad("this is no phone number; write it with its country code"))?;
            Ok(vec![made("", &number)])
        }
        "email" => {
            // As above: a plus in the local part.
            let address = canonical::email(&rest.trim().replace(' ', "+"));
            let address = address.ok_or_else(|| bad("this is no e-mail address"))?;
            Ok(vec![made("", &address)])
        }
        _ => {
            let divided = rest.match_indices(':').take(MOST_COLONS).map(|(at, _)| made(&rest[..at], &rest[at + 1..]));
            Ok(std::iter::once(made("", rest)).chain(divided).collect())
        }
    }
}

/// The agent's view of a customer in one call. The id may be an older one of a customer who was merged.
#[utoipa::path(get, path = "/v1/customers/{id}", tag = "customers", params(("id" = CustomerId, Path, description = "The customer")),
    responses((status = 200, description = "The customer", body = CustomerView)))]
pub(super) async fn get_customer(State(reader): State<Reader>, Id(id): Id<CustomerId>) -> Result<Json<CustomerView>> {
    let found = reader.read(move |view| customer::customer(view, id)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("customer", id))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineQuery {
    /// The `next` of the page before.
    #[param(value_type = Option<String>, nullable = false, min_length = 7, max_length = 60,
        pattern = "^[0-9]{1,13}-(msg|tch)_(0|[1-9][0-9]{0,13})(_[1-9][0-9]{0,3})?$")]
    before: Option<Text<60>>,
    /// How many, at the most. Links that agents made come on top.
    #[serde(default)]
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// Everything of a customer in one order, newest first: messages of all channels, touchpoints, merges.
#[utoipa::path(get, path = "/v1/customers/{id}/timeline", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer"), TimelineQuery),
    responses((status = 200, description = "A page of the timeline", body = Page<Entry>)))]
pub(super) async fn get_timeline(
    State(reader): State<Reader>,
    Id(id): Id<CustomerId>,
    Query(query): Query<TimelineQuery>,
) -> Result<Json<Page<Entry>>> {
    let before = query.before.map(|cursor| cursor.0);
    let page = reader.read(move |view| timeline::timeline(view, id, before.as_deref(), query.limit.0)).await?;
    page.map(Json).ok_or_else(|| Problem::not_found("customer", id))
}

/// The identities with an address that a client wrote down, by any spelling.
pub(super) fn identities(host: &Host, view: &View, text: &str) -> Result<Vec<IdentityId>> {
    let mut ids = Vec::new();
    for identifier in spellings(host, text)? {
        let all = search::find(view, &identifier)?.into_iter().flat_map(|summary| summary.identities);
        ids.extend(all.filter(|i| i.kind == identifier.kind && i.value == identifier.value).map(|i| i.id));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, String)> {
        let all = identifiers(text, Some("ID")).unwrap();
        all.into_iter().map(|i| (i.kind, i.namespace, i.value)).collect()
    }

    fn one(kind: &str, namespace: &str, value: &str) -> (String, String, String) {
        (kind.to_owned(), namespace.to_owned(), value.to_owned())
    }

    #[test]
    fn a_phone_number_is_found_however_it_is_written() {
        for text in [
            "phone:+6281234567890",
            "phone: 6281234567890",
            "phone:6281234567890",
            "PHONE:0812-3456-7890",
            "phone:+62 812 3456 7890",
        ] {
            assert_eq!(values(text), [one("phone", "", "+6281234567890")], "{text}");
        }
    }

    #[test]
    fn an_email_address_may_have_lost_its_plus() {
        assert_eq!(values("email:Ana shop@Example.com"), [one("email", "", "ana+shop@example.com")]);
    }

    #[test]
    fn other_addresses_may_have_a_namespace_and_colons() {
        assert_eq!(values("telegram:17"), [one("telegram", "", "17")]);
        let three = [
            one("matrix", "", "x:@ana:example.com"),
            one("matrix", "x", "@ana:example.com"),
            one("matrix", "x:@ana", "example.com"),
        ];
        assert_eq!(values("matrix:x:@ana:example.com"), three);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["phone", "phone:hello", "email:ana", "phone:", ":x", "a b:x"] {
            assert_eq!(identifiers(text, None).unwrap_err().status().as_u16(), 400, "{text}");
        }
    }
}
