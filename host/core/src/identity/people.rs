//! What the host reads to ask channels about people.

use super::address::issuer;
use super::rows::{IDENTITIES, Identity};
use crate::event::Identifier;
use crate::ids::{IdentityId, Millis};
use crate::tables::{Read, Result};

/// An identity, if the channel has not been asked about it since `older_than`, so that it is time to ask who that is.
///
/// # Errors
/// When the tables cannot be read.
pub fn to_ask_about(tables: &impl Read, id: IdentityId, older_than: Millis) -> Result<Option<Identity>> {
    let row = IDENTITIES.get(tables, (id,))?;
    let row = row.filter(|row| row.erased.is_none());
    Ok(row.filter(|row| row.retired_at.is_none() && row.hints_at.is_none_or(|at| at < older_than)))
}

/// Whether a person was erased, or is not known at all: nothing more about the person is to be written down.
///
/// # Errors
/// When the tables cannot be read.
pub fn is_erased(tables: &impl Read, id: IdentityId) -> Result<bool> {
    Ok(IDENTITIES.get(tables, (id,))?.is_none_or(|row| row.erased.is_some()))
}

impl Identity {
    /// The address, as a channel that brought it knows it.
    #[must_use]
    pub fn identifier(&self) -> Identifier {
        let scope = (!self.is_unproven() && !self.scope.is_empty()).then(|| issuer(&self.scope).to_owned());
        Identifier {
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            value: self.value.clone(),
            raw: self.raw.clone(),
            scope,
        }
    }
}
