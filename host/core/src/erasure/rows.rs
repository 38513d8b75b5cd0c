//! Rows about erasures. They hold ids only.

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, IdentityId, Millis, Seq};
use crate::tables::{Json, Table};

/// Erasures, by the fact that began them.
pub const ERASURES: Table<(Seq,), Erasure> = Table::new(42, "erasures");

/// A person who was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The fact that began it.
    pub seq: Seq,
    /// The customer.
    pub customer: CustomerId,
    /// The identities that were the customer's.
    pub identities: Vec<IdentityId>,
    /// When it was asked for.
    pub at: Millis,
    /// By whom.
    pub actor: String,
    /// Since when nothing of the person is in the journal and the tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
}

impl Json for Erasure {}
