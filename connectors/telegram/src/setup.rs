//! Whether the channel works, and how it is connected.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Health, Step};

use crate::api;
use crate::config::Config;

/// Asks Telegram whose token it is.
pub fn check(config: &Config) -> Result<Health, Failure> {
    let bot = api::ask_plainly(config, "getMe")?;
    let name = bot.text("username").map(|name| ["@", &name].concat()).or_else(|| bot.text("first_name"));
    Ok(Health { summary: format!("Telegram bot {}", name.unwrap_or_else(|| "without a name".into())) })
}

/// Registering takes the webhook secret in the body, which no connector can read; so it stays to be done by hand, once.
pub fn connect(config: &Config, public_url: &str) -> Result<Vec<Step>, Failure> {
    let registered = api::ask_plainly(config, "getWebhookInfo")?.text("url");
    let todo = (registered.as_deref() != Some(public_url)).then(|| {
        format!(
            "Run this with the bot's token and the secret `webhook-secret` in their places: \
             curl https://api.telegram.org/bot<bot-token>/setWebhook -d url={public_url} -d secret_token=<webhook-secret> \
             -d 'allowed_updates=[\"message\",\"edited_message\",\"callback_query\",\"message_reaction\",\"my_chat_member\",\
             \"business_connection\",\"business_message\",\"edited_business_message\",\"deleted_business_messages\"]'"
        )
    });
    Ok(vec![Step { title: "Register the webhook".into(), todo }])
}
