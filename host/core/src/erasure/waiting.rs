//! What was said of a person's messages before the channel's ids of them came. It waited for that in the tables, as far as there was room,
//! and whoever reacted is made when it has waited long enough, so the same has to be left.

use std::collections::BTreeMap;

use crate::conversation::{EarlyPlace, early_place};
use crate::event::{EventBody, Sender};
use crate::ids::ChannelId;

/// What waits, by channel and the channel's id of the message.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<(ChannelId, String), Vec<Update>>);

#[derive(Debug)]
struct Update {
    body: EventBody,
    /// What is left of who reacted.
    who: Option<Sender>,
}

impl Waiting {
    /// Something more is said of a message.
    pub(super) fn add(&mut self, about: (ChannelId, String), body: &EventBody, who: Option<Sender>) {
        let updates = self.0.entry(about).or_default();
        let bodies: Vec<&EventBody> = updates.iter().map(|update| &update.body).collect();
        match early_place(&bodies, body) {
            EarlyPlace::None => return,
            EarlyPlace::Behind => {}
            EarlyPlace::InsteadOf(index) => _ = updates.remove(index),
        }
        updates.push(Update { body: body.clone(), who });
    }

    /// Who reacted to a message whose id comes now.
    pub(super) fn take(&mut self, about: &(ChannelId, String)) -> impl Iterator<Item = Sender> + use<> {
        self.0.remove(about).into_iter().flatten().filter_map(|update| update.who)
    }
}
