//! What stands in facts for an address that was erased. Only the host writes one: what a connector says is refused where it reads like
//! one ([`forms::identifier`](crate::forms::identifier)).

use crate::ids::IdentityId;

/// What every stand-in holds.
const MARK: &str = "erased:";

/// Stands for the address of an identity. The name of a role's mailbox stays, since it says that the address is nobody's own.
#[must_use]
pub fn of_identity(id: IdentityId, role: Option<&str>) -> String {
    match role {
        Some(role) => format!("{role}@{MARK}{id}"),
        None => format!("{MARK}{id}"),
    }
}

/// Stands for an address that an erased person claimed, and nobody has.
#[must_use]
pub fn of_claim(claimant: IdentityId, number: usize) -> String {
    format!("{MARK}{claimant}:{number}")
}

/// Whether this stands for something.
#[must_use]
pub fn is_one(value: &str) -> bool {
    value.split_once(MARK).is_some_and(|(role, _)| role.is_empty() || role.ends_with('@'))
}

/// The identity for whose address this stands, if it is a stand-in.
#[must_use]
pub fn identity(value: &str) -> Option<IdentityId> {
    let (role, id) = value.split_once(MARK)?;
    if role.is_empty() || role.ends_with('@') { id.parse().ok() } else { None }
}
