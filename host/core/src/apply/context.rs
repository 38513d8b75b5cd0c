//! The work on one fact.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::applied::{Applied, set_applied};
use super::event::DomainEvent;
use super::ids::Ids;
use super::meter::Metered;
use crate::channel::rows::NUMBERING;
use crate::conversation::HeldMessages;
use crate::effect::Effect;
use crate::fact::{Actor, Entry, Outcome, Timer};
use crate::feed::Public;
use crate::identity::rows::Identity;
use crate::ids::{IdentityId, Millis, Seq};
use crate::tables::{Present, Result, Write};

/// The work on one fact. Each area of the domain has methods on it.
pub(crate) struct Applier<'a> {
    pub(crate) tables: Metered<'a>,
    entry: &'a Entry,
    pub(crate) seq: Seq,
    pub(crate) at: Millis,
    pub(crate) actor: &'a Actor,
    pub(crate) ids: Ids,
    pub(crate) public: Public,
    pub(crate) messages: HeldMessages,
    happened: VecDeque<DomainEvent>,
    effects: BTreeSet<Effect>,
    /// Identities that hints have made.
    pub(crate) made_by_hints: usize,
    /// Suggestions that were made.
    pub(crate) suggested: usize,
    /// Deliveries that read marks have looked at.
    pub(crate) read_marks: usize,
    /// Whether identities are proven by many, as far as that was worked out and no link of theirs has changed since.
    pub(crate) proven_by_many: RefCell<BTreeMap<IdentityId, bool>>,
    /// Rows that were read or stored, as they are now.
    pub(crate) identities: RefCell<BTreeMap<IdentityId, Rc<Identity>>>,
    /// Those of them that are to be written when the fact is done.
    pub(crate) changed_identities: BTreeSet<IdentityId>,
}

impl<'a> Applier<'a> {
    pub(super) fn new(tables: &'a mut dyn Write, entry: &'a Entry) -> Result<Self> {
        let tables = Metered::new(tables);
        let by_place = NUMBERING.get(&tables, ())?.is_some();
        Ok(Self {
            tables,
            entry,
            seq: entry.seq,
            at: entry.at,
            actor: &entry.actor,
            ids: Ids::new(entry.seq, by_place),
            public: Public::default(),
            messages: HeldMessages::default(),
            happened: VecDeque::new(),
            effects: BTreeSet::new(),
            made_by_hints: 0,
            suggested: 0,
            read_marks: 0,
            proven_by_many: RefCell::default(),
            identities: RefCell::default(),
            changed_identities: BTreeSet::new(),
        })
    }

    /// Whether the fact may look at one more message that is there. Facts of old journals are numbered by what comes of that.
    pub(crate) fn has_room_for_changes(&self) -> bool {
        !self.ids.by_place() || self.tables.has_room_for_changes()
    }

    /// The same, and counts where it may not.
    pub(crate) fn may_change_more(&mut self) -> bool {
        let may = self.has_room_for_changes();
        self.public.left_out += u64::from(!may);
        may
    }

    /// Notes that something outside the tables follows from the fact.
    pub(crate) fn affect(&mut self, effect: Effect) {
        self.effects.insert(effect);
    }

    /// Tells the other areas that something happened.
    pub(crate) fn emit(&mut self, event: DomainEvent) {
        self.happened.push_back(event);
    }

    pub(super) fn next_event(&mut self) -> Option<DomainEvent> {
        self.happened.pop_front()
    }

    /// Ids are given by place from the next fact on. With this, the timers of the host begin to run.
    pub(super) fn number_by_place(&mut self) -> Result<Outcome> {
        if !NUMBERING.contains(&self.tables, ())? {
            NUMBERING.put(&mut self.tables, (), &Present)?;
            self.set_timer(Timer::Retention, self.at)?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn finish(mut self, outcome: Outcome) -> Result<Applied> {
        self.write_messages()?;
        self.write_identities()?;
        self.store_public_events()?;
        self.tables.check()?;
        let cost = self.tables.cost();
        set_applied(self.tables.into_inner(), self.entry);
        Ok(Applied { outcome, effects: self.effects.into_iter().collect(), cost })
    }
}
