//! What a channel may add while the journal's disk is nearly full.
//!
//! Whoever sends through a channel, and whoever wrote its connector, can make facts without end, and the journal never gets smaller. So
//! the last of the disk, the reserve, is not theirs: below it a channel may add a share of the reserve and no more, and below a
//! quarter of it nothing. What people ask for, what the host does by itself, and how attempts to send went is stored as long as there is
//! any room. A provider whose delivery is refused sends it again; a channel that is polled is asked again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use jackfield_core::fact::Fact;
use jackfield_core::ids::ChannelId;

use super::contract::Draft;
use super::error::AppendError;
use super::lanes::Lane;
use crate::disk::Disk;
use crate::sync::lock;

/// What share of the reserve one channel may use; the tables need about three times the room of a fact.
const SHARE: u64 = 64;

/// Below what part of the reserve channels add nothing.
const LAST: u64 = 4;

/// Who has used what of the reserve.
#[derive(Debug)]
pub(super) struct Room {
    reserve: u64,
    /// Bytes by channel, since less than the reserve is free. Empty while there is more.
    used: Mutex<BTreeMap<ChannelId, u64>>,
}

impl Room {
    pub(super) fn new(reserve: u64) -> Self {
        Self { reserve, used: Mutex::default() }
    }

    /// Whether a group of so many bytes may be appended. What is allowed is counted.
    pub(super) fn take(&self, disk: &dyn Disk, dir: &Path, lane: &Lane, group: &[Draft]) -> Result<(), AppendError> {
        let Lane::Channel(channel) = lane else { return Ok(()) };
        if group.iter().all(|draft| is_owed(draft.fact())) {
            return Ok(());
        }
        let space = disk.space(dir).map_err(|e| AppendError::Io(e.to_string()))?;
        let (free, reserve) = (space.free, space.reserve(self.reserve));
        let mut used = lock(&self.used);
        if free >= reserve {
            used.clear();
            return Ok(());
        }
        let bytes: u64 = group.iter().map(|draft| draft.size() as u64).sum();
        let here = used.entry(channel.clone()).or_default();
        if free < reserve / LAST || here.saturating_add(bytes) > reserve / SHARE {
            return Err(AppendError::Reserved { free: free >> 20, reserve: reserve >> 20 });
        }
        *here += bytes;
        Ok(())
    }
}

/// Whether a fact tells how something that a person asked for went. Without it a message would be sent twice.
fn is_owed(fact: &Fact) -> bool {
    matches!(fact, Fact::SendStarted { .. } | Fact::SendEnded { .. })
}
