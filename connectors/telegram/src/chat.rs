//! Chats, and the messages in them. A message's number is unique only within its chat.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Thread, ThreadKind, state};
use serde_json::Value;

/// The id of a message in the whole channel.
pub fn message_id(chat: &str, number: &str) -> String {
    [chat, ":", number].concat()
}

/// Chat and number of a message's id; none for ids that name no message, such as those of pressed buttons.
pub fn split(message_id: &str) -> Option<(&str, i64)> {
    let (chat, number) = message_id.rsplit_once(':')?;
    chat.parse::<i64>().ok()?;
    Some((chat, number.parse().ok()?))
}

/// The thread that a chat is.
pub fn thread(id: &str, chat: &Value) -> Thread {
    let kind = match chat.at("type").as_str() {
        Some("group" | "supergroup") => ThreadKind::Group,
        Some("channel") => ThreadKind::Other("channel".into()),
        _ => ThreadKind::Direct,
    };
    Thread { id: id.into(), kind }
}

/// Remembers that a group goes on under another id.
pub fn remember_move(old: &str, new: &str) -> Result<(), Failure> {
    state::set(&["moved/", old].concat(), new)
}

/// The id that a chat has today.
pub fn today(chat: &str) -> Result<String, Failure> {
    Ok(state::get_text(&["moved/", chat].concat())?.unwrap_or_else(|| chat.to_owned()))
}

/// Remembers the connection by which a chat of a business account is answered. A full store costs replies, not the message.
pub fn remember_business(chat: &str, connection: &str) {
    let key = ["business/", chat].concat();
    if !matches!(state::get_text(&key), Ok(Some(known)) if known == connection) {
        let _ = state::set(&key, connection);
    }
}

/// That connection, if the chat has one.
pub fn business(chat: &str) -> Result<Option<String>, Failure> {
    state::get_text(&["business/", chat].concat())
}
