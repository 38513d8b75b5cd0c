//! A connector without a webhook: `poll` and `identity`, and nothing else. Made without the SDK, for a world of its own, as an author
//! in another language would make it.
#![cfg(target_family = "wasm")]

#[allow(unsafe_code, clippy::all, rust_2018_idioms, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package test:poller;
            world poller {
                include jackfield:connector/host@0.1.0;
                export jackfield:connector/poll@0.1.0;
                export jackfield:connector/identity@0.1.0;
            }
        ",
        generate_all,
    });
    use super::Poller;
    export!(Poller with_types_in self);
}

use bindings::exports::jackfield::connector::identity;
use bindings::exports::jackfield::connector::poll::{Batch, Guest};
use bindings::jackfield::connector::types::{Event, EventBody, Failure, Hint, Identifier, Property};

struct Poller;

impl Guest for Poller {
    fn poll(cursor: Option<Vec<u8>>) -> Result<Batch, Failure> {
        let seen = cursor.map_or(0, |cursor| cursor.len());
        let body = EventBody::Other(Property { name: "seen".into(), value: seen.to_string() });
        let events = vec![Event { id: seen.to_string(), body }];
        Ok(Batch { events, unreadable: Vec::new(), cursor: Some(vec![0; seen + 1]), more: false, wait_ms: None })
    }
}

impl identity::Guest for Poller {
    fn hints(_: Identifier) -> Result<Vec<Hint>, Failure> {
        Ok(Vec::new())
    }
}
