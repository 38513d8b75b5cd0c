//! Outgoing HTTP: every request of a guest passes through [`hooks`], and there is no other way out.
//!
//! * [`origin`], [`policy`]: may this request be made?
//! * [`address`], [`resolver`]: may this address be connected to?
//! * [`inject`]: credentials go in.
//! * [`client`] holds the connections.
//! * [`files`]: requests that the host makes for a connector, to carry files.
//! * [`record`]: what they came to. [`headers`]: what a guest may not set.
//! * [`exchange`]: one request and its response, with time-outs, bounds, and secrets taken out of what comes back.

pub(crate) mod address;
pub(crate) mod client;
mod exchange;
pub(crate) mod files;
pub(crate) mod headers;
pub(crate) mod hooks;
pub(crate) mod inject;
pub(crate) mod origin;
pub(crate) mod policy;
pub(crate) mod record;
mod resolver;
