//! The rules of the domain, as sentences.

mod identity;
mod messages;
mod properties;
mod support;
