//! Files that customers send: fetched through the connector when somebody wants them, and kept.

use anyhow::{Context, Result};
use jackfield_tests::host::{Home, Setup, TELEGRAM};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::webhooks::{BOT_TOKEN, now_seconds, telegram};
use serde_json::{Value, json};

/// Telegram, as far as files go.
async fn provider() -> Result<Provider> {
    Provider::start(|seen, _| match seen.path.as_str() {
        path if path.ends_with("/getFile") => Script::json(
            200,
            &json!({ "ok": true, "result": { "file_id": "F1", "file_path": "documents/file_1.pdf" } }),
        ),
        path if path.contains("/file/bot") => Script::Answer {
            status: 200,
            headers: vec![("content-type", String::from("text/html"))],
            body: String::from("<script>alert(1)</script>"),
        },
        _ => Script::json(200, &json!({ "ok": true, "result": {} })),
    })
    .await
}

fn document() -> Value {
    json!({ "update_id": 7, "message": { "message_id": 7, "date": now_seconds(),
        "from": { "id": 42, "is_bot": false, "first_name": "Budi" }, "chat": { "id": 42, "type": "private", "first_name": "Budi" },
        "document": { "file_id": "F1", "file_unique_id": "U1", "file_name": "rechnung \"1\".pdf", "mime_type": "application/pdf" } } })
}

#[tokio::test]
async fn a_file_is_fetched_once_through_the_connector_and_served_as_a_download_that_cannot_run() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    host.take(TELEGRAM, &telegram(&document())).await?;
    let inbox = host.api.read("/v1/inbox").await?;
    let message =
        inbox.to_string().split("\"msg_").nth(1).and_then(|rest| rest.split('"').next()).map(|id| format!("msg_{id}"));
    let path = format!("/v1/messages/{}/attachments/0", message.context("a message in the inbox")?);
    let got = host.api.get(&path).await?;
    assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "<script>alert(1)</script>"), "{}", got.text());
    let header =
        |name: &str| got.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert!(
        header("content-disposition").starts_with("attachment; filename*=UTF-8''"),
        "{}",
        header("content-disposition")
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    // The host put the token into the path; nobody else ever sees it.
    let fetches =
        || provider.seen().iter().filter(|seen| seen.path.starts_with(&format!("/file/bot{BOT_TOKEN}/"))).count();
    assert_eq!(fetches(), 1);
    assert!(!host.log().contains(BOT_TOKEN));
    host.stop().await?;
    let host = home.start().await?;
    assert_eq!(host.api.get(&path).await?.status, 200);
    assert_eq!(fetches(), 1, "it is kept");
    assert_eq!(host.api.get(&path.replace("/0", "/1")).await?.status, 404);
    assert_eq!(host.api.with_key(None).get(&path).await?.status, 401);
    Ok(())
}
