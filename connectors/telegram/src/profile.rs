//! What Telegram tells about a person who has spoken to the bot.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Hint, Identifier, Property, Subject};
use serde_json::json;

use crate::config::Config;
use crate::{api, person};

/// Name, username and biography: claims all of them. Empty for people whom the bot does not know.
pub fn hints(config: &Config, who: &Identifier) -> Result<Vec<Hint>, Failure> {
    let Some(id) = who.value.parse::<i64>().ok().filter(|_| who.kind == "telegram") else {
        return Ok(Vec::new());
    };
    let chat = match api::ask(config, "getChat", &json!({"chat_id": id})) {
        Ok(chat) => chat,
        Err(Failure::Rejected(_) | Failure::RecipientGone(_)) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let bio =
        chat.text("bio").map(|bio| Hint::claimed(Subject::Other(Property::text("bio", &bio)), "biography on Telegram"));
    Ok(person::profile(&chat).into_iter().chain(bio).collect())
}
