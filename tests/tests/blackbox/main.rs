//! The host as its users meet it: the real program, real components, real HTTP.

mod attachments;
mod bad_days;
mod contract;
mod events;
mod files;
mod golden;
mod hostile;
mod interleavings;
mod lifecycle;
mod logs;
mod polling;
mod reload;
mod replies;
mod story;
mod webhooks;
