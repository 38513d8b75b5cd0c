//! A message in a chat.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Author, Edit, Event, EventBody, Hint, Identifier, Message, Property, Sender, Subject};
use serde_json::Value;

use crate::{chat, content, person};

/// The event of a message: what somebody said, or news of the chat.
pub fn read(update_id: &str, item: &Value) -> Result<Vec<Event>, String> {
    let (chat_id, number) = (item.need("chat.id")?, item.need("message_id")?);
    if let Some(connection) = item.text("business_connection_id") {
        chat::remember_business(&chat_id, &connection);
    }
    if let Some(news) = content::news(item) {
        if let Some(new) = item.text("migrate_to_chat_id") {
            chat::remember_move(&chat_id, &new).map_err(|failure| failure.problem().message.clone())?;
        }
        return Ok(vec![Event::new(update_id, EventBody::Other(Property::json(news, item)))]);
    }
    let message = Message {
        id: chat::message_id(&chat_id, &number),
        thread: chat::thread(&chat_id, item.at("chat")),
        author: author(item, &chat_id)?,
        sent_at: item.time("date"),
        parts: content::parts(item),
        reply_to: reply_to(item, &chat_id),
        extra: extra(item),
    };
    Ok(vec![message.into()])
}

/// The body of the event of an edited message.
pub fn edit(item: &Value) -> Result<EventBody, String> {
    let message_id = chat::message_id(&item.need("chat.id")?, &item.need("message_id")?);
    let edited_at = item.time("edit_date").or_else(|| item.time("date"));
    Ok(EventBody::Edit(Edit { message_id, edited_at, parts: content::parts(item) }))
}

fn author(item: &Value, chat_id: &str) -> Result<Author, String> {
    let from = item.at("from");
    // In a chat of a business account the owner's own messages come too; the customer is who the chat is with.
    let by_owner = !item.at("business_connection_id").is_null() && from.text("id").as_deref() != Some(chat_id);
    if by_owner {
        let customer = person::sender(item.at("chat")).ok_or("the chat has no id")?;
        return Ok(Author::Account(customer));
    }
    let sender = person::sender(from).or_else(|| person::sender(item.at("sender_chat")));
    let mut sender = sender.ok_or("the message has no sender")?;
    sender.hints.extend(own_phone(item, &sender));
    Ok(Author::Customer(sender))
}

/// The number on a contact that its owner shared. Telegram fills in `user_id` from the number, so it proves the number only where it is
/// the sender; anybody can share anybody else's.
fn own_phone(item: &Value, sender: &Sender) -> Option<Hint> {
    let contact = item.at("contact");
    let is_own = contact.text("user_id")? == sender.identity.value && item.at("forward_origin").is_null();
    let phone = Identifier::phone(&contact.text("phone_number").filter(|_| is_own)?);
    Some(Hint::attested(Subject::Identifier(phone), "contact shared by its owner"))
}

/// In a topic of a forum every message formally answers the topic's first one.
fn reply_to(item: &Value, chat_id: &str) -> Option<String> {
    let number = item.text("reply_to_message.message_id")?;
    let is_topic = item.flag("is_topic_message") && item.text("message_thread_id").as_ref() == Some(&number);
    (!is_topic).then(|| chat::message_id(chat_id, &number))
}

fn extra(item: &Value) -> Vec<Property> {
    const KEPT: [&str; 11] = [
        "media_group_id",
        "forward_origin",
        "forward_from",
        "external_reply",
        "quote",
        "message_thread_id",
        "business_connection_id",
        "via_bot",
        "entities",
        "caption_entities",
        "link_preview_options",
    ];
    let kept = KEPT.iter().map(|name| (name, item.at(name))).filter(|(_, value)| !value.is_null());
    let kept = kept.map(|(name, value)| Property::json(name, value));
    // A link to the bot can carry a word of whoever made it: where the person came from.
    let start = item
        .at("text")
        .as_str()
        .and_then(|text| text.strip_prefix("/start "))
        .map(|word| Property::text("start", word.trim()));
    kept.chain(start).collect()
}
