//! The messages that a fact looks at and changes. Each is read once, and written once, when the fact is done, however often the fact
//! speaks of it: a message may be large, and its row is written as a whole.

use std::rc::Rc;

use super::messages::Held;
use super::rows::{MESSAGES, Message};
use crate::apply::Applier;
use crate::ids::MessageId;
use crate::tables::Result;

impl Applier<'_> {
    /// A message as it is now. The table has it as it was before the fact.
    pub(crate) fn held_message(&self, id: MessageId) -> Result<Option<Rc<Message>>> {
        if let Some(held) = self.messages.0.borrow().get(&id) {
            return Ok(Some(Rc::clone(&held.row)));
        }
        let Some(row) = MESSAGES.get(&self.tables, (id,))?.map(Rc::new) else {
            return Ok(None);
        };
        self.messages.0.borrow_mut().insert(id, Held { row: Rc::clone(&row), is_changed: false });
        Ok(Some(row))
    }

    pub(crate) fn store_message(&mut self, row: Message) {
        self.messages.0.get_mut().insert(row.id, Held { row: Rc::new(row), is_changed: true });
    }

    /// Changes a message in its place. `change` says whether it did; none if there is no such message.
    pub(crate) fn change_held(
        &mut self,
        id: MessageId,
        change: impl FnOnce(&mut Message) -> bool,
    ) -> Result<Option<bool>> {
        self.held_message(id)?;
        Ok(self.messages.0.get_mut().get_mut(&id).map(|held| {
            let is_changed = change(Rc::make_mut(&mut held.row));
            held.is_changed |= is_changed;
            is_changed
        }))
    }

    /// Writes what was changed.
    pub(crate) fn write_messages(&mut self) -> Result<()> {
        for (id, held) in std::mem::take(self.messages.0.get_mut()) {
            if held.is_changed {
                MESSAGES.put(&mut self.tables, (id,), &held.row)?;
                self.tables.check()?;
            }
        }
        Ok(())
    }
}
