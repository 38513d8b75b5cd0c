//! The public events of a fact, while it is applied.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::PublicEvent;
use crate::ids::{CustomerId, MessageId};

/// What an event says, whenever.
type Told = (String, Option<CustomerId>, Option<MessageId>, BTreeMap<String, String>);

/// The public events of a fact, as they come together.
#[derive(Default)]
pub(crate) struct Public {
    pub(super) events: Vec<PublicEvent>,
    /// Many changes of one thing in one fact are one piece of news.
    pub(super) told: BTreeSet<Told>,
    pub(super) more: u64,
    /// Changes of messages that were too many for one fact.
    pub(crate) left_out: u64,
}
