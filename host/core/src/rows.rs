//! The rows that other rooms see, from the areas that they belong to.

pub use crate::access::rows::ApiKey;
pub use crate::channel::rows::Channel;
pub use crate::conversation::rows::{Direction, Message, MessageAuthor, Touchpoint};
pub use crate::feed::rows::{PublicEvent, Skipped};
pub use crate::files::rows::{File, Wanted};
pub use crate::identity::rows::{Identity, Link, Policy, Rule, Suggestion, SuggestionState};
pub use crate::outbox::rows::{Delivery, DeliveryState, Outgoing};
pub use crate::parked::rows::Parked;
