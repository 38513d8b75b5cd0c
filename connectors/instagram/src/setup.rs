//! Whether the channel works, and how it is connected.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Failure, Health, Step};

use crate::config::Config;
use crate::graph;

/// Asks Instagram whose token it is.
pub fn check(config: &Config) -> Result<Health, Failure> {
    let me = graph::ask(config.url("me?fields=id,user_id,username,name"))?;
    let name = me.text("username").map(|name| ["@", &name].concat()).or_else(|| me.text("name"));
    let name = name.unwrap_or_else(|| config.account_id.clone());
    Ok(Health { summary: format!("Instagram account {name}") })
}

/// All by hand: registering a webhook takes the app's own token, which the connector has no business with.
pub fn steps(public_url: &str) -> Vec<Step> {
    let step = |title: &str, todo: String| Step { title: title.into(), todo: Some(todo) };
    vec![
        step(
            "Register the webhook",
            format!(
                "In the Meta app, under Instagram, Webhooks: set the callback URL to {public_url} and the verify token to the secret \
                 `verify-token`, then verify and save."
            ),
        ),
        step(
            "Subscribe to the fields",
            "On the same page, subscribe to `messages`, `messaging_postbacks`, `messaging_seen`, `message_reactions` and `comments`.".into(),
        ),
        step(
            "Subscribe the account",
            "POST /{account id}/subscribed_apps with the same fields and the access token, once; and allow access to messages in the \
             settings of the Instagram account."
                .into(),
        ),
    ]
}
