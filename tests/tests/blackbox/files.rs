//! Files that customers send: fetched through the connector when somebody wants them, and kept.

use anyhow::{Context, Result};
use jackfield_tests::client::Answer;
use jackfield_tests::host::{Home, Host, INSTAGRAM, Setup, TELEGRAM, WHATSAPP};
use jackfield_tests::provider::{Provider, Script, Seen};
use jackfield_tests::webhooks::{ACCESS_TOKEN, BOT_TOKEN, instagram_text, meta, now_seconds, telegram, whatsapp_value};
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

/// The first part of the last message, as a file.
async fn last_file(host: &Host) -> Result<Answer> {
    let inbox = host.api.read("/v1/inbox").await?;
    let message = inbox["items"][0]["last_message"]["id"].as_str().context("a message in the inbox")?.to_owned();
    host.api.get(&format!("/v1/messages/{message}/attachments/0")).await
}

/// SHA-256 of `the box`.
const SUM: &str = "db41a3fda75464bf44c9769cf607b71cea4f56c5eb410529ac6c24d82c308a87";

/// Meta, as far as files go. The file 1001 is as it says; of 1002 it says another sum, of 1003 another size.
fn meta_files(seen: &Seen, _: usize) -> Script {
    let here = format!("http://{}", seen.header("host").unwrap_or_default());
    let id = ["1001", "1002", "1003"].into_iter().find(|id| seen.path.contains(id)).unwrap_or_default();
    let (sum, size) =
        (if id == "1002" { SUM.replace('e', "f") } else { SUM.to_owned() }, if id == "1003" { 8 } else { 7 });
    let url = format!("{here}/whatsapp_business/attachments/?mid={id}&ext=1&hash=ARsn");
    match seen.path.as_str() {
        path if path.starts_with("/v25.0/") => Script::json(
            200,
            &json!({ "messaging_product": "whatsapp", "id": id, "url": url, "mime_type": "image/jpeg", "sha256": sum, "file_size": size }),
        ),
        _ => Script::Answer { status: 200, headers: Vec::new(), body: String::from("the box") },
    }
}

fn picture(id: &str) -> Value {
    whatsapp_value(json!({ "contacts": [{ "profile": { "name": "Ana" }, "wa_id": "62811" }],
        "messages": [{ "from": "62811", "id": format!("wamid.{id}"), "timestamp": now_seconds().to_string(), "type": "image",
            "image": { "id": id, "mime_type": "image/jpeg", "caption": "The box" } }] }))
}

#[tokio::test]
async fn a_file_of_whatsapp_is_asked_for_and_fetched_with_the_token_in_no_url_and_no_log() -> Result<()> {
    let provider = Provider::start(meta_files).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(WHATSAPP, &meta(&picture("1001"))).await?;
    let got = last_file(&host).await?;
    assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "the box"));
    assert_eq!(got.headers.get("content-type").map(|value| value.as_bytes()), Some(b"image/jpeg".as_slice()));
    let paths: Vec<_> = provider.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths[0], "/v25.0/1001?phone_number_id=106540352242922");
    assert_eq!(paths[1], "/whatsapp_business/attachments/?mid=1001&ext=1&hash=ARsn");
    for seen in provider.seen() {
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {ACCESS_TOKEN}").as_str()), "{seen:?}");
        assert!(!seen.path.contains(ACCESS_TOKEN));
    }
    assert!(!host.log().contains(ACCESS_TOKEN));
    Ok(())
}

#[tokio::test]
async fn a_file_of_another_sum_or_size_than_whatsapp_says_is_refused() -> Result<()> {
    let provider = Provider::start(meta_files).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    for id in ["1002", "1003"] {
        host.take(WHATSAPP, &meta(&picture(id))).await?;
        let got = last_file(&host).await?;
        assert_eq!(got.status, 409, "{id}: {}", got.text());
        assert!(got.text().contains("not the one that the channel promised"), "{}", got.text());
    }
    Ok(())
}

fn attachment(mid: &str, url: &str) -> Value {
    let mut webhook = instagram_text("5550001", mid, "");
    webhook["entry"][0]["messaging"][0]["message"] =
        json!({ "mid": mid, "attachments": [{ "type": "image", "payload": { "url": url } }] });
    webhook
}

#[tokio::test]
async fn a_file_of_instagram_is_fetched_from_where_it_is_kept_and_nobody_there_is_shown_the_token() -> Result<()> {
    let api = Provider::agreeable().await?;
    let files = Provider::start(|_, _| Script::Answer {
        status: 200,
        headers: vec![("content-type", String::from("image/jpeg"))],
        body: String::from("the laptop"),
    })
    .await?;
    let (api_url, files_url) = (api.url(), files.url());
    let setup = Setup::shop(&api_url)?
        .replaced(&format!("media_base = {api_url:?}, account_id"), &format!("media_base = {files_url:?}, account_id"))
        .replaced(&format!("[{api_url:?}]"), &format!("[{api_url:?}, {files_url:?}]"));
    let host = Host::start(&setup).await?;
    host.take(INSTAGRAM, &meta(&attachment("m.1", &format!("{files_url}/ig_messaging_cdn/?asset_id=1&signature=x"))))
        .await?;
    let got = last_file(&host).await?;
    assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "the laptop"), "{}", got.text());
    let seen = files.seen();
    assert_eq!((seen.len(), seen[0].path.as_str()), (1, "/ig_messaging_cdn/?asset_id=1&signature=x"));
    assert!(!format!("{seen:?}").contains(ACCESS_TOKEN) && seen[0].header("authorization").is_none(), "{seen:?}");
    // Somewhere else is refused with what to do about it, and nobody is asked.
    host.take(INSTAGRAM, &meta(&attachment("m.2", "https://cdn.example/1.jpg?signature=x"))).await?;
    let got = last_file(&host).await?;
    assert_eq!(got.status, 409, "{}", got.text());
    assert!(got.text().contains("https://cdn.example. Set `media_base`"), "{}", got.text());
    Ok(())
}
