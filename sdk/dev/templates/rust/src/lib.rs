//! The {{name}} connector: one account is one channel.

mod outbound;
#[cfg(test)]
mod tests;

use jackfield_sdk::json::{self, Look, Raw};
use jackfield_sdk::secrets::{self, Scheme};
use jackfield_sdk::{
    Author, Connector, Delivery, Event, EventBody, Failure, Hint, Identifier, Message, Outcome, Part, Property, Receipt,
    Reply, Request, Sender, Subject, Thread,
};

/// The connector. Every call gets a fresh instance; what has to outlive a call goes to `jackfield_sdk::state`.
pub struct {{type}};

impl Connector for {{type}} {
    fn receive(request: Request) -> Result<Outcome, Failure> {
        if request.method != "POST" {
            return Ok(Outcome::reply(Reply::status(405)));
        }
        verify(&request)?;
        let body = json::body(&request.body).map_err(Failure::rejected)?;
        let mut outcome = Outcome::accepted();
        match json::members(body) {
            // Each item by itself, so that one that is broken takes no sibling with it.
            Ok(members) if members.contains_key("messages") => {
                outcome.each(members.get("messages").copied(), &mut |outcome, raw| {
                    outcome.push(event(raw)?);
                    Ok(())
                });
            }
            _ => outcome.unreadable(body.get(), "this is no webhook of the provider: it has no `messages`"),
        }
        Ok(outcome)
    }

    fn send(delivery: Delivery, idempotency_key: &str) -> Result<Receipt, Failure> {
        outbound::deliver(&delivery, idempotency_key)
    }
}

/// Events count only after a successful check in the same call.
fn verify(request: &Request) -> Result<(), Failure> {
    let header = request.header("x-signature").unwrap_or_default();
    let Some(signature) = header.strip_prefix(b"sha256=") else {
        return Err(Failure::unauthenticated("The header X-Signature is missing or has another form."));
    };
    match secrets::verify_hex("webhook-secret", &Scheme::HmacSha256, &request.body, signature)? {
        true => Ok(()),
        false => Err(Failure::unauthenticated("The signature does not fit the body and the secret.")),
    }
}

/// One item of the webhook. Kinds without a form are kept as they are, never lost; what fails here goes to the unreadable items.
fn event(raw: &Raw) -> Result<Event, String> {
    let item = json::item(raw)?;
    match item.need("type")?.as_str() {
        "text" => message(&item).map(Event::from),
        kind => Ok(Event::new(item.text("id").unwrap_or_default(), EventBody::Other(Property::raw(kind, raw.get())))),
    }
}

fn message(item: &serde_json::Value) -> Result<Message, String> {
    let from = item.need("from")?;
    let name = item.text("name").map(|name| Hint::claimed(Subject::Name(name), "display name"));
    // Without a namespace, the address counts within the channel only.
    let sender = Sender { identity: Identifier::global("{{name}}", from.as_str()), hints: name.into_iter().collect() };
    Ok(Message {
        id: item.need("id")?,
        thread: Thread::direct(from),
        author: Author::Customer(sender),
        sent_at: item.time("time"),
        parts: vec![Part::Text(item.need("text")?)],
        reply_to: item.text("reply_to"),
        extra: Vec::new(),
    })
}

jackfield_sdk::export!({{type}});
