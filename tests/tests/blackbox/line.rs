//! LINE, whose connector is written in Python.

use anyhow::Result;
use jackfield_tests::provider::{Script, Seen};
use jackfield_tests::webhooks::{ACCESS_TOKEN, APP_SECRET, Webhook, line, line_message};
use serde_json::json;

use super::languages::Kind;

static LINE: Kind = Kind {
    connector: "line",
    settings: "provider_id = \"1234567890\"",
    secrets: &[("channel-secret", "APP_SECRET"), ("access-token", "ACCESS_TOKEN")],
    token: ACCESS_TOKEN,
    customer: "line:U4af4980629",
    name: "Budi",
    writes,
    answers,
    sent: "461230966842064897",
    words: "/messages/0/text",
};

fn writes(secret: &str, text: &str) -> Webhook {
    line(secret, &line_message("U4af4980629", "444573844083572737", &json!({ "type": "text", "text": text })))
}

fn answers(seen: &Seen, _: usize) -> Script {
    match seen.path.as_str() {
        "/v2/bot/message/push" => Script::json(200, &json!({ "sentMessages": [{ "id": "461230966842064897" }] })),
        "/v2/bot/profile/U4af4980629" => Script::json(200, &json!({ "userId": "U4af4980629", "displayName": "Budi" })),
        "/v2/bot/message/325708/content/transcoding" => Script::json(200, &json!({ "status": "succeeded" })),
        "/v2/bot/message/325708/content" => {
            Script::Answer { status: 200, headers: Vec::new(), body: String::from("the film") }
        }
        _ => Script::json(404, &json!({ "message": "Not found" })),
    }
}

#[tokio::test]
async fn a_signed_webhook_becomes_a_message_in_the_inbox_with_its_sender() -> Result<()> {
    LINE.arrives().await
}

#[tokio::test]
async fn what_line_did_not_sign_is_refused_and_leaves_nothing() -> Result<()> {
    LINE.refuses().await
}

#[tokio::test]
async fn a_webhook_that_line_delivers_again_counts_once() -> Result<()> {
    LINE.counts_once().await
}

#[tokio::test]
async fn a_reply_goes_out_with_the_token_and_its_state_comes_back() -> Result<()> {
    LINE.replies().await
}

#[tokio::test]
async fn too_many_replies_are_tried_again() -> Result<()> {
    LINE.waits().await
}

#[tokio::test]
async fn a_reply_that_line_never_answered_is_pushed_again_under_the_same_key() -> Result<()> {
    let (desk, id) = LINE.hangs_up().await?;
    desk.host.delivered(&id, "sent").await?;
    let pushes = desk.provider.messages();
    let keys: Vec<_> = pushes.iter().map(|push| push.header("x-line-retry-key")).collect();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    Ok(())
}

#[tokio::test]
async fn a_film_is_fetched_once_line_has_prepared_it_with_the_token_that_only_the_host_knows() -> Result<()> {
    let film = json!({ "type": "video", "duration": 60000, "contentProvider": { "type": "line" } });
    let message = line_message("U4af4980629", "325708", &film);
    let desk = LINE.fetches(&line(APP_SECRET, &message), "the film").await?;
    let asked: Vec<_> = desk.provider.seen().into_iter().map(|seen| seen.path).collect();
    assert!(asked.contains(&String::from("/v2/bot/message/325708/content/transcoding")), "{asked:?}");
    Ok(())
}
