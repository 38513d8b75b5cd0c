//! The program `jackfield`: webhooks in, an HTTP API for agents and programs, messages out.
//!
//! ```text
//! provider ──▶ ingress ──▶ connector (sandbox) ──▶ Host::append ──▶ store ──▶ api reads, outbox sends, hints asks
//! ```
//!
//! # Layout
//!
//! * [`host`]: what everything shares, and the one way to append a fact.
//! * [`channels`]: the channels that are switched on, and their calls.
//! * [`connectors`]: the connectors that are loaded, and the life of their versions.
//! * [`front`]: connections, from `accept` to the router of [`api`].
//! * [`ingress`]: webhooks; [`poller`]: channels that have to be asked; [`replay`]: parked ones once more; [`hints`]: who is that?; [`outbox`]: messages out;
//!   [`jobs`]: how they are run; [`attachments`]: files.
//! * [`api`]: HTTP under `/v1`.
//! * [`config`], [`start`], [`serve`], [`tls`], [`shutdown`], [`logging`], [`metrics`], [`clock`]: the running of it.
//! * [`cli`], [`commands`]: what an operator types. [`keys`]: API keys.

pub mod api;
pub mod attachments;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connectors;
pub mod erasure;
pub mod front;
pub mod hints;
pub mod host;
pub mod housekeeping;
pub mod ingress;
pub mod jobs;
pub mod keys;
pub mod logging;
pub mod metrics;
pub mod outbox;
pub mod poller;
pub mod problem;
pub mod reactor;
pub mod replay;
pub mod serve;
pub mod shutdown;
pub mod start;
pub mod tls;
