//! Within what an address is unique, and who may speak about it.
//!
//! An identity has the key (kind, scope, value). The scope says who may speak about the address:
//!
//! * the world (empty): a phone number or e-mail address that a provider vouches for;
//! * `owner/namespace`: an id that a connector issues. The owner is the scope of the channel, which the operator names, or another one
//!   that the operator granted; the namespace is the connector's own word, such as an account;
//! * `?channel/namespace`: an address that nobody vouches for, as it was given on one channel. Whoever gives an address there without
//!   proof meets only what was given there without proof before.
//!
//! So a statement without proof never lands on somebody else's identity, and a connector speaks about nobody but its own people.

use super::rows::{BY_ADDRESS, IDENTITIES, Identity};
use crate::erasure::stand_in;
use crate::event::{Identifier, Trust};
use crate::ids::{ChannelId, IdentityId};
use crate::tables::{Read, Result};

/// Kinds of addresses that mean the same to everybody.
pub const GLOBAL_KINDS: [&str; 2] = ["phone", "email"];

/// Kinds of addresses that come to belong to another person now and then.
pub(super) const REASSIGNED_KINDS: [&str; 3] = ["phone", "email", "whatsapp"];

/// Mailboxes that belong to a role, not to a person.
const ROLES: [&str; 14] = [
    "abuse",
    "admin",
    "billing",
    "contact",
    "hello",
    "help",
    "info",
    "mailer-daemon",
    "no-reply",
    "noreply",
    "office",
    "postmaster",
    "sales",
    "support",
];

/// Whether an address means the same to everybody.
#[must_use]
pub fn is_global(kind: &str) -> bool {
    GLOBAL_KINDS.contains(&kind)
}

/// Whether an address stands for several people by its nature, so that it must not link anybody.
#[must_use]
pub(super) fn is_shared_by_nature(identifier: &Identifier) -> bool {
    role_of(&identifier.kind, &identifier.value).is_some()
}

/// The role whose mailbox an address is, if it is one.
pub(crate) fn role_of<'a>(kind: &str, value: &'a str) -> Option<&'a str> {
    let (local, _) = value.split_once('@').filter(|_| kind == "email")?;
    ROLES.contains(&local).then_some(local)
}

/// Who speaks: a channel, and the scope whose people it speaks about.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    /// The channel.
    pub channel: &'a ChannelId,
    /// Its scope.
    pub scope: &'a str,
}

impl Speaker<'_> {
    /// The scope of an address of which the speaker says something with this trust.
    #[must_use]
    pub fn scope_of(&self, identifier: &Identifier, trust: Trust) -> String {
        match (is_global(&identifier.kind), trust.is_proof()) {
            (true, true) => String::new(),
            (false, true) => {
                format!("{}/{}", identifier.scope.as_deref().unwrap_or(self.scope), identifier.namespace)
            }
            (_, false) => format!("?{}/{}", self.channel, identifier.namespace),
        }
    }
}

/// Who issues the addresses of a scope: the part that no connector chooses.
#[must_use]
pub(super) fn issuer(scope: &str) -> &str {
    scope.split_once('/').map_or(scope, |(issuer, _)| issuer)
}

/// Whether a namespace, which a connector chooses, can be looked up in place of a scope. Every scope of this edition but that of the world
/// has a slash, so what has none meets rows of edition 2 only.
pub(super) fn was_a_scope(namespace: &str) -> bool {
    !namespace.contains('/')
}

/// The identity that has an address now.
///
/// # Errors
/// When the tables cannot be read.
pub fn find(tables: &(impl Read + ?Sized), identifier: &Identifier, scope: &str) -> Result<Option<IdentityId>> {
    let found = BY_ADDRESS.get(tables, (&identifier.kind, scope, &identifier.value))?;
    if found.is_none()
        && let Some(id) = stand_in::identity(&identifier.value)
    {
        return erased(tables, id, identifier, scope);
    }
    if found.is_some() || scope.starts_with('?') || !was_a_scope(&identifier.namespace) {
        return Ok(found);
    }
    // Tables of edition 2, which serve until those of this edition are built, have the namespace in place of the scope.
    BY_ADDRESS.get(tables, (&identifier.kind, &identifier.namespace, &identifier.value))
}

/// The identity for whose address another value stands. Nothing that a connector says comes here:
/// [`forms::identifier`](crate::forms::identifier) refuses what reads like a stand-in. The identity may have been made by a fact that still has the address: segments of the
/// journal are rewritten one by one, the newest first.
fn erased(
    tables: &(impl Read + ?Sized),
    id: IdentityId,
    identifier: &Identifier,
    scope: &str,
) -> Result<Option<IdentityId>> {
    let row = IDENTITIES.get(tables, (id,))?;
    let is_it = |row: &Identity| {
        row.kind == identifier.kind && row.scope == scope && row.retired_at.is_none() && row.erased.is_none()
    };
    Ok(row.filter(is_it).map(|row| row.id))
}
