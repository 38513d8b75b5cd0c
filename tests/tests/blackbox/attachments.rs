//! Files come by themselves: fetched as soon as they are known of, tried again, given up with a reason. And files that clients bring.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, Setup, TELEGRAM, WHATSAPP};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::webhooks::{ACCESS_TOKEN, meta, now_seconds, telegram, whatsapp_text};
use serde_json::{Value, json};

/// Telegram, whose file server answers its n-th request, from 0, as `file` says.
async fn provider(file: impl Fn(usize) -> Script + Send + Sync + 'static) -> Result<Provider> {
    let fetches = AtomicUsize::new(0);
    Provider::start(move |seen, number| match seen.path.as_str() {
        path if path.ends_with("/getFile") => {
            Script::json(200, &json!({ "ok": true, "result": { "file_id": "F1", "file_path": "photos/1.jpg" } }))
        }
        path if path.contains("/file/bot") => file(fetches.fetch_add(1, Ordering::SeqCst)),
        _ => Script::json(200, &json!({ "ok": true, "result": { "message_id": number } })),
    })
    .await
}

fn picture() -> Script {
    let headers = vec![("content-type", String::from("image/jpeg"))];
    Script::Answer { status: 200, headers, body: String::from("a picture") }
}

fn refusal(status: u16) -> Script {
    Script::Answer { status, headers: Vec::new(), body: String::new() }
}

fn photo() -> Value {
    json!({ "update_id": 7, "message": { "message_id": 7, "date": now_seconds(),
        "from": { "id": 42, "is_bot": false, "first_name": "Budi" }, "chat": { "id": 42, "type": "private", "first_name": "Budi" },
        "photo": [{ "file_id": "F1", "file_unique_id": "U1", "width": 90, "height": 90, "file_size": 9 }] } })
}

/// The one message of the host once its file has come to `state`.
async fn message_with_file(host: &Host, state: &str) -> Result<Value> {
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?after=0&types=message.*", None).await?;
    loop {
        let event = feed.next().await.with_context(|| format!("the file is not {state}"))?.context("the host runs")?;
        let message = &event.data["message"];
        if message["parts"][0]["attachment"]["state"] == state {
            return Ok(message.clone());
        }
    }
}

fn fetches(provider: &Provider) -> usize {
    provider.seen().iter().filter(|seen| seen.path.contains("/file/bot")).count()
}

#[tokio::test]
async fn a_file_is_fetched_before_anybody_asks_for_it() -> Result<()> {
    let provider = provider(|_| picture()).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(TELEGRAM, &telegram(&photo())).await?;
    let message = message_with_file(&host, "kept").await?;
    let attachment = &message["parts"][0]["attachment"];
    assert_eq!((&attachment["size"], fetches(&provider)), (&json!(9), 1));
    let got = host.api.get(attachment["href"].as_str().context("where it is")?).await?;
    assert_eq!((got.status.as_u16(), got.text().as_str(), fetches(&provider)), (200, "a picture", 1));
    Ok(())
}

#[tokio::test]
async fn a_file_that_does_not_come_is_fetched_later() -> Result<()> {
    let provider = provider(|number| if number == 0 { refusal(503) } else { picture() }).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(TELEGRAM, &telegram(&photo())).await?;
    message_with_file(&host, "kept").await?;
    assert_eq!(fetches(&provider), 2);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_asked_for_again_and_the_message_says_why() -> Result<()> {
    let provider = provider(|_| refusal(404)).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(TELEGRAM, &telegram(&photo())).await?;
    let message = message_with_file(&host, "gone").await?;
    let why = message["parts"][0]["attachment"]["problem"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("404"), "{message}");
    // Who asks all the same is told at once what the provider says now.
    let id = message["id"].as_str().context("an id")?;
    assert_eq!(host.api.get(&format!("/v1/messages/{id}/attachments/0")).await?.status, 409);
    assert_eq!(fetches(&provider), 2);
    Ok(())
}

#[tokio::test]
async fn a_fetch_that_a_crash_cut_off_is_made_after_the_next_start() -> Result<()> {
    let asked = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&asked);
    let provider = provider(move |number| {
        tell.notify_one();
        if number == 0 { Script::Silence } else { picture() }
    })
    .await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    host.take(TELEGRAM, &telegram(&photo())).await?;
    asked.notified().await;
    host.kill().await?;
    let host = home.start().await?;
    message_with_file(&host, "kept").await?;
    assert_eq!(fetches(&provider), 2);
    Ok(())
}

/// Brings a file; the answer.
async fn bring(host: &Host, content: impl Into<bytes::Bytes>) -> Result<jackfield_tests::client::Answer> {
    host.api.send(Method::POST, "/v1/files", &[("content-type", "application/octet-stream")], content).await
}

/// A host with a customer on Telegram, and where to write to them.
async fn with_customer(provider: &Provider) -> Result<(Host, String)> {
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(TELEGRAM, &telegram(&photo())).await?;
    let inbox = host.api.read("/v1/inbox").await?;
    let customer = inbox["items"][0]["customer"].as_str().context("a customer")?.to_owned();
    Ok((host, format!("/v1/customers/{customer}/messages")))
}

