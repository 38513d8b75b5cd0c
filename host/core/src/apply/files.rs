//! The files of messages: which are to be fetched, which are here, which will never be had.

use super::Applier;
use crate::effect::Effect;
use crate::event::{Media, Part, Problem};
use crate::fact::{Attachment, Outcome};
use crate::ids::{ChannelId, MessageId, Millis};
use crate::keys;
use crate::rows::{self, File, Message, Wanted};
use crate::tables::Result;

/// Which file a fact is about.
pub(super) struct FileOf<'a> {
    pub(super) channel: &'a ChannelId,
    pub(super) message: MessageId,
    pub(super) part: u16,
    pub(super) reference: Option<&'a str>,
}

impl FileOf<'_> {
    fn wanted(&self) -> Vec<u8> {
        keys::wanted(self.channel, self.message, self.part)
    }

    fn attachment(&self) -> Vec<u8> {
        keys::attachment(self.message, self.part)
    }
}

impl Applier<'_> {
    /// Has the files of a message that came in fetched: providers give them out for a while only. Where the message has another file
    /// than in `before`, what was fetched for that one is forgotten.
    pub(super) fn want_files(&mut self, message: &Message, before: &[Part]) -> Result<()> {
        let parts = message.parts.len().max(before.len());
        for part in 0..parts.min(usize::from(u16::MAX)) {
            let now = message.parts.get(part).and_then(Part::media);
            let then = before.get(part).and_then(Part::media);
            if now.and_then(Media::reference) == then.and_then(Media::reference) {
                continue;
            }
            let part = u16::try_from(part).unwrap_or(u16::MAX);
            let wanted = keys::wanted(&message.channel, message.id, part);
            if then.is_some() {
                self.tables.delete(keys::attachment(message.id, part));
                self.tables.delete(wanted.clone());
            }
            if now.is_some_and(|media| media.reference().is_some()) {
                let row = Wanted { message: message.id, part, at: self.at, attempts: 0 };
                rows::put(self.tables, wanted, &row)?;
                self.affect(Effect::Files(message.channel.clone()));
            }
        }
        Ok(())
    }

    pub(super) fn attachment_stored(&mut self, file: &FileOf<'_>, attachment: &Attachment) -> Result<Outcome> {
        if self.has(file)? {
            self.tables.delete(file.wanted());
            rows::put(self.tables, file.attachment(), &File::Kept(attachment.clone()))?;
            self.tell_of_file(file.message)?;
        }
        Ok(Outcome::Done)
    }

    /// It did not come. `again` is when it is tried once more.
    pub(super) fn attachment_missed(
        &mut self,
        file: &FileOf<'_>,
        again: Option<Millis>,
        problem: &Problem,
    ) -> Result<Outcome> {
        let Some(mut row) = rows::get::<Wanted>(self.tables, &file.wanted())? else {
            // It came another way meanwhile, or nobody waited for it.
            return Ok(Outcome::Done);
        };
        if !self.has(file)? {
            return Ok(Outcome::Done);
        }
        match again {
            Some(at) => {
                row.at = at;
                row.attempts += 1;
                rows::put(self.tables, file.wanted(), &row)?;
            }
            None => {
                self.tables.delete(file.wanted());
                let gone = File::Gone { at: self.at, problem: problem.clone() };
                rows::put(self.tables, file.attachment(), &gone)?;
                self.tell_of_file(file.message)?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Whether the message still has this file there: an edit may have put another in its place while it was fetched.
    fn has(&self, file: &FileOf<'_>) -> Result<bool> {
        let row = rows::get::<Message>(self.tables, &keys::message(file.message))?;
        let media = row.as_ref().and_then(|row| row.parts.get(usize::from(file.part))?.media());
        Ok(media.is_some_and(|media| file.reference.is_none() || media.reference() == file.reference))
    }

    fn tell_of_file(&mut self, message: MessageId) -> Result<()> {
        if let Some(row) = rows::get::<Message>(self.tables, &keys::message(message))? {
            let customer = self.identity_row(row.identity)?.customer;
            self.tell("message.updated", Some(customer), Some(message), &[]);
        }
        Ok(())
    }
}
