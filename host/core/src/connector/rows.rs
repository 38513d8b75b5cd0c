//! Rows about connectors.

use crate::generation::{GrantChanges, Versions};
use crate::ids::ChannelId;
use crate::tables::{Json, Table, Text};

/// Connectors and their generations, by the operator's name.
pub const CONNECTORS: Table<(Text,), Versions> = Table::new(25, "connectors");
/// What a channel is allowed on top of the configuration.
pub const GRANTS: Table<(ChannelId,), GrantChanges> = Table::new(26, "grants");

impl Json for Versions {}
impl Json for GrantChanges {}
