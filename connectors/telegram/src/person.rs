//! Who somebody is. The number of a Telegram account means the same everywhere and never changes.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Hint, Identifier, Sender, Subject};
use serde_json::Value;

/// An account of Telegram.
pub fn identifier(id: impl Into<String>) -> Identifier {
    Identifier::scoped("telegram", "telegram", id)
}

/// A user, or a chat that stands for one. None if there is no id.
pub fn sender(user: &Value) -> Option<Sender> {
    Some(Sender { identity: identifier(user.text("id")?), hints: profile(user) })
}

/// What a user or a chat tells of itself: all of it can be changed at will.
pub fn profile(user: &Value) -> Vec<Hint> {
    let username = user.text("username").map(|name| name.trim_start_matches('@').to_owned());
    let told = [
        name(user).map(|name| Hint::claimed(Subject::Name(name), "name on Telegram")),
        username.map(|name| Hint::claimed(Subject::Username(name), "username on Telegram")),
        user.text("language_code").map(|tag| Hint::claimed(Subject::Language(tag), "language of the Telegram app")),
    ];
    told.into_iter().flatten().collect()
}

/// First and last name, or the title of a chat.
pub fn name(user: &Value) -> Option<String> {
    let names: Vec<_> = ["first_name", "last_name"].into_iter().filter_map(|part| user.text(part)).collect();
    if names.is_empty() { user.text("title") } else { Some(names.join(" ")) }
}
