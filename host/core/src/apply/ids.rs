//! Ids for the things that a fact makes.
//!
//! Ids are given by place: a message gets the place of its event in the fact, so every edition of the rules gives the same ids, whatever
//! its tables hold. Facts from before [`Fact::IdsByPlace`](crate::fact::Fact::IdsByPlace) were numbered in the order in which they
//! made things of any kind; they keep the ids that clients and later facts know.

use crate::ids::{IdentityId, KeyId, MessageId, ParkedId, Seq, SuggestionId, TouchpointId};
use crate::limits;
use crate::tables::{ReadError, Result};

/// Where the ids of what hints make begin: behind all events of a fact.
const BEHIND_EVENTS: u16 = 2_048;
/// Where the ids begin, in facts that are numbered as they were before, of things that were not made then.
const NOT_MADE_THEN: u16 = 0x8000;

const _: () = assert!(limits::EVENTS < BEHIND_EVENTS as usize);

/// The ids that a fact has given so far.
#[derive(Debug)]
pub(crate) struct Ids {
    seq: Seq,
    by_place: bool,
    /// The event that is applied.
    place: u16,
    /// The event whose place a sender has got.
    sender_at: Option<u16>,
    /// Things of any kind, by the old numbering.
    made: u16,
    /// Things that the old rules would not have made.
    extra: u16,
    hinted: u16,
    suggested: u16,
    parked: u16,
    early: u16,
}

impl Ids {
    pub(crate) fn new(seq: Seq, by_place: bool) -> Self {
        let (made, extra) = (0, NOT_MADE_THEN);
        Self {
            seq,
            by_place,
            place: 0,
            sender_at: None,
            made,
            extra,
            hinted: BEHIND_EVENTS,
            suggested: 0,
            parked: 0,
            early: 0,
        }
    }

    /// Whether ids are given by place: the fact is none of an old journal.
    pub(crate) fn by_place(&self) -> bool {
        self.by_place
    }

    /// The event of the fact that is applied from here on.
    pub(crate) fn at_event(&mut self, index: usize) {
        self.place = u16::try_from(index).unwrap_or(u16::MAX);
    }

    pub(crate) fn message(&mut self) -> Result<MessageId> {
        let index = self.placed()?;
        Ok(MessageId::new(self.seq, index))
    }

    pub(crate) fn touchpoint(&mut self) -> Result<TouchpointId> {
        let index = self.placed()?;
        Ok(TouchpointId::new(self.seq, index))
    }

    /// The identity of an event's own sender. `extra` is one that the old rules would not have made. Where an event brings several, such
    /// as a message whose reactions came before it, the first has the event's place.
    pub(crate) fn sender(&mut self, extra: bool) -> Result<IdentityId> {
        let index = match (self.by_place, extra) {
            (true, _) if self.sender_at == Some(self.place) => next(&mut self.hinted)?,
            (true, _) => {
                self.sender_at = Some(self.place);
                self.place
            }
            (false, true) => next(&mut self.extra)?,
            (false, false) => next(&mut self.made)?,
        };
        Ok(IdentityId::new(self.seq, index))
    }

    /// An identity that is only spoken about.
    pub(crate) fn spoken_of(&mut self) -> Result<IdentityId> {
        let index = if self.by_place { next(&mut self.hinted)? } else { next(&mut self.made)? };
        Ok(IdentityId::new(self.seq, index))
    }

    pub(crate) fn suggestion(&mut self, extra: bool) -> Result<SuggestionId> {
        let index = match (self.by_place, extra) {
            (true, _) => next(&mut self.suggested)?,
            (false, true) => next(&mut self.extra)?,
            (false, false) => next(&mut self.made)?,
        };
        Ok(SuggestionId::new(self.seq, index))
    }

    /// Leaves out the id of something that the old rules made and these do not.
    pub(crate) fn leave_out(&mut self) {
        self.made = self.made.saturating_add(1).min(NOT_MADE_THEN - 1);
    }

    pub(crate) fn parked(&mut self) -> Result<ParkedId> {
        let index = if self.by_place { next(&mut self.parked)? } else { next(&mut self.made)? };
        Ok(ParkedId::new(self.seq, index))
    }

    pub(crate) fn key(&mut self) -> Result<KeyId> {
        let index = self.placed()?;
        Ok(KeyId::new(self.seq, index))
    }

    /// The place of an update among those that wait for a message.
    pub(crate) fn early(&mut self) -> Result<u16> {
        if self.by_place { next(&mut self.early) } else { next(&mut self.made) }
    }

    fn placed(&mut self) -> Result<u16> {
        if self.by_place { Ok(self.place) } else { next(&mut self.made) }
    }
}

/// Whether an identity was made by what a fact says besides, so that its id does not tell by which event.
pub(crate) fn is_behind_events(id: IdentityId) -> bool {
    id >= IdentityId::new(id.seq(), BEHIND_EVENTS)
}

/// The bounds of what a fact makes keep this from ending; if it does, that is a defect.
fn next(counter: &mut u16) -> Result<u16> {
    let index = *counter;
    *counter = index.checked_add(1).ok_or_else(|| ReadError::Broken(String::from("the fact makes too many things")))?;
    Ok(index)
}
