//! What applying a fact came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Thread;
use crate::ids::{ChannelId, CustomerId, IdentityId, KeyId, MessageId, ParkedId, Seq};

/// What applying a fact came to. The same on every host that applies the same journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing more to say.
    Done,
    /// How many of the events were new and how many were known already.
    Received {
        /// Events that changed something.
        new: u32,
        /// Events that had been seen.
        duplicate: u32,
        /// Parked items.
        parked: Vec<ParkedId>,
    },
    /// A delivery was parked.
    Parked {
        /// Under this id.
        parked: ParkedId,
    },
    /// A component is kept as a generation.
    Staged {
        /// Its number.
        generation: u32,
    },
    /// A message waits to be sent.
    Queued {
        /// Under this id.
        message: MessageId,
        /// Where it goes; none where it was said before, or by an older version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Box<Destination>>,
    },
    /// Customers were linked.
    Merged {
        /// Who they are now.
        customer: CustomerId,
    },
    /// A customer was taken apart.
    Unlinked {
        /// The customer of the address that was taken out.
        customer: CustomerId,
        /// The customer of the rest.
        rest: CustomerId,
    },
    /// A suggestion was decided.
    Decided {
        /// The customer it was about, as it is now.
        customer: CustomerId,
    },
    /// A key was made.
    KeyCreated {
        /// Under this id.
        key: KeyId,
    },
    /// A person is erased.
    Erased {
        /// The number of the fact that began it.
        erasure: Seq,
    },
    /// Nothing was done.
    Refused(Refusal),
    /// Applying the fact met a defect of this version. Nothing was done; a mended version applies it again.
    Skipped {
        /// The defect.
        reason: String,
    },
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Destination {
    /// On this channel.
    pub channel: ChannelId,
    /// To this address of the customer.
    pub identity: IdentityId,
    /// Its kind.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// In this thread.
    pub thread: Thread,
    /// Where the customer wrote last, if that is another address or thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Newest>,
}

/// Where a customer wrote last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = NewestInbound))]
pub struct Newest {
    /// On this channel.
    pub channel: ChannelId,
    /// From this address.
    pub identity: IdentityId,
    /// In this thread.
    pub thread: Thread,
}

/// Why nothing was done. `code` is for programs and stays; `message` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `not_found`, `conflict`, `window_closed`, `no_address`, `unsupported`, `idempotency_mismatch`, …
    pub code: String,
    /// A sentence with the remedy.
    pub message: String,
    /// More for programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}
