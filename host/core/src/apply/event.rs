//! What areas of the domain tell each other while a fact is applied.

use std::rc::Rc;

use crate::conversation::rows::Message;
use crate::event::Part;
use crate::generation::Stage;
use crate::ids::{ChannelId, CustomerId, MessageId, ParkedId, SuggestionId, TouchpointId};

/// Something that happened while a fact was applied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DomainEvent {
    /// A message stands in a timeline: one of the customer, or an echo.
    MessageStored(Rc<Message>),
    /// A message has another content, reactions, a read mark.
    MessageChanged {
        /// As it is now.
        now: Rc<Message>,
        /// The content before.
        before: Vec<Part>,
    },
    /// A message waits to be sent.
    MessageQueued {
        customer: CustomerId,
        message: MessageId,
    },
    /// A delivery got further, or did not.
    DeliveryMoved(Rc<Message>),
    /// A file of a message was kept, or given up.
    FileSettled(MessageId),
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
