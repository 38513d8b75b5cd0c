//! Which of a customer's threads a message goes to.
//!
//! Unless the client says otherwise it goes to the thread in which the customer last wrote with nobody else listening: never by itself to
//! a group or a public thread, and never to one of several in which somebody gave the same address without proof.

use crate::apply::refuse;
use crate::conversation::rows::Message;
use crate::fact::{Outcome, Via};
use crate::identity::rows::{Identity, ThreadAddress};
use crate::ids::ChannelId;

/// A thread of a customer.
#[derive(Clone)]
pub(super) struct Candidate<'a> {
    pub(super) identity: &'a Identity,
    pub(super) channel: &'a ChannelId,
    pub(super) thread: ThreadAddress,
}

/// What the client said about where a message is to go.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) via: Option<&'a Via>,
    pub(super) answered: Option<&'a Message>,
    pub(super) thread: Option<&'a str>,
}

/// The thread to write to.
pub(super) fn choose<'a>(members: &'a [Identity], wish: Wish<'a>) -> Result<Candidate<'a>, Outcome> {
    if let Some(answered) = wish.answered.filter(|_| wish.via.is_none() && wish.thread.is_none()) {
        return answering(members, answered);
    }
    let wanted = |c: &Candidate<'_>| match wish.via {
        Some(Via::Identity(id)) => c.identity.id == *id,
        Some(Via::Channel(channel)) => c.channel == channel,
        None => true,
    };
    let mut candidates: Vec<Candidate<'_>> = threads(members).filter(wanted).collect();
    if candidates.is_empty() {
        return Err(no_address());
    }
    match wish.thread {
        Some(thread) => candidates.retain(|c| c.thread.thread.id == thread),
        None => candidates.retain(|c| c.thread.thread.is_direct()),
    }
    // An address that was left is named only where there is no other one.
    let newest = |left: bool| {
        let of = candidates.iter().filter(|c| c.identity.retired_at.is_some() == left);
        of.max_by_key(|c| (c.thread.last_inbound, c.identity.id)).cloned()
    };
    let chosen = newest(false).or_else(|| newest(true)).ok_or_else(|| {
        let message = "the customer has written there only where others listen; name the message that is answered in \
                       `reply_to`, or the thread in `thread`, to write there";
        refuse("no_direct_thread", message)
    })?;
    if wish.thread.is_none() && may_be_several_people(&chosen) {
        let message = "nobody vouches for this address, and it was given in several threads, perhaps by several people; \
                       name the message that is answered in `reply_to`";
        return Err(refuse("several_threads", message));
    }
    Ok(chosen)
}

/// Whether whoever wrote last may be somebody else than who is meant.
fn may_be_several_people(chosen: &Candidate<'_>) -> bool {
    let on_channel = chosen.identity.channels.get(chosen.channel);
    chosen.identity.is_unproven() && on_channel.is_some_and(|address| address.several_direct)
}

pub(super) fn no_address() -> Outcome {
    refuse("no_address", "the customer has never written on such a channel, so there is no address to send to")
}

/// The thread of a message, whoever listens there: the client chose it.
fn answering<'a>(members: &'a [Identity], answered: &'a Message) -> Result<Candidate<'a>, Outcome> {
    let Some(identity) = members.iter().find(|i| i.id == answered.identity) else {
        return Err(refuse("no_address", "the address of this message is not the customer's any more"));
    };
    let known = identity.channels.get(&answered.channel).and_then(|a| a.of_kind(&answered.thread.kind));
    let last_inbound = known.and_then(|known| known.last_inbound);
    let thread = ThreadAddress { thread: answered.thread.clone(), last_inbound };
    Ok(Candidate { identity, channel: &answered.channel, thread })
}

/// Every thread in which a customer was last seen, one of each kind, on each channel.
pub(super) fn threads(members: &[Identity]) -> impl Iterator<Item = Candidate<'_>> {
    members.iter().flat_map(|identity| {
        identity.channels.iter().flat_map(move |(channel, address)| {
            let before = ThreadAddress { thread: address.thread.clone(), last_inbound: address.last_inbound };
            let known = address.threads.iter().cloned();
            let all = known.chain(address.threads.is_empty().then_some(before));
            all.map(move |thread| Candidate { identity, channel, thread })
        })
    })
}
