//! How much is parked on each channel, counted from the tables.

use std::collections::{BTreeMap, BTreeSet};

use jackfield_core::ids::{ChannelId, ParkedId};
use jackfield_core::tables;
use jackfield_core::views::operations;
use jackfield_store::View;

/// What is known of the parked deliveries: the channel and the size of each.
#[derive(Debug, Default)]
pub(super) struct ParkedIndex(BTreeMap<ParkedId, (ChannelId, u64)>);

impl ParkedIndex {
    /// Looks at what changed on a channel. The number of its deliveries and of their bytes.
    pub(super) fn count(&mut self, view: &View, channel: &ChannelId) -> tables::Result<(u64, u64)> {
        // Ids rise, so what is new comes after all that is known.
        let last = self.0.last_key_value().map(|(id, _)| *id);
        for (id, channel, bytes) in operations::parked_sizes(view, last)? {
            self.0.insert(id, (channel, bytes));
        }
        let known = self.0.iter().filter(|(_, (of, _))| of == channel).map(|(id, _)| *id);
        let mut gone = BTreeSet::new();
        for id in known {
            if !operations::is_parked(view, id)? {
                gone.insert(id);
            }
        }
        self.0.retain(|id, _| !gone.contains(id));
        let sizes = self.0.values().filter(|(of, _)| of == channel).map(|(_, bytes)| *bytes);
        Ok(sizes.fold((0, 0), |(count, all), bytes| (count + 1, all.saturating_add(bytes))))
    }
}
