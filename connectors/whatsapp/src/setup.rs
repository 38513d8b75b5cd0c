//! Whether the channel works, and how it is connected.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Health, Step};

use crate::config::Config;
use crate::graph;

/// Asks Meta for the number.
pub fn check(config: &Config) -> Result<Health, Failure> {
    let number = graph::ask(config.url("?fields=display_phone_number,verified_name,quality_rating"))?;
    let shown = number.text("display_phone_number").unwrap_or_else(|| config.phone_number_id.clone());
    let name = number.text("verified_name").unwrap_or_else(|| "without a verified name".into());
    let quality = number.text("quality_rating").map(|rating| format!(", quality {rating}")).unwrap_or_default();
    Ok(Health { summary: format!("WhatsApp number {shown}, {name}{quality}") })
}

/// All by hand: registering a webhook takes the app's own token, which the connector has no business with.
pub fn steps(public_url: &str) -> Vec<Step> {
    let step = |title: &str, todo: String| Step { title: title.into(), todo: Some(todo) };
    vec![
        step(
            "Register the webhook",
            format!(
                "In the Meta app, under WhatsApp, Configuration: set the callback URL to {public_url} and the verify token to the \
                 secret `verify-token`, then verify and save."
            ),
        ),
        step(
            "Subscribe to the fields",
            "On the same page, subscribe to `messages` and `user_id_update`, and to `smb_message_echoes` if the number is also used in \
             the WhatsApp Business app."
                .into(),
        ),
        step(
            "Subscribe the app to the business account",
            "POST /{WhatsApp Business account id}/subscribed_apps with the access token, once.".into(),
        ),
    ]
}
