//! A comment under a post or a live video of the account. The post is the thread.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Author, Event, Message, Part, Property, Thread, ThreadKind};
use serde_json::Value;

use crate::account::Account;

/// The message of a comment. None for a comment of the account itself, which names no customer. Fails with the reason where there is
/// no id or no author.
pub fn read(account: &Account, comment: &Value) -> Result<Option<Event>, String> {
    let id = comment.text("id").or_else(|| comment.text("comment_id")).ok_or("the comment has no id")?;
    let from = comment.need("from.id")?;
    if account.is_self(&from) {
        return Ok(None);
    }
    let parent = comment.text("parent_id");
    let thread = comment.text("media.id").or_else(|| comment.text("media_id")).or_else(|| parent.clone());
    let text = comment.text("text").map(Part::Text).unwrap_or_else(|| Part::other("comment", comment));
    let message = Message {
        thread: Thread { id: thread.unwrap_or_else(|| id.clone()), kind: ThreadKind::Comments },
        id,
        author: Author::Customer(account.sender(&from, comment.text("from.username"))),
        sent_at: ["timestamp", "created_time"].into_iter().find_map(|name| comment.time(name)).or(account.time),
        parts: vec![text],
        reply_to: parent,
        extra: match comment.at("media") {
            Value::Null => Vec::new(),
            media => vec![Property::json("media", media)],
        },
    };
    Ok(Some(message.into()))
}
