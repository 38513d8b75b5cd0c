//! Slack, whose connector is written in TypeScript.

use anyhow::Result;
use jackfield_tests::provider::{Script, Seen};
use jackfield_tests::webhooks::{APP_SECRET, SLACK_TOKEN, Webhook, slack, slack_message};
use serde_json::{Value, json};

use super::languages::Kind;

static SLACK: Kind = Kind {
    connector: "slack",
    settings: "team_id = \"T061EG9R6\"",
    secrets: &[("signing-secret", "APP_SECRET"), ("bot-token", "SLACK_TOKEN")],
    token: SLACK_TOKEN,
    customer: "slack:U061F7AUR",
    name: "Budi",
    writes,
    answers,
    sent: "D024BE91L:1515450000.000100",
    words: "/text",
};

fn writes(secret: &str, text: &str) -> Webhook {
    slack(secret, &slack_message("U061F7AUR", "1515449522.000016", &json!({ "text": text })))
}

fn answers(seen: &Seen, _: usize) -> Script {
    let here = format!("http://{}", seen.header("host").unwrap_or_default());
    let ok = |mut body: Value| {
        body["ok"] = json!(true);
        Script::json(200, &body)
    };
    match seen.path.split('?').next().unwrap_or_default() {
        "/api/chat.postMessage" => ok(json!({ "channel": "D024BE91L", "ts": "1515450000.000100" })),
        "/api/users.info" => ok(json!({ "user": { "id": "U061F7AUR", "profile": { "display_name": "Budi" } } })),
        "/api/files.info" => ok(json!({ "file": { "id": "F0S43PZDF", "name": "broken.jpg", "mimetype": "image/jpeg",
            "size": 11, "url_private_download": format!("{here}/files-pri/T061EG9R6-F0S43PZDF/download/broken.jpg") } })),
        "/files-pri/T061EG9R6-F0S43PZDF/download/broken.jpg" => {
            Script::Answer { status: 200, headers: Vec::new(), body: String::from("the picture") }
        }
        _ => Script::json(200, &json!({ "ok": false, "error": "unknown_method" })),
    }
}

#[tokio::test]
async fn a_signed_event_becomes_a_message_in_the_inbox_with_its_sender() -> Result<()> {
    SLACK.arrives().await
}

#[tokio::test]
async fn what_slack_did_not_sign_is_refused_and_leaves_nothing() -> Result<()> {
    SLACK.refuses().await
}

#[tokio::test]
async fn an_event_that_slack_repeats_counts_once() -> Result<()> {
    SLACK.counts_once().await
}

#[tokio::test]
async fn a_reply_goes_out_with_the_token_and_its_state_comes_back() -> Result<()> {
    SLACK.replies().await
}

#[tokio::test]
async fn too_many_replies_are_tried_again() -> Result<()> {
    SLACK.waits().await
}

#[tokio::test]
async fn a_reply_that_slack_never_answered_is_uncertain_and_not_sent_twice() -> Result<()> {
    let (desk, id) = SLACK.hangs_up().await?;
    desk.host.delivered(&id, "uncertain").await?;
    assert_eq!(desk.provider.messages().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_file_is_fetched_with_the_token_that_only_the_host_knows() -> Result<()> {
    let file = json!({ "id": "F0S43PZDF", "name": "broken.jpg", "mimetype": "image/jpeg", "size": 11 });
    let event = slack_message("U061F7AUR", "1515449700.000200", &json!({ "subtype": "file_share", "files": [file] }));
    SLACK.fetches(&slack(APP_SECRET, &event), "the picture").await?;
    Ok(())
}
