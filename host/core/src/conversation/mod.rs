//! Messages and touchpoints: what comes in through channels, in which order it stands, and how clients read it.
//!
//! * `inbound`: from the events of a call to rows. `changes`: edits, deletions, reactions. `updates`: what is said of a message before it
//!   comes, and read marks of whole threads; `early`: what of it waits. `touchpoints`: what is not a message. `externals`: what a
//!   channel's own ids stand for. `held`: the messages of one fact, in `messages`. `content`: how much of a message a row holds.
//!   `placing`: into a timeline, and out of it.
//! * [`rows`]: the tables. [`message`], [`timeline`], [`inbox`]: what clients read.

mod changes;
mod content;
mod early;
mod externals;
mod held;
mod inbound;
pub mod inbox;
pub mod message;
mod messages;
mod placing;
pub mod rows;
pub mod timeline;
mod touchpoints;
mod updates;
pub mod view;

pub(crate) use content::is_too_large;
pub(crate) use early::{EarlyPlace, place as early_place};
pub(crate) use inbound::{EventEffect, Origin};
pub(crate) use messages::HeldMessages;
