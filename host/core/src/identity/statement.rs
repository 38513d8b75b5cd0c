//! What a statement about a person came with.

use super::address::Speaker;
use crate::event::Trust;
use crate::ids::{ChannelId, MessageId};

/// What a statement about a person came with.
#[derive(Clone, Copy)]
pub(crate) struct Statement<'a> {
    pub(crate) channel: &'a ChannelId,
    /// The scope whose people the channel speaks about.
    pub(crate) scope: &'a str,
    pub(crate) message: Option<MessageId>,
}

impl<'a> Statement<'a> {
    pub(super) fn speaker(&self) -> Speaker<'a> {
        Speaker { channel: self.channel, scope: self.scope }
    }
}

/// What makes an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MadeBy {
    /// Something that the person did.
    Sender,
    /// What a channel says about a person.
    Hint,
    /// An address that passed to somebody else.
    Change,
}

/// How an address passed to somebody else.
pub(super) struct Passed<'a> {
    /// What is known of the new owner.
    pub(super) trust: Trust,
    /// Why it is taken for another person's.
    pub(super) reason: &'a str,
}
