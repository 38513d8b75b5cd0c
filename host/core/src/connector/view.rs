//! What the host reads of connectors.

use std::collections::BTreeSet;

use super::rows::{CONNECTORS, FORMER, GRANTS};
use crate::generation::{GrantChanges, Versions};
use crate::ids::ChannelId;
use crate::tables::{Read, Result};

/// A connector with its generations.
///
/// # Errors
/// When the tables cannot be read.
pub fn connector(tables: &impl Read, name: &str) -> Result<Option<Versions>> {
    CONNECTORS.get(tables, (name,))
}

/// The id of the connector that last served under a name, if it was taken out.
///
/// # Errors
/// When the tables cannot be read.
pub fn former_connector(tables: &impl Read, name: &str) -> Result<Option<String>> {
    Ok(FORMER.get(tables, (name,))?.map(|former| former.connector))
}

/// Every connector that something was brought for, by name.
///
/// # Errors
/// When the tables cannot be read.
pub fn connectors(tables: &impl Read) -> Result<Vec<Versions>> {
    CONNECTORS.scan(tables, CONNECTORS.all(), false).map(|row| Ok(row?.1)).collect()
}

/// The digests of the components that are needed: what waits, serves, stands by or has served. One that was refused is brought again.
///
/// # Errors
/// When the tables cannot be read.
pub fn components(tables: &impl Read) -> Result<BTreeSet<String>> {
    let all = connectors(tables)?;
    Ok(all.iter().flat_map(Versions::components).map(str::to_owned).collect())
}

/// What a channel is allowed on top of the configuration.
///
/// # Errors
/// When the tables cannot be read.
pub fn grant_changes(tables: &impl Read, channel: &ChannelId) -> Result<GrantChanges> {
    Ok(GRANTS.get(tables, (channel,))?.unwrap_or_default())
}
