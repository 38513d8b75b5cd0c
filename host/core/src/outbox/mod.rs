//! What goes out: requests of clients, attempts, and how far a message got.
//!
//! * `requests`: whether a message may go out; `choice`: where it goes; `before`: where it went by the rule of old journals.
//! * `actions`: what is done to messages that are on their channel already.
//! * `queue`: messages that wait, in order within a thread, by the time at which they are due. `attempts`: an attempt, from its start to
//!   its end. `delivery`: how far a message got, which only moves forward. `echoes`: what came of a message before its attempt's end.
//! * [`rows`]: the tables. [`view`]: what the host reads to send.

mod actions;
mod attempts;
mod before;
mod choice;
mod delivery;
mod echoes;
mod queue;
mod requests;
pub mod rows;
pub mod view;
