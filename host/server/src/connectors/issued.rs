//! The bindings that were made and that somebody still uses, whoever that is: the generation that serves, one that drains, one that is
//! probed, or one that was loaded for a single replay. So what is taken back reaches every call that runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jackfield_core::ids::ChannelId;
use jackfield_sandbox::Grants;

use super::generation::BoundChannel;

/// The bindings by channel. Cheap to ask: few of them live at a time.
#[derive(Debug, Default)]
pub struct Issued(Mutex<BTreeMap<ChannelId, Vec<Weak<BoundChannel>>>>);

impl Issued {
    /// Notes a binding before it is used.
    pub fn note(&self, channel: &ChannelId, bound: &Arc<BoundChannel>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, of_channel| {
            of_channel.retain(|bound| bound.strong_count() > 0);
            !of_channel.is_empty()
        });
        all.entry(channel.clone()).or_default().push(Arc::downgrade(bound));
    }

    /// Ends the calls that run with more than is granted now.
    pub fn recall(&self, channel: &ChannelId, now: &Grants) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = all.get(channel).into_iter().flatten().filter_map(Weak::upgrade);
        live.filter(|bound| bound.exceeds(now)).for_each(|bound| bound.revoke());
    }
}
