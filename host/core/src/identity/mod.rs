//! Who is who: identities, links between them, customers.
//!
//! An identity is one address of a person; a customer is a set of identities that links join. Nothing here moves a message: messages
//! belong to identities for ever, and a customer is only what the links say.
//!
//! * [`address`]: within what an address is unique, and who may speak about it.
//! * `senders`: the identity of a sender, made if it is new. `hints`: what is said about a person. `statement`: what that came with.
//! * `proofs`, `claims`: what joins identities by itself, and what only suggests. `changes`: addresses that pass to somebody else.
//! * `decisions`: what people decide about links, and how that is taken back. `groups`: which identities are one customer.
//! * [`graph`]: the graph of identities and links. [`rows`]: the tables.
//! * [`customer`], [`links`], [`search`]: what clients read.

pub mod address;
mod changes;
mod claims;
pub mod customer;
mod decisions;
pub mod graph;
mod groups;
mod hints;
pub mod links;
pub mod people;
mod proofs;
pub mod rows;
pub mod search;
mod senders;
mod statement;

pub(crate) use statement::Statement;
