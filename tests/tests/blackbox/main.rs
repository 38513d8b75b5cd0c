//! The host as its users meet it: the real program, real components, real HTTP.

mod attachments;
mod attacks;
mod bad_days;
mod contract;
mod erasure;
mod events;
mod files;
mod front;
mod golden;
mod hints;
mod hostile;
mod interleavings;
mod languages;
mod lifecycle;
mod line;
mod logs;
mod parked;
mod polling;
mod reactor;
mod registry;
mod reload;
mod replies;
mod rollback;
mod slack;
mod story;
mod webhooks;