#[tokio::test]
async fn a_file_that_a_client_brings_is_known_by_its_sum() -> Result<()> {
    let provider = provider(|_| picture()).await?;
    let (host, place) = with_customer(&provider).await?;
    let answer = bring(&host, "abc").await?;
    ensure!(answer.status == 201, "{}", answer.text());
    let file = answer.json()["sha256"].as_str().context("a sum")?.to_owned();
    assert_eq!(file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(bring(&host, "abc").await?.json(), answer.json());
    let part = json!({ "parts": [{ "type": "file", "file": file, "filename": "a.txt", "mime": "text/plain" }] });
    let sent = host.api.post(&place, &part).await?.json();
    let id = sent["message_id"].as_str().context("an id")?.to_owned();
    // Telegram's connector takes no files, and says so.
    let message = host.delivered(&id, "failed").await?;
    assert_eq!(message["delivery"]["class"], "unsupported", "{message}");
    assert_eq!(message["parts"][0]["attachment"]["state"], "kept");
    let got = host.api.get(&format!("/v1/messages/{id}/attachments/0")).await?;
    assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "abc"));
    assert!(provider.messages().iter().all(|seen| !seen.path.contains("sendDocument")), "nothing was sent");
    Ok(())
}

/// WhatsApp, which takes files. Its first answer to one is this.
async fn taking(first: Script) -> Result<Provider> {
    let uploads = AtomicUsize::new(0);
    Provider::start(move |seen, number| match seen.path.as_str() {
        path if path.ends_with("/media") => match uploads.fetch_add(1, Ordering::SeqCst) {
            0 => first.clone(),
            _ => Script::json(200, &json!({ "id": "M77" })),
        },
        _ => Script::json(200, &json!({ "messages": [{ "id": format!("wamid.out.{number}") }] })),
    })
    .await
}

/// Brings a picture and sends it to a customer on WhatsApp; the id of the message.
async fn send_picture(host: &Host) -> Result<String> {
    host.take(WHATSAPP, &meta(&whatsapp_text("628123456789", "Ana", "wamid.in.1", "Which one?"))).await?;
    let customer = host.api.customer_with("phone:+628123456789").await?;
    let file = bring(host, "a picture").await?.json()["sha256"].clone();
    let parts = json!([{ "type": "image", "file": file, "filename": "laptop.png", "mime": "image/png", "caption": "This one" }]);
    let sent = host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "parts": parts })).await?;
    sent.json()["message_id"].as_str().map(str::to_owned).with_context(|| sent.text())
}

#[tokio::test]
async fn a_file_is_given_to_the_provider_and_then_sent_by_what_the_provider_calls_it() -> Result<()> {
    let provider = taking(Script::json(200, &json!({ "id": "M77" }))).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let id = send_picture(&host).await?;
    host.delivered(&id, "sent").await?;
    let [upload, message] = provider.wait_for(2).await?.try_into().map_err(|all| anyhow::anyhow!("{all:?}"))?;
    let form = String::from_utf8_lossy(&upload.body).into_owned();
    assert!(form.contains("filename=\"laptop.png\"") && form.contains("\r\n\r\na picture\r\n"), "{form}");
    assert_eq!(upload.header("authorization"), Some(format!("Bearer {ACCESS_TOKEN}").as_str()));
    assert_eq!(message.json()["image"], json!({ "id": "M77", "caption": "This one" }), "{:?}", message.json());
    // What was sent stays with the message.
    let got = host.api.get(&format!("/v1/messages/{id}/attachments/0")).await?;
    assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "a picture"));
    assert_eq!(got.headers.get("content-type").map(|value| value.as_bytes()), Some(b"image/png".as_slice()));
    Ok(())
}

#[tokio::test]
async fn a_message_waits_until_the_provider_has_its_file_and_goes_out_once() -> Result<()> {
    for first in [refusal(503), Script::HangUp] {
        let provider = taking(first).await?;
        let host = Host::start(&Setup::shop(&provider.url())?).await?;
        let id = send_picture(&host).await?;
        let message = host.delivered(&id, "sent").await?;
        assert_eq!(message["delivery"]["attempts"], 2, "{message}");
        let sent = provider.seen().into_iter().filter(|seen| seen.path.ends_with("/messages"));
        assert_eq!(sent.count(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_nobody_brought_or_that_is_too_large_is_refused() -> Result<()> {
    let provider = provider(|_| picture()).await?;
    let (host, place) = with_customer(&provider).await?;
    let nobody = json!({ "parts": [{ "type": "file", "file": "a".repeat(64) }] });
    let refused = host.api.post(&place, &nobody).await?;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (422, &json!("no_file")));
    assert_eq!(bring(&host, "").await?.status, 400);
    assert_eq!(bring(&host, vec![0; (100 << 20) + 1]).await?.status, 413);
    let files = std::fs::read_dir(host.folder().join("data/files"))?.filter_map(|entry| entry.ok());
    let names: Vec<_> = files.map(|entry| entry.file_name()).filter(|name| name.len() == 64).collect();
    assert!(names.len() <= 1, "only the customer's own: {names:?}");
    let open = host.api.with_key(None);
    assert_eq!(open.send(Method::POST, "/v1/files", &[], "abc").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_paused_channel_fetches_no_file_whoever_asks_for_it() -> Result<()> {
    let provider = provider(|_| refusal(404)).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(TELEGRAM, &telegram(&photo())).await?;
    let message = message_with_file(&host, "gone").await?;
    let id = message["id"].as_str().context("an id")?;
    let (asked, fetched) = (provider.seen().len(), fetches(&provider));
    let paused = host.api.post(&format!("/v1/channels/{TELEGRAM}/pause"), &json!({})).await?;
    assert_eq!(paused.status, 200, "{}", paused.text());
    let got = host.api.get(&format!("/v1/messages/{id}/attachments/0")).await?;
    assert_eq!(got.status, 409, "{}", got.text());
    assert_eq!((provider.seen().len(), fetches(&provider)), (asked, fetched), "{}", got.text());
    assert!(got.text().contains("paused"), "{}", got.text());
    Ok(())
}
