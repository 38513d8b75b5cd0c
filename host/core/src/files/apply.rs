//! What follows for the files of messages.

use super::rows::{DUE, FILES, File, WANTED, Wanted};
use crate::apply::{Applier, DomainEvent};
use crate::effect::Effect;
use crate::event::{Part, Problem};
use crate::fact::{Attachment, Outcome};
use crate::ids::{ChannelId, IdentityId, MessageId, Millis};
use crate::limits;
use crate::tables::{Present, Result};

/// How many files of a former connector are given up at once. What is behind them is not due any more.
const GIVEN_UP: usize = 10_000;

/// A part of a message.
type PartOf = (MessageId, u16);

impl Applier<'_> {
    /// Has the files of a message that came in fetched: providers give them out for a while only.
    pub(crate) fn files_hear(&mut self, event: &DomainEvent) -> Result<()> {
        match event {
            DomainEvent::MessageStored { message, .. } => self.want_files(*message, &[]),
            DomainEvent::PartsReplaced { message, before } => self.want_files(*message, before),
            _ => Ok(()),
        }
    }

    /// Where the message has another file than in `before`, what was fetched for that one is forgotten.
    fn want_files(&mut self, id: MessageId, before: &[Option<String>]) -> Result<()> {
        let Some(message) = self.held_message(id)? else { return Ok(()) };
        let parts = message.parts.len().max(before.len()).min(limits::PARTS);
        for (part, index) in (0_u16..).zip(0..parts) {
            let now = message.parts.get(index).and_then(reference);
            let then = before.get(index).and_then(Option::as_deref);
            if now == then {
                continue;
            }
            if then.is_some() {
                FILES.delete(&mut self.tables, (id, part));
                self.unwant(&message.channel, (id, part))?;
            }
            if now.is_some() {
                let row = Wanted { message: id, identity: Some(message.identity), part, at: self.at, attempts: 0 };
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

    /// Another connector comes to serve a channel. What the one before called a file may be another one to it, so none is asked for.
    pub(crate) fn give_up_files(&mut self, channel: &ChannelId) -> Result<()> {
        let rows = WANTED.scan(&self.tables, WANTED.with((channel,)), false).take(GIVEN_UP);
        let wanted: Vec<_> = rows.map(|row| Ok(row?.1)).collect::<Result<_>>()?;
        let message = String::from("the channel is served by another connector now, which does not have this file");
        let gone = File::Gone { at: self.at, problem: Problem { message, code: None } };
        for Wanted { message, part, .. } in wanted {
            self.unwant(channel, (message, part))?;
            FILES.put(&mut self.tables, (message, part), &gone)?;
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
        if let Some(identity) = self.whose_file(of, reference)? {
            self.unwant(channel, of)?;
            FILES.put(&mut self.tables, of, &File::Kept(attachment.clone()))?;
            self.emit(DomainEvent::FileSettled { message: of.0, identity });
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
        let Some(identity) = self.whose_file(of, reference)? else {
            return Ok(Outcome::Done);
        };
        match again {
            Some(at) => self.want(channel, &Wanted { at, attempts: row.attempts.saturating_add(1), ..row })?,
            None => {
                self.unwant(channel, of)?;
                FILES.put(&mut self.tables, of, &File::Gone { at: self.at, problem: problem.clone() })?;
                self.emit(DomainEvent::FileSettled { message, identity });
            }
        }
        Ok(Outcome::Done)
    }

    /// Whose message it is, if it still has this file there: an edit may have put another in its place while it was fetched.
    fn whose_file(&self, (message, part): PartOf, reference: Option<&str>) -> Result<Option<IdentityId>> {
        let row = self.held_message(message)?;
        Ok(row.and_then(|row| {
            let media = row.parts.get(usize::from(part))?.media()?;
            (reference.is_none() || media.reference() == reference).then_some(row.identity)
        }))
    }
}

/// What the channel tells the part's file from others by, if it has one.
pub(crate) fn reference(part: &Part) -> Option<&str> {
    part.media()?.reference()
}
