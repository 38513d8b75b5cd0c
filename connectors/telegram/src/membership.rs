//! Somebody blocks the bot, or comes back to it.

use jackfield_sdk::json::Look;
use jackfield_sdk::{EventBody, Touchpoint};
use serde_json::Value;

use crate::person;

/// None for what happens to the bot in groups. Fails with the reason where nobody is named.
pub fn read(item: &Value) -> Result<Option<EventBody>, String> {
    if item.at("chat.type").as_str() != Some("private") {
        return Ok(None);
    }
    let (kind, summary) = match item.at("new_chat_member.status").as_str() {
        Some("kicked") => ("blocked", "Blocked the bot on Telegram"),
        Some("member") => ("subscribed", "Started or unblocked the bot on Telegram"),
        _ => return Ok(None),
    };
    let sender = person::sender(item.at("from")).ok_or("nobody is named")?;
    let touchpoint =
        Touchpoint { sender, kind: kind.into(), at: item.time("date"), summary: summary.into(), extra: Vec::new() };
    Ok(Some(EventBody::Touchpoint(touchpoint)))
}
