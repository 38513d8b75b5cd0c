//! Rows about connectors.

use serde::{Deserialize, Serialize};

use crate::generation::{GrantChanges, Versions};
use crate::ids::ChannelId;
use crate::tables::{Json, Table, Text};

/// Connectors and their generations, by the operator's name.
pub const CONNECTORS: Table<(Text,), Versions> = Table::new(25, "connectors");
/// What a channel is allowed on top of the configuration.
pub const GRANTS: Table<(ChannelId,), GrantChanges> = Table::new(26, "grants");
/// Connectors that were taken out and had served, by the operator's name. People are kept under it for ever.
pub const FORMER: Table<(Text,), Former> = Table::new(58, "former connectors");

/// A connector that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Its id.
    pub connector: String,
}

impl Json for Former {}
impl Json for Versions {}
impl Json for GrantChanges {}
