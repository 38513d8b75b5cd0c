//! Signed WhatsApp webhooks of about 1 KB, made beforehand so that making them is no part of what is measured.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::HeaderValue;
use jackfield_tests::webhooks::{Webhook, meta, whatsapp_text};

/// What makes the body about 1 KB long, as that of a chatty customer is.
const TEXT: &str = "Hello! I ordered a laptop from your shop on Monday (order 4711, the 14 inch one with the larger battery), and the \
    page of the carrier has said for two days that the parcel is on its way, but nothing has come. Could you please find out where it \
    is? I am at home tomorrow until noon and on Friday all day; if that does not fit, my neighbour in number 12 takes parcels for me, \
    the name is Sari. If it is lost, please send another one rather than the money back, because I need it for my work. And one more \
    question: does the docking station that you show beside it fit this model too, or only the one of last year? Thank you!";

/// One request, ready to be sent.
#[derive(Clone)]
pub struct Shot {
    /// The body.
    pub body: Bytes,
    /// The value of `x-hub-signature-256`.
    pub signature: HeaderValue,
}

/// The WhatsApp number of a sender.
#[must_use]
pub fn sender(index: usize) -> String {
    format!("62812{:07}", 1_000_000 + index)
}

/// One webhook with an id of its own.
#[must_use]
pub fn webhook(sender_index: usize, id: &str) -> Webhook {
    meta(&whatsapp_text(&sender(sender_index), &format!("Customer {sender_index}"), id, TEXT))
}

/// Makes requests whose ids nobody has seen.
#[derive(Default)]
pub struct Magazine {
    next: usize,
}

impl Magazine {
    /// `count` requests from `senders` senders, in turn.
    ///
    /// # Errors
    /// When a signature is no header's value.
    pub fn load(&mut self, count: usize, senders: usize) -> Result<Arc<Vec<Shot>>> {
        let numbers = self.next..self.next + count;
        self.next += count;
        let shot = |number: usize| -> Result<Shot> {
            // A stride, so that neighbours in time are no neighbours in the views.
            let webhook = webhook(number * 617 % senders, &format!("wamid.HBgNNjI4MTI5QIAEhgUM0E{number:012}"));
            let signature = webhook.headers.iter().find(|(name, _)| *name == "x-hub-signature-256");
            let signature = HeaderValue::from_str(signature.map_or("", |(_, value)| value.as_str()))?;
            Ok(Shot { body: webhook.body.into(), signature })
        };
        Ok(Arc::new(numbers.map(shot).collect::<Result<_>>()?))
    }
}
