//! One update, which is one webhook: its number, and one member that tells its kind.

use jackfield_sdk::json::{self, Look, Raw};
use jackfield_sdk::{Deletion, Event, EventBody, Failure, Header, Outcome, Property, Reaction, Reply};
use serde_json::{Value, json};

use crate::{chat, membership, message, person, pressed};

/// What is read from a body that is known to be genuine. Fails (`rejected`) only if it is no JSON.
pub fn read(body: &[u8]) -> Result<Outcome, Failure> {
    let whole = json::body(body).map_err(Failure::rejected)?;
    let mut outcome = Outcome::accepted();
    match json::item(whole).and_then(|update| update_events(&update, whole, &mut outcome)) {
        Ok(events) => outcome.events = events,
        Err(reason) => outcome.unreadable(whole.get(), reason),
    }
    Ok(outcome)
}

fn update_events(update: &Value, raw: &Raw, outcome: &mut Outcome) -> Result<Vec<Event>, String> {
    let id = update.need("update_id")?;
    let kind = kind(update).ok_or("the update holds nothing but its number")?;
    let item = update.at(kind);
    let body = match kind {
        "message" | "business_message" | "guest_message" => return message::read(&id, item),
        "edited_message" | "edited_business_message" => Some(message::edit(item)?),
        "callback_query" => {
            outcome.reply = stop_spinning(item);
            return pressed::read(item).map(|message| vec![message.into()]);
        }
        "message_reaction" => reaction(item)?,
        "my_chat_member" => membership::read(item)?,
        "deleted_business_messages" => return deletions(&id, item),
        // Posts of channels are no customer's; the others have no form.
        _ => None,
    };
    let body = body.unwrap_or_else(|| EventBody::Other(Property::raw(kind, raw.get())));
    Ok(vec![Event::new(id, body)])
}

/// The kinds that are read; whatever else stands beside one of them does not hide it.
const KINDS: [&str; 8] = [
    "message",
    "business_message",
    "guest_message",
    "edited_message",
    "edited_business_message",
    "callback_query",
    "message_reaction",
    "my_chat_member",
];

fn kind(update: &Value) -> Option<&str> {
    let known = KINDS.into_iter().find(|kind| update.at(kind).is_object());
    known.or_else(|| update.as_object()?.keys().map(String::as_str).find(|name| *name != "update_id"))
}

/// The button shows a spinner until the query is answered, which the reply to the webhook can do.
fn stop_spinning(query: &Value) -> Reply {
    let Some(id) = query.text("id") else {
        return Reply::status(200);
    };
    let body = json!({"method": "answerCallbackQuery", "callback_query_id": id});
    let header = Header { name: "content-type".into(), value: b"application/json".to_vec() };
    Reply { status: 200, headers: vec![header], body: body.to_string().into_bytes() }
}

/// None for a reaction in the name of a channel, which is nobody's.
fn reaction(item: &Value) -> Result<Option<EventBody>, String> {
    let message_id = chat::message_id(&item.need("chat.id")?, &item.need("message_id")?);
    let Some(sender) = person::sender(item.at("user")) else {
        return Ok(None);
    };
    // Of several, the one that was not there before.
    let old = item.list("old_reaction");
    let new = item.list("new_reaction");
    let newest = new.iter().find(|reaction| !old.contains(reaction)).or_else(|| new.first());
    Ok(Some(EventBody::Reaction(Reaction { message_id, sender, emoji: newest.map(emoji), at: item.time("date") })))
}

fn emoji(reaction: &Value) -> String {
    reaction.text("emoji").or_else(|| reaction.text("custom_emoji_id")).unwrap_or_else(|| "⭐".into())
}

fn deletions(update_id: &str, item: &Value) -> Result<Vec<Event>, String> {
    let chat = item.need("chat.id")?;
    let ids = item.list("message_ids").iter().filter_map(|id| id.text(""));
    let deletion = |id: String| {
        let body = EventBody::Deletion(Deletion { message_id: chat::message_id(&chat, &id), deleted_at: None });
        Event::new([update_id, ":", &id].concat(), body)
    };
    Ok(ids.map(deletion).collect())
}
