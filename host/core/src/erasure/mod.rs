//! A person is erased: at once for everybody who reads, and then from the journal.
//!
//! [`Fact::CustomerErased`](crate::fact::Fact::CustomerErased) takes the person out of everything that is read, frees the addresses, and
//! ends what waits to be sent or fetched. What the facts hold about the person is then replaced in the journal, fact by fact, by the host,
//! which builds tables from what is left and appends [`Fact::ErasureEnded`](crate::fact::Fact::ErasureEnded). An erasure without its end
//! is gone on with at the next start.
//!
//! What is left of a fact makes the same identities, links and suggestions under the same ids as before, with a [`stand_in`] for each
//! address, so that nobody else's ids, customers and conversations change. ADR 25 says what is kept, and why.
//!
//! * `apply`: the two facts. [`plan`]: which facts hold something of the person. [`rewrite`]: what is left of each.
//! * `attempts`: which ends of attempts counted. `waiting`: what was said of messages that had not come. `needles`: a person's addresses
//!   in bytes that nobody could read. `numbers`: phone numbers, however they are written. `escapes`: what JSON and URLs make of a text.
//! * [`stand_in`]: what stands for an address. `people`: what is left of a statement about a person. [`rows`], [`view`].

mod apply;
mod attempts;
mod escapes;
mod needles;
mod numbers;
mod people;
pub mod plan;
pub mod rewrite;
pub mod rows;
pub mod stand_in;
pub mod view;
mod waiting;
