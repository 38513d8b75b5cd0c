//! What follows for parked deliveries.

use super::rows::{BY_CHANNEL, PARKED, Parked, ParkedItem, TOTALS};
use crate::apply::{Applier, DomainEvent, not_found};
use crate::effect::Effect;
use crate::event::{Event, Problem};
use crate::fact::{Outcome, RawRequest, Source, StateChange, Unreadable};
use crate::ids::{ChannelId, ParkedId};
use crate::tables::{Present, Result};

impl Parked {
    /// How much room it takes up, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let request = self.request.as_ref().map_or(0, RawRequest::size_bytes);
        request + self.item.as_ref().map_or(0, |item| item.raw.len() as u64)
    }
}

impl Applier<'_> {
    pub(crate) fn park_delivery(
        &mut self,
        channel: &ChannelId,
        source: &Source,
        request: &RawRequest,
        problem: &Problem,
        verified: bool,
    ) -> Result<Outcome> {
        let id = self.ids.parked()?;
        self.store_parked(Parked {
            id,
            channel: channel.clone(),
            source: source.clone(),
            at: self.at,
            reason: problem.message.clone(),
            request: Some(request.clone()),
            verified,
            item: None,
        })?;
        Ok(Outcome::Parked { parked: id })
    }

    pub(crate) fn park_item(&mut self, channel: &ChannelId, source: &Source, item: &Unreadable) -> Result<ParkedId> {
        let id = self.ids.parked()?;
        self.store_parked(Parked {
            id,
            channel: channel.clone(),
            source: source.clone(),
            at: self.at,
            reason: item.reason.clone(),
            request: None,
            verified: false,
            item: Some(ParkedItem { raw: item.raw.clone() }),
        })?;
        Ok(id)
    }

    fn store_parked(&mut self, row: Parked) -> Result<()> {
        self.change_totals(&row, true)?;
        BY_CHANNEL.put(&mut self.tables, (&row.channel, row.id), &Present)?;
        PARKED.put(&mut self.tables, (row.id,), &row)?;
        self.emit(DomainEvent::DeliveryParked { channel: row.channel, parked: row.id, reason: row.reason });
        Ok(())
    }

    pub(crate) fn discard_parked(&mut self, id: ParkedId) -> Result<Outcome> {
        match PARKED.get(&self.tables, (id,))? {
            None => Ok(not_found("parked delivery", id)),
            Some(row) => self.close_parked(&row),
        }
    }

    /// What a parked delivery came to on another version. It counts once: refused when the delivery is parked no more.
    pub(crate) fn replay_parked(
        &mut self,
        id: ParkedId,
        source: &Source,
        events: &[Event],
        state: &[StateChange],
        unreadable: &[Unreadable],
    ) -> Result<Outcome> {
        let Some(row) = PARKED.get(&self.tables, (id,))? else {
            return Ok(not_found("parked delivery", id));
        };
        if let Some(former) = self.former_source(&row.channel, Some(source))? {
            return Ok(former);
        }
        self.close_parked(&row)?;
        self.received(&row.channel, source, events, state, unreadable)
    }

    fn close_parked(&mut self, row: &Parked) -> Result<Outcome> {
        self.change_totals(row, false)?;
        BY_CHANNEL.delete(&mut self.tables, (&row.channel, row.id));
        PARKED.delete(&mut self.tables, (row.id,));
        self.emit(DomainEvent::ParkedClosed(row.id));
        Ok(Outcome::Done)
    }

    fn change_totals(&mut self, row: &Parked, added: bool) -> Result<()> {
        let mut totals = TOTALS.get(&self.tables, (&row.channel,))?.unwrap_or_default();
        let bytes = row.size_bytes();
        match added {
            true => {
                totals.count = totals.count.saturating_add(1);
                totals.bytes = totals.bytes.saturating_add(bytes);
            }
            false => {
                totals.count = totals.count.saturating_sub(1);
                totals.bytes = totals.bytes.saturating_sub(bytes);
            }
        }
        self.affect(Effect::Parked(row.channel.clone()));
        TOTALS.put(&mut self.tables, (&row.channel,), &totals)
    }
}
