//! What is left of what was said about people.

use super::plan::{Place, Plan};
use super::stand_in;
use crate::event::{Hint, Identifier, Sender, Subject, Trust};
use crate::identity::address;
use crate::tables::{Read, Result};

impl Plan {
    /// What is left of the person: who it is, and which addresses the person was linked with or claimed.
    pub(super) fn person(&mut self, tables: &impl Read, place: &Place, sender: &Sender) -> Result<Sender> {
        let mut hints = Vec::new();
        for hint in &sender.hints {
            if let Subject::Identifier(identifier) = &hint.about {
                let about = Subject::Identifier(self.named_by_person(tables, place, identifier)?);
                hints.push(Hint { about, trust: hint.trust, evidence: String::new() });
            }
        }
        let mut identity = self.standing_in(place, &sender.identity, sender.trust);
        identity.raw = None;
        Ok(Sender { identity, trust: sender.trust, hints })
    }

    /// An address that the person gave. Nobody else's: that of another customer is theirs.
    fn named_by_person(&mut self, tables: &impl Read, place: &Place, identifier: &Identifier) -> Result<Identifier> {
        let of = place.address(identifier, Trust::Attested);
        let mut left = Identifier { raw: None, ..self.standing_in(place, identifier, Trust::Attested) };
        let is_somebodys = left.value != identifier.value
            || stand_in::is_one(&left.value)
            || address::find(tables, identifier, &of.1)?.is_some_and(|id| self.is_somebody_else(id));
        if !is_somebodys && let Some(first) = self.members.first().copied() {
            let number = self.claimed.len();
            let name = self.claimed.entry(of).or_insert_with(|| stand_in::of_claim(first, number));
            left.value.clone_from(name);
        }
        Ok(left)
    }

    /// The address, or what stands for it.
    pub(super) fn standing_in(&self, place: &Place, identifier: &Identifier, trust: Trust) -> Identifier {
        match self.stand_ins.get(&place.address(identifier, trust)).filter(|_| place.seq < self.until) {
            Some(name) => Identifier { value: name.clone(), raw: None, ..identifier.clone() },
            None => identifier.clone(),
        }
    }

    /// What somebody else's statements are without the person's addresses.
    pub(super) fn others_hints(&self, place: &Place, hints: &mut [Hint]) {
        for hint in hints {
            if let Subject::Identifier(identifier) = &mut hint.about {
                *identifier = self.standing_in(place, identifier, Trust::Attested);
            }
            if place.seq < self.until && self.needles.are_in(hint.evidence.as_bytes()) {
                hint.evidence.clear();
            }
        }
    }
}
