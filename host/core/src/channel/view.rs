//! What the host reads of channels.

use super::rows::{CHANNELS, CURSORS, Channel, NUMBERING, STATE};
use crate::ids::ChannelId;
use crate::tables::{Read, Result};

/// A channel's row.
///
/// # Errors
/// When the tables cannot be read.
pub fn channel(tables: &impl Read, id: &ChannelId) -> Result<Option<Channel>> {
    CHANNELS.get(tables, (id,))
}

/// Every channel that was ever configured.
///
/// # Errors
/// When the tables cannot be read.
pub fn channels(tables: &impl Read) -> Result<Vec<Channel>> {
    CHANNELS.scan(tables, CHANNELS.all(), false).map(|row| Ok(row?.1)).collect()
}

/// Whether ids are given by place already; see [`Fact::IdsByPlace`](crate::fact::Fact::IdsByPlace).
///
/// # Errors
/// When the tables cannot be read.
pub fn ids_by_place(tables: &impl Read) -> Result<bool> {
    NUMBERING.contains(tables, ())
}

/// Where the polling of a channel goes on; none if it was never asked.
///
/// # Errors
/// When the tables cannot be read.
pub fn cursor(tables: &impl Read, channel: &ChannelId) -> Result<Option<Vec<u8>>> {
    Ok(CURSORS.get(tables, (channel,))?.map(|cursor| cursor.0))
}

/// A value of a channel's state.
///
/// # Errors
/// When the tables cannot be read.
pub fn state(tables: &impl Read, channel: &ChannelId, key: &str) -> Result<Option<Vec<u8>>> {
    Ok(STATE.get(tables, (channel, key.as_bytes()))?.map(|value| value.0))
}

/// The keys of a channel's state that begin like this.
///
/// # Errors
/// When the tables cannot be read.
pub fn state_keys(tables: &impl Read, channel: &ChannelId, beginning: &str, limit: usize) -> Result<Vec<String>> {
    let rows = STATE.scan(tables, STATE.with((channel, beginning.as_bytes())), false).take(limit);
    rows.map(|row| Ok(String::from_utf8_lossy(&row?.0.1.0).into_owned())).collect()
}
