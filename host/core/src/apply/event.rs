//! What areas of the domain tell each other while a fact is applied.

use crate::conversation::rows::Direction;
use crate::generation::Stage;
use crate::ids::{ChannelId, CustomerId, IdentityId, MessageId, ParkedId, SuggestionId, TouchpointId};
use crate::outbox::rows::DeliveryState;

/// Something that happened while a fact was applied. It names things, and holds none: a fact tells of thousands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DomainEvent {
    /// A message stands in a timeline: one of the customer, or an echo.
    MessageStored {
        message: MessageId,
        identity: IdentityId,
        direction: Direction,
    },
    /// A message that came in has other parts.
    PartsReplaced {
        message: MessageId,
        /// The references of the files that the parts before had, where they had one.
        before: Vec<Option<String>>,
    },
    /// A message has another content, reactions, a read mark.
    MessageChanged {
        message: MessageId,
        identity: IdentityId,
    },
    /// A message waits to be sent.
    MessageQueued {
        customer: CustomerId,
        message: MessageId,
    },
    /// A delivery got further, or did not.
    DeliveryMoved {
        message: MessageId,
        identity: IdentityId,
        state: DeliveryState,
    },
    /// A file of a message was kept, or given up.
    FileSettled {
        message: MessageId,
        identity: IdentityId,
    },
    /// Something that is not a message stands in a timeline.
    TouchpointRecorded {
        customer: CustomerId,
        touchpoint: TouchpointId,
    },
    TouchpointChanged(TouchpointId),
    /// A channel said something of a kind without a form of its own.
    OtherSaid {
        channel: ChannelId,
        touchpoint: TouchpointId,
        name: String,
    },
    SuggestionMade {
        customer: CustomerId,
        suggestion: SuggestionId,
    },
    SuggestionDecided {
        customer: CustomerId,
        suggestion: SuggestionId,
        accepted: bool,
    },
    CustomersMerged {
        customer: CustomerId,
        from: CustomerId,
    },
    CustomerSplit(CustomerId),
    CustomerErased(CustomerId),
    /// Nothing of the customer is left.
    ErasureEnded(CustomerId),
    ChannelSet(ChannelId),
    ChannelParked {
        channel: ChannelId,
        reason: String,
    },
    ChannelPaused(ChannelId),
    ChannelResumed(ChannelId),
    GenerationMoved {
        connector: String,
        generation: u32,
        stage: Stage,
    },
    ConnectorRemoved(String),
    DeliveryParked {
        channel: ChannelId,
        parked: ParkedId,
        reason: String,
    },
    ParkedClosed(ParkedId),
}
