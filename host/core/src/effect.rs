//! What follows from a fact outside the tables.
//!
//! An effect names what changed and carries no state: whoever acts on it reads the tables, so acting late, twice, or once for many
//! facts comes to the same. Effects are not stored; whoever starts acts as if everything had just changed.

use crate::ids::{ChannelId, IdentityId, KeyId};

/// Something outside the tables that has to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// A connector's generations, or that there is no connector of this name any more.
    Connector(String),
    /// A channel's row: its code, rules, whether it is paused or parked.
    Channel(ChannelId),
    /// What a channel is allowed.
    Grants(ChannelId),
    /// The outbox of a channel.
    Outbox(ChannelId),
    /// The files that are to be fetched from a channel.
    Files(ChannelId),
    /// The parked deliveries of a channel.
    Parked(ChannelId),
    /// A person whom a channel may be asked about.
    Person(ChannelId, IdentityId),
    /// An API key.
    Key(KeyId),
    /// The timers.
    Timer,
    /// People who are to be erased from the journal.
    Erasures,
    /// Files that nothing may refer to any more.
    UnusedFiles,
    /// A fact was skipped.
    Skipped,
}
