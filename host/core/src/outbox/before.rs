//! Where a message went that was asked for before [`Fact::IdsByPlace`](crate::fact::Fact::IdsByPlace).
//!
//! What was sent then was sent, and what was refused then must not go out now, so these facts keep the rule of their time: the thread in
//! which the customer last wrote, whoever listens there.

use super::choice::{Candidate, Wish, no_address};
use crate::fact::{Outcome, Via};
use crate::identity::rows::{ChannelAddress, Identity, ThreadAddress};
use crate::ids::ChannelId;

/// The thread that was written to.
pub(super) fn choose<'a>(members: &'a [Identity], wish: Wish<'a>) -> Result<Candidate<'a>, Outcome> {
    let candidate = |identity: &'a Identity, channel: &'a ChannelId, address: &ChannelAddress| {
        let thread = ThreadAddress { thread: address.thread.clone(), last_inbound: address.last_inbound };
        Candidate { identity, channel, thread }
    };
    let latest = |identity: &'a Identity| {
        let channels = identity.channels.iter().max_by_key(|(_, address)| address.last_inbound);
        channels.map(|(channel, address)| candidate(identity, channel, address))
    };
    let by_time = |c: &Candidate<'a>| c.thread.last_inbound;
    let chosen = match (wish.via, wish.answered) {
        (Some(Via::Identity(id)), _) => members.iter().find(|i| i.id == *id).and_then(latest),
        (Some(Via::Channel(channel)), _) => {
            let there = members.iter().filter_map(|i| i.channels.get(channel).map(|a| candidate(i, channel, a)));
            there.max_by_key(by_time)
        }
        (None, Some(answered)) => members.iter().find(|i| i.id == answered.identity).map(|identity| {
            let known = identity.channels.get(&answered.channel).and_then(|address| address.last_inbound);
            let thread = ThreadAddress { thread: answered.thread.clone(), last_inbound: known };
            Candidate { identity, channel: &answered.channel, thread }
        }),
        (None, None) => members.iter().filter(|i| i.retired_at.is_none()).filter_map(latest).max_by_key(by_time),
    };
    chosen.ok_or_else(no_address)
}
