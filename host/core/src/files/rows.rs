//! Rows about the files of messages.

use serde::{Deserialize, Serialize};

use crate::event::Problem;
use crate::fact::Attachment;
use crate::ids::{ChannelId, IdentityId, MessageId, Millis};
use crate::tables::{Json, Present, Table};

/// What became of the file of a message's part.
pub const FILES: Table<(MessageId, u16), File> = Table::new(28, "files");
/// Files that are to be fetched from a channel.
pub const WANTED: Table<(ChannelId, MessageId, u16), Wanted> = Table::new(29, "files to fetch");
/// The same by the time at which they are due.
pub const DUE: Table<(ChannelId, Millis, MessageId, u16), Present> = Table::new(36, "due fetches");

/// What became of the file of a message's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum File {
    /// It is here.
    Kept(Attachment),
    /// It will not come by itself any more.
    Gone {
        /// Since when.
        at: Millis,
        /// Why.
        problem: Problem,
    },
}

/// A file that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Whose.
    pub message: MessageId,
    /// Who wrote it; none in rows of edition 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// Which part, from 0.
    pub part: u16,
    /// Not before.
    pub at: Millis,
    /// Attempts that came to nothing.
    pub attempts: u32,
}

impl Json for File {}
impl Json for Wanted {}
