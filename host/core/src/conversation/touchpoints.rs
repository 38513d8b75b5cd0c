//! What is not a message: orders, visits, calls, and whatever else a channel says.

use super::externals::external;
use super::inbound::{Origin, bounded};
use super::rows::{EXTERNAL, EXTERNAL_CALL, External, Item, TIMELINE, TOUCHPOINTS, Touchpoint};
use crate::apply::{Applier, DomainEvent};
use crate::effect::Effect;
use crate::event::{EventBody, Property, Sender};
use crate::ids::{ChannelId, Millis, TouchpointId};
use crate::tables::{Present, Result};

impl Applier<'_> {
    #[allow(clippy::too_many_arguments, reason = "the fields of a touchpoint, each once")]
    pub(super) fn touchpoint(
        &mut self,
        origin: Origin<'_>,
        id: TouchpointId,
        sender: &Sender,
        kind: &str,
        at: Option<Millis>,
        summary: &str,
        extra: &[Property],
    ) -> Result<()> {
        let identity = self.sender(sender, origin.statement(None))?;
        self.affect(Effect::Person(origin.channel.clone(), identity));
        let at = self.believable(at);
        let row = Touchpoint {
            id,
            channel: origin.channel.clone(),
            identity: Some(identity),
            kind: kind.to_owned(),
            at,
            summary: summary.to_owned(),
            said_at: None,
            extra: bounded(extra),
        };
        TOUCHPOINTS.put(&mut self.tables, (id,), &row)?;
        TIMELINE.put(&mut self.tables, (identity, at, Item::Touchpoint(id)), &Present)?;
        let mut who = self.identity_row(identity)?;
        self.bump_activity(&mut who, at)?;
        self.store_identity(&who);
        self.emit(DomainEvent::TouchpointRecorded { customer: who.customer, touchpoint: id });
        Ok(())
    }

    /// A call is one touchpoint that changes while the call goes on. What comes late does not put it back.
    pub(super) fn call(&mut self, origin: Origin<'_>, body: &EventBody) -> Result<()> {
        let EventBody::Call { call_id, sender, direction, state, at, duration_seconds, extra } = body else {
            return Ok(());
        };
        let summary = match duration_seconds {
            Some(seconds) => format!("{direction} call, {state}, {seconds} s"),
            None => format!("{direction} call, {state}"),
        };
        if let Some(External::Call(id)) = external(&self.tables, origin.channel, EXTERNAL_CALL, call_id)?
            && let Some(mut row) = TOUCHPOINTS.get(&self.tables, (id,))?
        {
            let at = self.believable(*at);
            if at >= row.said_at.unwrap_or(row.at) {
                (row.summary, row.said_at) = (summary, Some(at));
            }
            let new: Vec<Property> = extra.iter().filter(|e| !row.extra.contains(e)).cloned().collect();
            row.extra.extend(new);
            row.extra = bounded(&row.extra);
            self.emit(DomainEvent::TouchpointChanged(id));
            return TOUCHPOINTS.put(&mut self.tables, (id,), &row);
        }
        let id = self.ids.touchpoint()?;
        if !call_id.is_empty() {
            EXTERNAL.put(&mut self.tables, (origin.channel, EXTERNAL_CALL, call_id), &External::Call(id))?;
        }
        self.touchpoint(origin, id, sender, "call", *at, &summary, extra)
    }

    /// Genuine, but of no kind that has a form: kept, and told to whoever follows events.
    pub(super) fn other(&mut self, channel: &ChannelId, property: &Property) -> Result<()> {
        let id = self.ids.touchpoint()?;
        let row = Touchpoint {
            id,
            channel: channel.clone(),
            identity: None,
            kind: String::from("other"),
            at: self.at,
            summary: property.name.clone(),
            said_at: None,
            extra: bounded(std::slice::from_ref(property)),
        };
        TOUCHPOINTS.put(&mut self.tables, (id,), &row)?;
        let (channel, name) = (channel.clone(), property.name.clone());
        self.emit(DomainEvent::OtherSaid { channel, touchpoint: id, name });
        Ok(())
    }
}
