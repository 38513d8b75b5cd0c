//! What follows for the files of messages.

use super::rows::{DUE, FILES, File, WANTED, Wanted};
use crate::apply::{Applier, DomainEvent};
use crate::conversation::rows::{MESSAGES, Message};
use crate::effect::Effect;
use crate::event::{Media, Part, Problem};
use crate::fact::{Attachment, Outcome};
use crate::ids::{ChannelId, MessageId, Millis};
use crate::limits;
use crate::tables::{Present, Result};

/// A part of a message.
type PartOf = (MessageId, u16);

impl Applier<'_> {
    /// Has the files of a message that came in fetched: providers give them out for a while only.
    pub(crate) fn files_hear(&mut self, event: &DomainEvent) -> Result<()> {
        match event {
            DomainEvent::MessageStored(message) => self.want_files(message, &[]),
            // The files of what was sent from here are here.
            DomainEvent::MessageChanged { now, before } if now.delivery.is_none() => self.want_files(now, before),
            _ => Ok(()),
        }
    }

    /// Where the message has another file than in `before`, what was fetched for that one is forgotten.
    fn want_files(&mut self, message: &Message, before: &[Part]) -> Result<()> {
        let parts = message.parts.len().max(before.len()).min(limits::PARTS);
        for (part, index) in (0_u16..).zip(0..parts) {
            let now = message.parts.get(index).and_then(Part::media);
            let then = before.get(index).and_then(Part::media);
            if now.and_then(Media::reference) == then.and_then(Media::reference) {
                continue;
            }
            if then.is_some() {
                FILES.delete(&mut self.tables, (message.id, part));
                self.unwant(&message.channel, (message.id, part))?;
            }
            if now.is_some_and(|media| media.reference().is_some()) {
                let row = Wanted { message: message.id, part, at: self.at, attempts: 0 };
                self.want(&message.channel, &row)?;
            }
        }
        Ok(())
    }

    fn want(&mut self, channel: &ChannelId, row: &Wanted) -> Result<()> {
        self.unwant(channel, (row.message, row.part))?;
        WANTED.put(&mut self.tables, (channel, row.message, row.part), row)?;
        self.affect(Effect::Files(channel.clone()));
        DUE.put(&mut self.tables, (channel, row.at, row.message, row.part), &Present)
    }

    pub(crate) fn unwant(&mut self, channel: &ChannelId, (message, part): PartOf) -> Result<()> {
        if let Some(before) = WANTED.get(&self.tables, (channel, message, part))? {
            DUE.delete(&mut self.tables, (channel, before.at, message, part));
            WANTED.delete(&mut self.tables, (channel, message, part));
        }
        Ok(())
    }

    pub(crate) fn file_stored(
        &mut self,
        channel: &ChannelId,
        of: PartOf,
        reference: Option<&str>,
        attachment: &Attachment,
    ) -> Result<Outcome> {
        if self.has_file(of, reference)? {
            self.unwant(channel, of)?;
            FILES.put(&mut self.tables, of, &File::Kept(attachment.clone()))?;
            self.emit(DomainEvent::FileSettled(of.0));
        }
        Ok(Outcome::Done)
    }

    /// The file did not come. `again` is when it is tried once more.
    pub(crate) fn file_missed(
        &mut self,
        channel: &ChannelId,
        of: PartOf,
        reference: Option<&str>,
        again: Option<Millis>,
        problem: &Problem,
    ) -> Result<Outcome> {
        let (message, part) = of;
        let Some(row) = WANTED.get(&self.tables, (channel, message, part))? else {
            // It came another way meanwhile, or nobody waited for it.
            return Ok(Outcome::Done);
        };
        if !self.has_file(of, reference)? {
            return Ok(Outcome::Done);
        }
        match again {
            Some(at) => self.want(channel, &Wanted { at, attempts: row.attempts.saturating_add(1), ..row })?,
            None => {
                self.unwant(channel, of)?;
                FILES.put(&mut self.tables, of, &File::Gone { at: self.at, problem: problem.clone() })?;
                self.emit(DomainEvent::FileSettled(message));
            }
        }
        Ok(Outcome::Done)
    }

    /// Whether the message still has this file there: an edit may have put another in its place while it was fetched.
    fn has_file(&self, (message, part): PartOf, reference: Option<&str>) -> Result<bool> {
        let row = MESSAGES.get(&self.tables, (message,))?;
        let media = row.as_ref().and_then(|row| row.parts.get(usize::from(part))?.media());
        Ok(media.is_some_and(|media| reference.is_none() || media.reference() == reference))
    }
}
