//! What a hostile connector, an impostor and a stranger try with facts: nothing crosses to another person, nothing grows without a bound.

mod bounds;
mod destinations;
mod people;
mod sending;

use crate::support::{Desk, channel, hint, identifier, rules, sender, source, text};
use jackfield_core::event::{Event, EventBody, Part, Sender, Trust};
use jackfield_core::fact::{Fact, Outcome, SendResult, Via};
use jackfield_core::ids::{CustomerId, MessageId};

const PHONE: &str = "+6281234567890";

fn event(body: EventBody) -> Event {
    Event { id: String::new(), body }
}

/// Channels of three connectors: an honest one, a hostile one, a public form on which nobody is proven.
fn shop() -> Desk {
    let mut desk = Desk::new();
    for (name, scope) in [("wa", "whatsapp"), ("evil", "evil"), ("form", "webform")] {
        let scope = Some(scope.to_owned());
        desk.apply(Fact::ChannelSet { channel: channel(name), source: source(), rules: rules(), scope });
    }
    let victim = sender("whatsapp", "62811", vec![hint("phone", PHONE, Trust::Attested)]);
    desk.receive("wa", vec![text("v-1", victim, "where is my parcel?")]);
    desk
}

fn ask(desk: &mut Desk, customer: CustomerId, via: Option<Via>) -> Outcome {
    let parts = vec![Part::Text { text: "your address is …".into() }];
    desk.apply(Fact::MessageRequested { customer, parts, via, reply_to: None, thread: None, idempotency: None })
}

fn queued(desk: &mut Desk, words: &str) -> MessageId {
    let customer = victim(desk);
    let parts = vec![Part::Text { text: words.into() }];
    let fact = Fact::MessageRequested { customer, parts, via: None, reply_to: None, thread: None, idempotency: None };
    let Outcome::Queued { message, .. } = desk.apply(fact) else { panic!("it was refused") };
    message
}

fn send(desk: &mut Desk, message: MessageId, attempt: u32, external: &str) {
    let result = SendResult::Sent { external_ids: vec![external.into()] };
    desk.apply(Fact::SendStarted { message, attempt });
    desk.apply(Fact::SendEnded { message, attempt, result, events: vec![], source: None, state: vec![] });
}

fn victim(desk: &Desk) -> CustomerId {
    desk.customer_of("phone", PHONE)
}

fn unproven(kind: &str, value: &str) -> Sender {
    Sender { identity: identifier(kind, value), trust: Trust::Claimed, hints: vec![] }
}

/// The channel and the thread that an answer goes to.
fn goes_to(outcome: Outcome) -> (String, String) {
    let Outcome::Queued { to: Some(to), .. } = outcome else { panic!("{outcome:?}") };
    (to.channel.to_string(), to.thread.id)
}
