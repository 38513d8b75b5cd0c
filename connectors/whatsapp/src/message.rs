//! One item of `messages`, or of the echoes of what was typed in the WhatsApp Business app.

use jackfield_sdk::json::{self, Look, Raw};
use jackfield_sdk::{
    Author, Deletion, Edit, Event, EventBody, Message, Outcome, Part, Property, Reaction, Sender, Thread, Touchpoint,
    state,
};
use serde_json::Value;

use crate::person::Book;
use crate::{change, content};

/// A message from a customer.
pub fn received(book: &Book<'_>, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let item = json::item(raw)?;
    if kind(&item) == "system" {
        outcome.push(change::system(book, &item, raw));
        return Ok(());
    }
    let sender = book.sender(book.person(item.text("from"), item.text("from_user_id")))?;
    read(outcome, &item, sender, Author::Customer)
}

/// A message of the account itself; the person is the one it went to.
pub fn echoed(book: &Book<'_>, outcome: &mut Outcome, raw: &Raw) -> Result<(), String> {
    let item = json::item(raw)?;
    let user_id = item.text("to_user_id").or_else(|| item.text("recipient"));
    let sender = book.sender(book.person(item.text("to"), user_id))?;
    read(outcome, &item, sender, Author::Account)
}

fn read(outcome: &mut Outcome, item: &Value, sender: Sender, author: fn(Sender) -> Author) -> Result<(), String> {
    let (id, at) = (item.need_or_empty("id")?, item.time("timestamp"));
    match kind(item) {
        "reaction" => {
            let message_id = item.need("reaction.message_id")?;
            let emoji = item.text("reaction.emoji");
            outcome.push(Event::new(id, EventBody::Reaction(Reaction { message_id, sender, emoji, at })));
        }
        "revoke" => {
            let message_id = item.need("revoke.original_message_id")?;
            outcome.push(Event::new(id, EventBody::Deletion(Deletion { message_id, deleted_at: at })));
        }
        "edit" => {
            let message_id = item.need("edit.original_message_id")?;
            let parts = content::parts(item.at("edit.message"));
            outcome.push(Event::new(id, EventBody::Edit(Edit { message_id, edited_at: at, parts })));
        }
        kind => {
            if kind == "order" {
                outcome.push(order(item, &id, &sender));
            }
            let thread = thread(item, &sender);
            let parts = content::parts(item);
            let (reply_to, extra) = (item.text("context.id"), extra(item));
            outcome.push(Message { id, thread, author: author(sender), sent_at: at, parts, reply_to, extra });
        }
    }
    Ok(())
}

/// The kind of an item, which some intermediaries leave out; then the member that is there tells it.
pub fn kind(item: &Value) -> &str {
    const TELLING: [&str; 8] = ["text", "image", "video", "audio", "document", "sticker", "location", "contacts"];
    let told = item.at("type").as_str().filter(|kind| !kind.is_empty());
    told.or_else(|| TELLING.into_iter().find(|name| !item.at(name).is_null())).unwrap_or("unknown")
}

fn thread(item: &Value, sender: &Sender) -> Thread {
    let Some(group) = item.text("group_id") else {
        return Thread::direct(&sender.identity.value);
    };
    // Sending has to know that it is a group, and is told nothing but the id. A full store costs replies, not the message.
    let key = group_key(&group);
    if matches!(state::get(&key), Ok(None)) {
        let _ = state::set(&key, "");
    }
    Thread::group(group)
}

/// Where the connector remembers that a thread is a group.
pub fn group_key(id: &str) -> String {
    ["group/", id].concat()
}

fn order(item: &Value, id: &str, sender: &Sender) -> Event {
    let items = item.list("order.product_items");
    let count: i64 = items.iter().map(|item| item.int("quantity").unwrap_or(1)).sum();
    let total: f64 =
        items.iter().map(|i| i.float("item_price").unwrap_or(0.0) * i.float("quantity").unwrap_or(1.0)).sum();
    // In hundredths: writing a fraction in decimals takes a surprising amount of code.
    let hundredths = (total * 100.0).round().clamp(0.0, 1e15) as u64;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let currency = items.first().and_then(|item| item.text("currency")).unwrap_or_default();
    let touchpoint = Touchpoint {
        sender: sender.clone(),
        kind: "order".into(),
        at: item.time("timestamp"),
        summary: format!("Order of {count} items from the catalogue, {whole}.{rest:02} {currency}")
            .trim_end()
            .to_owned(),
        extra: vec![Property::json("order", item.at("order"))],
    };
    let id = if id.is_empty() { String::new() } else { ["order:", id].concat() };
    Event::new(id, EventBody::Touchpoint(touchpoint))
}

/// What stands beside the content and is worth keeping.
fn extra(item: &Value) -> Vec<Property> {
    const KEPT: [(&str, &str); 7] = [
        ("referral", "referral"),
        ("forwarded", "context.forwarded"),
        ("frequently_forwarded", "context.frequently_forwarded"),
        ("referred_product", "context.referred_product"),
        ("voice", "audio.voice"),
        ("animated", "sticker.animated"),
        ("errors", "errors"),
    ];
    let kept = KEPT.iter().map(|(name, path)| (name, item.at(path)));
    kept.filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)))
        .map(|(name, value)| Property::json(name, value))
        .collect()
}

/// A part for something that cannot be taken apart.
pub fn whole(item: &Value) -> Part {
    let kind = kind(item);
    let inner = item.at(kind);
    Part::other(kind, if inner.is_null() { item } else { inner })
}
