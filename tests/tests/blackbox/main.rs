//! The host as its users meet it: the real program, real components, real HTTP.

mod events;
mod replies;
mod story;
mod webhooks;
