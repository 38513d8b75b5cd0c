//! Erasing a customer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jackfield_core::erasure::rows::Erasure;
use jackfield_core::fact::{Fact, Outcome};
use jackfield_core::ids::{CustomerId, IdentityId};
use jackfield_core::views::{Time, operations};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::params::Id;
use super::reader::Reader;
use crate::erasure::are_by_place;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// How far an erasure is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasureView {
    /// The customer.
    customer: CustomerId,
    /// The identities that were the customer's. Their ids stay and lead nowhere.
    identities: Vec<IdentityId>,
    /// The number of the fact that began it.
    erasure: u64,
    /// When it was asked for.
    at: Time,
    /// By whom.
    by: String,
    /// Since when nothing of the person is in the journal and the tables; none while facts are replaced and tables are built again, which
    /// `GET /readyz` shows as `rebuilding`.
    #[schema(required)]
    ended_at: Option<Time>,
}

impl From<Erasure> for ErasureView {
    fn from(row: Erasure) -> Self {
        Self {
            customer: row.customer,
            identities: row.identities,
            erasure: row.seq.0,
            at: Time(row.at),
            by: row.actor,
            ended_at: row.ended_at.map(Time),
        }
    }
}

/// Erases a customer: addresses, names, messages in and out, touchpoints, files, and what was said about the person.
///
/// At once nobody finds the customer any more, nothing more is sent, and whoever writes from one of the addresses is a new customer. Then the
/// content is taken out of the journal, and tables are built without it; asked again, it says how far that is. What is kept is that there
/// was somebody: ids, and which of them others are linked with. Refused while a parked delivery that its provider signed names an address of the
/// customer, since it may hold what others wrote as well; other parked deliveries, and single items, that name one are emptied. Phone numbers are found there in international and national form, and behind escapes of JSON and URLs;
/// an address in base64 or UTF-16 is not found, and stays in the parked delivery until that is discarded. Also refused for a customer of the
/// time before ids were given by place.
#[utoipa::path(delete, path = "/v1/customers/{id}", tag = "customers", params(("id" = CustomerId, Path, description = "The customer")),
    responses((status = 202, description = "The customer is erased; `ended_at` says whether it is done", body = ErasureView)))]
pub(super) async fn erase_customer(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    caller: Caller,
    Id(id): Id<CustomerId>,
) -> Result<(StatusCode, Json<ErasureView>)> {
    if let Some(done) = reader.read(move |view| operations::erasure_of(view, id)).await? {
        return Ok((StatusCode::ACCEPTED, Json(done.into())));
    }
    let found = reader.read(move |view| operations::parked_of(view, id)).await?;
    let Some((members, parked)) = found else { return Err(Problem::not_found("customer", id)) };
    if let Some(parked) = parked {
        let detail = format!(
            "the parked delivery {parked} names an address of this customer, and may hold what others wrote as well; replay \
             or discard it first"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "parked", detail));
    }
    let (store, ids) = (host.store.clone(), members.iter().map(|member| member.id).collect::<Vec<_>>());
    let by_place = tokio::task::spawn_blocking(move || are_by_place(&store, &ids)).await;
    match by_place {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            let detail = "this customer is from the time before ids were given by place; what is left of those facts would \
                          give other customers' messages other ids, so they cannot be erased one by one";
            return Err(Problem::new(StatusCode::CONFLICT, "old_journal", detail));
        }
        Ok(Err(error)) => {
            tracing::error!("the journal cannot be read: {error:#}");
            return Err(Problem::internal());
        }
        Err(error) => {
            tracing::error!("the journal could not be looked through: {error}");
            return Err(Problem::internal());
        }
    }
    match command::run(&host, caller, None, Fact::CustomerErased { customer: id, identities: Vec::new() }).await? {
        Outcome::Erased { erasure } => {
            let begun = reader.read(move |view| operations::erasure(view, erasure)).await?;
            let begun = begun.ok_or_else(|| Problem::not_found("customer", id))?;
            Ok((StatusCode::ACCEPTED, Json(begun.into())))
        }
        other => Err(command::unexpected(&other)),
    }
}
