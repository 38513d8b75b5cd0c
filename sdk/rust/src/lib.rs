//! Write a Jackfield connector in Rust.
//!
//! A connector is a type with the trait [`Connector`] and one line of [`export!`]. It turns webhook requests into events
//! ([`Connector::receive`]), does what an agent wants done ([`Connector::send`]), and says who somebody is
//! ([`Connector::hints`]). Channels that push nothing are [polled](poll::Polled); files are the matter of [`media`]. What it may ask the host for stands in [`config`], [`http`], [`log`], [`secrets`] and [`state`].
//!
//! On `wasm32-unknown-unknown` these modules call the host. On any other target they talk to [`testing::Env`], so a connector is
//! tested by plain `cargo test`, with the same code and real signatures.
//!
//! ```
//! use jackfield_sdk::{Connector, Event, EventBody, Failure, Outcome, Property, Request, hub};
//!
//! struct Doorbell;
//!
//! impl Connector for Doorbell {
//!     fn receive(request: Request) -> Result<Outcome, Failure> {
//!         hub::verify(&request, "app-secret")?;
//!         let mut outcome = Outcome::accepted();
//!         outcome.push(EventBody::Other(Property::raw("rang", "true")));
//!         Ok(outcome)
//!     }
//! }
//!
//! jackfield_sdk::export!(Doorbell);
//! ```

pub mod bindings;
pub mod config;
mod connector;
mod failure;
pub mod http;
pub mod hub;
pub mod json;
pub mod log;
pub mod media;
#[cfg(target_family = "wasm")]
mod memory;
pub mod poll;
mod reply;
mod request;
pub mod secrets;
pub mod send;
pub mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod words;

pub use bindings::exports::jackfield::connector::configure::{Health, Step};
pub use bindings::exports::jackfield::connector::receive::{Outcome, Reply, Request, Unreadable};
pub use bindings::exports::jackfield::connector::send::{Action, Content, Delivery, Receipt, Template};
pub use bindings::jackfield::connector::types::*;
#[doc(hidden)]
pub use connector::Adapter;
pub use connector::Connector;

/// Where calls to the host go: to the host, or to the stand-in of a test.
#[cfg(target_family = "wasm")]
pub(crate) mod host {
    pub use crate::bindings::jackfield::connector::{channel, log, secrets, state};
}
#[cfg(not(target_family = "wasm"))]
pub(crate) use testing::host;
