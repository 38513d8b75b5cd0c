//! The domain of Jackfield: facts, identities, customers, conversations, and [`apply`](apply::apply).
//!
//! The host is event sourced: a [`Fact`](fact::Fact) in the journal is what was asked or what came in, and everything else is a
//! projection of the journal. Everything here is a pure function: no clock, no randomness, no I/O, no async, no WebAssembly, no
//! database. Time and anything random enter inside a fact. What has to be remembered goes through the two small traits of [`tables`].
//!
//! # Layout
//!
//! * [`fact`]: the entries of the journal. [`event`]: what connectors emit, in the domain's own words. [`ids`]: newtypes for every id.
//! * [`canonical`], [`claims`], [`forms`]: from what a connector says to what a fact holds. [`limits`]: every bound.
//! * [`apply`]: hands a fact to the area it belongs to. [`effect`]: what has to be looked at outside the tables afterwards.
//! * the areas, each with its `rows` (tables), `apply`, and what is read: [`identity`], [`conversation`], [`outbox`], [`files`],
//!   [`channel`], [`connector`] with [`generation`], [`access`], [`parked`], [`timer`], [`erasure`], [`feed`].
//! * [`tables`]: how rows are read and written. [`read`]: what lists have in common. [`views`], [`rows`]: what other rooms read.

pub mod access;
pub mod apply;
pub mod ask;
pub mod base64;
pub mod canonical;
pub mod channel;
pub mod claims;
pub mod connector;
pub mod conversation;
pub mod effect;
pub mod erasure;
pub mod event;
pub mod fact;
pub mod feed;
pub mod files;
pub mod forms;
pub mod generation;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod outbox;
pub mod parked;
pub mod read;
pub mod rows;
pub mod tables;
pub mod timer;
pub mod views;
