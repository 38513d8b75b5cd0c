//! News of messages that were sent. Each may come twice, late, or before the answer to the sending.

use jackfield_sdk::json::{self, Look, Raw};
use jackfield_sdk::{DeliveryScope, DeliveryState, DeliveryUpdate, Event, EventBody, Outcome, Problem};
use serde_json::Value;

use crate::person::Book;

/// One item of `statuses`.
pub fn read(_: &Book<'_>, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let item = json::item(raw)?;
    let (id, word) = (item.need("id")?, item.need("status")?);
    let state = match word.as_str() {
        "sent" => DeliveryState::Sent,
        "delivered" => DeliveryState::Delivered,
        // A voice message that was listened to.
        "read" | "played" => DeliveryState::Read,
        "failed" => DeliveryState::Failed(problem(&item)),
        other => DeliveryState::Other(other.into()),
    };
    // In a group every member has a status of the same message.
    let member = item.text("recipient_user_id").or_else(|| item.text("recipient_id")).unwrap_or_default();
    let event_id = ["status:", &id, ":", &word, ":", &member].concat();
    let update = DeliveryUpdate { about: DeliveryScope::Message(id), state, at: item.time("timestamp") };
    outcome.push(Event::new(event_id, EventBody::Delivery(update)));
    Ok(())
}

fn problem(item: &Value) -> Problem {
    let error = item.at("errors.0");
    let sentence = ["error_data.details", "details", "message", "title"].into_iter().find_map(|path| error.text(path));
    Problem { message: sentence.unwrap_or_else(|| "WhatsApp could not deliver it.".into()), code: error.text("code") }
}
