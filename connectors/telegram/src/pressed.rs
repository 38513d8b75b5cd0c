//! A pressed button under a message of the bot.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Author, Interaction, Message, Part, Property, Thread};
use serde_json::Value;

use crate::{chat, person};

/// The message that pressing it is. Fails with the reason where there is no id or nobody who pressed.
pub fn read(query: &Value) -> Result<Message, String> {
    let id = query.need("id")?;
    let sender = person::sender(query.at("from")).ok_or("nobody pressed the button")?;
    let message = query.at("message");
    let chat_id = message.text("chat.id");
    let payload = query.text("data").or_else(|| query.text("game_short_name"));
    let title = title(message, payload.as_deref()).or_else(|| payload.clone()).unwrap_or_else(|| "button".into());
    let thread = match &chat_id {
        Some(id) => chat::thread(id, message.at("chat")),
        // Pressed under a message that was sent by way of the bot into some chat the bot is not in.
        None => Thread::direct(&sender.identity.value),
    };
    Ok(Message {
        id: ["callback:", &id].concat(),
        thread,
        author: Author::Customer(sender),
        sent_at: None,
        parts: vec![Part::Interaction(Interaction { title, payload })],
        reply_to: chat_id.zip(message.text("message_id")).map(|(chat, number)| chat::message_id(&chat, &number)),
        extra: query.text("inline_message_id").map(|id| Property::text("inline_message_id", &id)).into_iter().collect(),
    })
}

/// What the button says. Telegram gives only what it carries.
fn title(message: &Value, payload: Option<&str>) -> Option<String> {
    let rows = message.list("reply_markup.inline_keyboard").iter();
    let mut buttons = rows.flat_map(|row| row.list(""));
    buttons.find(|button| payload.is_some() && button.at("callback_data").as_str() == payload)?.text("text")
}
