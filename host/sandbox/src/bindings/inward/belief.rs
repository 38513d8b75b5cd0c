//! How far a connector's word goes: what the manifest declares and the operator grants, and less where nobody verified the request.

use jackfield_core::event::Trust;

use crate::binding::ChannelBinding;
use crate::printable::printable;

/// Lines about one call's answer in its log.
const NOTES: usize = 16;

/// What is believed in one call's answer.
pub(super) struct Belief<'a> {
    bound: &'a ChannelBinding,
    /// Nothing is trusted further than this.
    ceiling: Trust,
    /// What the operator should know of what was taken otherwise than it was meant; for the call's log.
    notes: Vec<String>,
}

impl<'a> Belief<'a> {
    pub(super) fn new(bound: &'a ChannelBinding) -> Self {
        Self { bound, ceiling: Trust::Attested, notes: Vec::new() }
    }

    /// Whether the request was verified. If it was not, anybody may have sent it.
    pub(super) fn verified(&mut self, verified: bool) {
        self.ceiling = if verified { Trust::Attested } else { Trust::Claimed };
    }

    pub(super) fn ceiling(&self) -> Trust {
        self.ceiling
    }

    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes
    }

    /// A line for the call's log; the first few are enough.
    pub(super) fn note(&mut self, line: String) {
        if self.notes.len() < NOTES {
            self.notes.push(printable(&self.bound.redactor.text(&line)));
        }
    }

    /// Whether the operator granted this scope of another connector.
    pub(super) fn may_speak_about(&self, scope: &str) -> bool {
        self.bound.scopes.iter().any(|granted| granted == scope)
    }

    /// How far an address of this kind can be believed, at most.
    pub(super) fn cap(&self, kind: &str) -> Trust {
        let declared = self.bound.trust.get(kind).copied().unwrap_or(Trust::Claimed);
        declared.min(self.ceiling)
    }
}
