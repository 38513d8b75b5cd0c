//! What the black-box tests, the demonstration and the benchmarks share: the real host as a process, the providers' side of webhooks
//! and APIs, and a client.
//!
//! * [`crash`]: bad days.
//! * [`host`]: the program `jackfield` on a free port and a folder of its own.
//! * [`client`]: JSON over HTTP.
//! * [`events`]: the live feed.
//! * [`provider`]: a stand-in for a provider's API, on loopback, with scripted answers.
//! * [`registry`]: a registry of components.
//! * [`webhooks`]: signed requests as the providers make them.
//! * [`swap`]: a connector that is swapped under load. [`cycles`]: one that is loaded and unloaded a thousand times.
//! * [`siege`]: attacks on the front door while good webhooks come in.
//! * [`versions`]: versions of one connector, good and bad, made from one guest.
//! * [`stranger`]: the path of somebody who has never seen this source.
//! * [`paths`]: where built things are. [`compiled`]: what takes long to compile, compiled once.

pub mod client;
pub mod compiled;
pub mod crash;
pub mod cycles;
pub mod events;
pub mod host;
pub mod paths;
pub mod provider;
pub mod registry;
pub mod siege;
pub mod stranger;
pub mod swap;
pub mod versions;
pub mod webhooks;
