//! The WhatsApp connector as ordinary Rust: the same crate, called through the SDK's stand-in for the host, and its answer put into the
//! domain's words. Only what the benchmarks send has a translation here: texts from customers.

use std::cell::RefCell;

use anyhow::{Context, Result, bail};
use jackfield_core::event::{
    self, Author, Event, EventBody, Hint, Identifier, InboundMessage, Part, Sender, Subject, Trust,
};
use jackfield_core::ids::Millis;
use jackfield_sandbox::{Call, CallError, CallErrorKind, Effects, Received, Reply, Request, Usage};
use jackfield_sdk as sdk;
use jackfield_sdk::Connector as _;
use jackfield_sdk::testing::Env;
use jackfield_tests::host::WHATSAPP;
use jackfield_tests::webhooks::{ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN};

thread_local! {
    static CHANNEL: RefCell<Env> = RefCell::new(channel());
}

/// The channel's configuration, as the shop of the tests has it.
pub const CONFIG: &str =
    r#"{"phone_number_id":"106540352242922","api_base":"http://127.0.0.1:1","media_base":"http://127.0.0.1:1"}"#;

fn channel() -> Env {
    Env::new(WHATSAPP)
        .config(CONFIG)
        .secret("app-secret", APP_SECRET)
        .secret("verify-token", VERIFY_TOKEN)
        .secret("access-token", ACCESS_TOKEN)
}

/// What `Channel::receive` does, without the sandbox.
///
/// # Errors
/// When the connector answers anything but texts.
pub fn receive(request: Request) -> Result<Call<Received>, CallError> {
    let (outcome, authenticated) = CHANNEL.with_borrow_mut(|channel| {
        let outcome = channel.run(|| whatsapp::WhatsApp::receive(to_guest(request)));
        (outcome, channel.is_authenticated())
    });
    let received = match outcome {
        Ok(outcome) => from_guest(outcome),
        Err(failure) => Err(anyhow::anyhow!("{}", failure.problem().message)),
    };
    match received {
        Ok(received) => Ok(Call { result: Ok(received), effects: Effects { authenticated, ..Effects::default() } }),
        Err(error) => Err(CallError {
            kind: CallErrorKind::Trap,
            message: format!("{error:#}"),
            authenticated,
            log: Vec::new(),
            usage: Usage::default(),
        }),
    }
}

fn to_guest(request: Request) -> sdk::Request {
    let header = |(name, value)| sdk::Header { name, value };
    sdk::Request {
        method: request.method,
        url: request.url,
        headers: request.headers.into_iter().map(header).collect(),
        body: request.body,
        received_at: request.received_at.0,
    }
}

fn from_guest(outcome: sdk::Outcome) -> Result<Received> {
    anyhow::ensure!(outcome.unreadable.is_empty(), "the benchmarks send nothing that cannot be read");
    let sdk::Reply { status, headers, body } = outcome.reply;
    let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
    Ok(Received {
        reply: Reply { status, headers, body },
        events: outcome.events.into_iter().map(event).collect::<Result<_>>()?,
        unreadable: Vec::new(),
    })
}

fn event(event: sdk::Event) -> Result<Event> {
    let sdk::EventBody::Message(message) = event.body else {
        bail!("the benchmarks send messages only");
    };
    let sdk::Author::Customer(from) = message.author else {
        bail!("the benchmarks send messages of customers only");
    };
    anyhow::ensure!(message.extra.is_empty(), "the benchmarks send plain texts");
    let body = EventBody::Message(InboundMessage {
        id: message.id,
        thread: event::Thread { id: message.thread.id, kind: "direct".to_owned() },
        author: Author::Customer,
        sender: sender(from)?,
        sent_at: message.sent_at.map(Millis),
        parts: message.parts.into_iter().map(part).collect::<Result<_>>()?,
        reply_to: message.reply_to,
        ordered_at: None,
        extra: Vec::new(),
        cut: Vec::new(),
    });
    Ok(Event { id: event.id, body })
}

fn sender(sender: sdk::Sender) -> Result<Sender> {
    Ok(Sender {
        identity: identifier(sender.identity),
        trust: Trust::Attested,
        hints: sender.hints.into_iter().map(hint).collect::<Result<_>>()?,
    })
}

fn hint(hint: sdk::Hint) -> Result<Hint> {
    let (about, trust) = match hint.about {
        sdk::Subject::Identifier(other) => (Subject::Identifier(identifier(other)), Trust::Attested),
        sdk::Subject::Name(name) => (Subject::Name(name), Trust::Claimed),
        _ => bail!("WhatsApp tells names and numbers"),
    };
    Ok(Hint { about, trust, evidence: hint.evidence })
}

fn identifier(identifier: sdk::Identifier) -> Identifier {
    Identifier {
        kind: identifier.kind,
        namespace: identifier.namespace.unwrap_or_default(),
        value: identifier.value,
        raw: None,
        scope: None,
    }
}

fn part(part: sdk::Part) -> Result<Part> {
    match part {
        sdk::Part::Text(text) => Ok(Part::Text { text }),
        _ => bail!("the benchmarks send texts only"),
    }
}

/// A webhook as a request that has come in.
///
/// # Errors
/// When it is not signed.
pub fn request(webhook: &jackfield_tests::webhooks::Webhook) -> Result<Request> {
    let headers: Vec<(String, Vec<u8>)> =
        webhook.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
    headers.iter().find(|(name, _)| name == "x-hub-signature-256").context("a signature")?;
    Ok(Request {
        method: "POST".to_owned(),
        url: format!("http://127.0.0.1:8480/hooks/{WHATSAPP}"),
        headers,
        body: webhook.body.clone().into_bytes(),
        received_at: Millis(jackfield_tests::webhooks::now_seconds() * 1_000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shots;

    #[test]
    fn a_signed_webhook_becomes_one_message_with_name_and_number() {
        let request = request(&shots::webhook(7, "wamid.1")).unwrap();
        let call = receive(request).unwrap();
        assert!(call.effects.authenticated);
        let received = call.result.unwrap();
        assert_eq!((received.reply.status, received.events.len()), (200, 1));
        let EventBody::Message(message) = &received.events[0].body else { panic!("a message") };
        assert_eq!(message.sender.hints.len(), 2);
    }

    #[test]
    fn a_webhook_whose_signature_is_wrong_is_refused() {
        let mut request = request(&shots::webhook(7, "wamid.1")).unwrap();
        request.body.push(b' ');
        assert!(receive(request).is_err());
    }
}
