//! An operator has a customer erased, while the host runs.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::client::{Answer, Client};
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, Setup, TELEGRAM, WHATSAPP, command};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::webhooks::{meta, now_seconds, telegram, whatsapp_text};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// Telegram and WhatsApp, whose file server has these contents, one after the other.
async fn provider(contents: &'static [&'static str]) -> Result<Provider> {
    let fetches = AtomicUsize::new(0);
    Provider::start(move |seen, number| match seen.path.as_str() {
        path if path.ends_with("/getFile") => {
            Script::json(200, &json!({ "ok": true, "result": { "file_id": "F1", "file_path": "photos/1.jpg" } }))
        }
        path if path.contains("/file/bot") => {
            let content = contents.get(fetches.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or_default();
            let headers = vec![("content-type", String::from("image/jpeg"))];
            Script::Answer { status: 200, headers, body: content.to_owned() }
        }
        path if path.contains("/bot") => Script::json(200, &json!({ "ok": true, "result": { "message_id": number } })),
        _ => Script::json(200, &json!({ "messages": [{ "id": format!("wamid.out{number}") }] })),
    })
    .await
}

fn photo(from: i64, update: i64) -> Value {
    json!({ "update_id": update, "message": { "message_id": update, "date": now_seconds(),
        "from": { "id": from, "is_bot": false, "first_name": "Somebody" }, "chat": { "id": from, "type": "private" },
        "photo": [{ "file_id": format!("F{update}"), "file_unique_id": format!("U{update}"), "width": 90, "height": 90, "file_size": 9 }] } })
}

async fn erase(api: &Client, customer: &str) -> Result<Answer> {
    api.send(Method::DELETE, &format!("/v1/customers/{customer}"), &[], "").await
}

/// Waits until nothing of a customer is left.
async fn ended(host: &Host, customer: &str) -> Result<()> {
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?after=0&types=erasure.ended", None).await?;
    loop {
        let event = feed.next().await.with_context(|| host.log())?.context("the host runs")?;
        if event.data["about"]["customer"] == customer {
            return Ok(());
        }
    }
}

/// Waits until a file is kept for so many messages.
async fn kept(feed: &mut Feed) -> Result<()> {
    loop {
        let event = feed.next().await?.context("the host runs")?;
        if event.data["message"]["parts"][0]["attachment"]["state"] == "kept" {
            return Ok(());
        }
    }
}

/// Whether a text is in a file of a folder, or below.
fn holds(folder: &Path, text: &str) -> Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let found = match path.is_dir() {
            true => holds(&path, text)?,
            false => std::fs::read(&path)?.windows(text.len()).any(|bytes| bytes == text.as_bytes()),
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

const ANA: &str = "6281234567801";
const BUDI: &str = "6281234567802";

async fn both_write(host: &Host) -> Result<(String, String)> {
    host.take(WHATSAPP, &meta(&whatsapp_text(ANA, "Ana Annasdottir", "wamid.ana1", "a secret of ana"))).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text(BUDI, "Budi", "wamid.budi1", "a word of budi"))).await?;
    let of = async |number: &str| host.api.customer_with(&format!("whatsapp:{number}")).await;
    Ok((of(ANA).await?, of(BUDI).await?))
}

#[tokio::test]
async fn an_operator_has_a_customer_erased_and_nothing_is_left_in_the_folder() -> Result<()> {
    let provider = provider(&[]).await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    let (ana, budi) = both_write(&host).await?;
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let reply = async |to: &str, words: &str| {
        let body = json!({ "text": words }).to_string();
        host.api.send(Method::POST, &format!("/v1/customers/{to}/messages"), &headers, body).await
    };
    let sent = reply(&ana, "an answer to ana").await?.json();
    let sent = sent["message_id"].as_str().context("a message")?.to_owned();
    host.delivered(&sent, "sent").await?;
    ensure!(reply(&budi, "under a key of ana").await?.status == 422, "the key is for another request");
    let to_budi =
        host.api.post(&format!("/v1/customers/{budi}/messages"), &json!({ "text": "an answer to budi" })).await?;
    let to_budi = to_budi.json()["message_id"].as_str().context("a message")?.to_owned();
    let of_budi = host.delivered(&to_budi, "sent").await?;
    let budi_before = host.api.read(&format!("/v1/customers/{budi}/timeline")).await?;

    let agent = host.api.post("/v1/keys", &json!({ "name": "agent", "role": "agent" })).await?.json();
    let agent = host.api.with_key(agent["key"].as_str());
    ensure!(erase(&agent, &ana).await?.status == 403, "an agent erases nobody");
    ensure!(erase(&host.api, "cus_999999").await?.status == 404, "nobody is there");
    let answer = erase(&host.api, &ana).await?;
    ensure!(answer.status == 202, "{} {}", answer.status, answer.text());
    ensure!(answer.json()["customer"] == ana.as_str(), "{}", answer.text());
    ensure!(host.api.get(&format!("/v1/customers/{ana}")).await?.status == 404, "gone at once");
    ensure!(host.api.get(&format!("/v1/messages/{sent}")).await?.status == 404, "gone at once");
    ended(&host, &ana).await?;
    let again = erase(&host.api, &ana).await?;
    ensure!(again.status == 202 && again.json()["ended_at"].is_string(), "{}", again.text());

    ensure!(reply(&ana, "an answer to ana").await?.status == 404, "the customer is gone");
    ensure!(reply(&budi, "under a key of ana").await?.status == 422, "the key is not good for another request");
    assert_eq!(host.api.read(&format!("/v1/customers/{budi}/timeline")).await?, budi_before);
    assert_eq!(host.api.read(&format!("/v1/messages/{to_budi}")).await?, of_budi);
    host.take(WHATSAPP, &meta(&whatsapp_text(ANA, "Ana", "wamid.ana2", "here again"))).await?;
    let anew = host.api.customer_with(&format!("whatsapp:{ANA}")).await?;
    assert_ne!(anew, ana);
    host.stop().await?;
    for gone in ["Annasdottir", "a secret of ana", "an answer to ana", "wamid.ana1"] {
        ensure!(!holds(&home.folder.join("data"), gone)?, "{gone} is still there");
    }
    ensure!(
        !holds(&home.folder.join("data"), "under a key of ana")?,
        "a request that is refused for its key is not written down"
    );
    ensure!(holds(&home.folder.join("data"), "a word of budi")?, "budi stays");
    let host = home.start().await?;
    assert_eq!(host.api.customer_with(&format!("whatsapp:{ANA}")).await?, anew);
    assert_eq!(host.api.customer_with(&format!("whatsapp:{BUDI}")).await?, budi);
    Ok(())
}

#[tokio::test]
async fn an_erasure_that_a_crash_breaks_off_comes_to_its_end_at_the_next_start() -> Result<()> {
    let provider = provider(&[]).await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    let (ana, budi) = both_write(&host).await?;
    ensure!(erase(&host.api, &ana).await?.status == 202, "it is begun");
    host.kill().await?;
    let host = home.start().await?;
    ended(&host, &ana).await?;
    ensure!(host.api.get(&format!("/v1/customers/{ana}")).await?.status == 404, "it is gone");
    host.api.read(&format!("/v1/customers/{budi}")).await?;
    host.stop().await?;
    ensure!(!holds(&home.folder.join("data"), "a secret of ana")?, "it is still there");
    Ok(())
}

#[tokio::test]
async fn a_file_goes_with_the_only_customer_who_sent_it_and_one_that_others_sent_stays() -> Result<()> {
    let provider = provider(&["of ana alone", "of budi alone", "of both", "of both"]).await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?after=0&types=message.updated", None).await?;
    for (from, update) in [(4201, 1), (4202, 2), (4201, 3), (4202, 4)] {
        host.take(TELEGRAM, &telegram(&photo(from, update))).await?;
        kept(&mut feed).await?;
    }
    let files = home.folder.join("data/files");
    for content in ["of ana alone", "of budi alone", "of both"] {
        ensure!(holds(&files, content)?, "{content} is not kept");
    }
    let ana = host.api.customer_with("telegram:4201").await?;
    ensure!(erase(&host.api, &ana).await?.status == 202, "it is begun");
    ended(&host, &ana).await?;
    ensure!(!holds(&files, "of ana alone")?, "the file of the erased customer is there");
    ensure!(holds(&files, "of budi alone")? && holds(&files, "of both")?, "files of others are gone");
    Ok(())
}

#[tokio::test]
async fn a_parked_item_that_names_a_customer_is_emptied_with_the_customer() -> Result<()> {
    let provider = provider(&[]).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let (ana, _) = both_write(&host).await?;
    // A message without what makes it one.
    let mut odd = whatsapp_text(ANA, "Ana", "wamid.odd", "cannot be read");
    odd["entry"][0]["changes"][0]["value"]["messages"][0] = json!({ "from": ANA, "type": 7 });
    host.hook(WHATSAPP, &meta(&odd)).await?;
    let parked = host.api.read("/v1/parked").await?;
    let parked = parked["items"][0]["id"].as_str().with_context(|| parked.to_string())?.to_owned();
    let path = format!("/v1/parked/{parked}");
    ensure!(host.api.read(&path).await?.to_string().contains(ANA));
    ensure!(erase(&host.api, &ana).await?.status == 202, "nothing stands in the way");
    ended(&host, &ana).await?;
    let left = host.api.read(&path).await?;
    ensure!(!left.to_string().contains(ANA), "{left}");
    Ok(())
}

#[tokio::test]
async fn the_command_line_erases_a_customer_and_says_how_far_it_is() -> Result<()> {
    let provider = provider(&[]).await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let (ana, _) = both_write(&host).await?;
    let run = async || -> Result<String> {
        let mut asked = command(&["customer", "erase", &ana, "--url", host.api.base()])?;
        let output = asked.env("JACKFIELD_KEY", &host.key).output().await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let begun = run().await?;
    ensure!(begun.contains(&ana) && begun.contains("is erased"), "{begun}");
    ended(&host, &ana).await?;
    let done = run().await?;
    ensure!(done.contains("nothing of the customer is left"), "{done}");
    Ok(())
}

/// The journal of a folder as one that began before ids were given by place.
async fn make_old(home: &Home) -> Result<()> {
    let config = home.folder.join("jackfield.toml").to_string_lossy().into_owned();
    let exported = command(&["export", "--config", &config])?.output().await?;
    let mut lines = String::new();
    for (number, line) in
        String::from_utf8(exported.stdout)?.lines().filter(|l| !l.contains("ids_by_place")).enumerate()
    {
        let mut entry: Value = serde_json::from_str(line)?;
        entry["seq"] = json!(number + 1);
        lines.push_str(&format!("{entry}\n"));
    }
    std::fs::remove_dir_all(home.folder.join("data"))?;
    let mut import = command(&["import", "--config", &config])?.stdin(Stdio::piped()).spawn()?;
    let mut input = import.stdin.take().context("it reads")?;
    input.write_all(lines.as_bytes()).await?;
    drop(input);
    ensure!(import.wait().await?.success(), "the journal is not taken");
    Ok(())
}

#[tokio::test]
async fn a_customer_of_a_journal_that_was_numbered_otherwise_is_refused_with_the_reason_and_a_later_one_is_not()
-> Result<()> {
    let provider = provider(&[]).await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    both_write(&host).await?;
    host.stop().await?;
    make_old(&home).await?;
    let host = home.start().await?;
    let (ana, _) = both_write(&host).await?;
    let refused = erase(&host.api, &ana).await?;
    ensure!(refused.status == 409 && refused.json()["code"] == "old_journal", "{} {}", refused.status, refused.text());
    host.api.read(&format!("/v1/customers/{ana}")).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567803", "Citra", "wamid.citra1", "of today"))).await?;
    let citra = host.api.customer_with("whatsapp:6281234567803").await?;
    ensure!(erase(&host.api, &citra).await?.status == 202, "it is numbered by place");
    ended(&host, &citra).await
}

/// Erases Ana while the provider has not answered a message to her yet.
async fn erased_while_a_message_is_sent(host: &Host, provider: &Provider) -> Result<()> {
    let (ana, _) = both_write(host).await?;
    let sent = host.api.post(&format!("/v1/customers/{ana}/messages"), &json!({ "text": "an answer" })).await?;
    ensure!(sent.status == 202, "{}", sent.text());
    provider.wait_for(1).await?;
    ensure!(erase(&host.api, &ana).await?.status == 202, "it is begun");
    ended(host, &ana).await
}

#[tokio::test]
async fn nothing_is_said_of_an_erased_customer_by_a_send_that_ends_after_the_erasure() -> Result<()> {
    let provider = Provider::start(|_, _| Script::Silence).await?;
    let setup = Setup::shop(&provider.url())?.with(&format!("[channels.{WHATSAPP}.limits]\nwall-ms = 8000"));
    let host = Home::new(&setup).await?.start().await?;
    erased_while_a_message_is_sent(&host, &provider).await?;
    let config = host.folder().join("jackfield.toml").display().to_string();
    let ends = async {
        loop {
            let exported = command(&["export", "--config", &config])?.output().await?;
            let text = String::from_utf8(exported.stdout)?;
            if let Some(end) = text.lines().find(|line| line.contains("send_erased")) {
                return anyhow::Ok((end.to_owned(), text.contains("send_ended")));
            }
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), ends).await.context("the send ends")??;
    ensure!(!ended.0.contains(ANA) && !ended.1, "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn credentials_that_do_not_work_park_the_channel_though_the_customer_was_erased_meanwhile() -> Result<()> {
    let (go, held) = tokio::sync::watch::channel(false);
    let refused = json!({ "error": { "code": 190, "message": "Error validating access token" } });
    let answer = move || Script::Held(held.clone(), Box::new(Script::json(401, &refused)));
    let provider = Provider::start(move |_, _| answer()).await?;
    let setup = Setup::shop(&provider.url())?.with(&format!("[channels.{WHATSAPP}.limits]\nwall-ms = 30000"));
    let host = Host::start(&setup).await?;
    erased_while_a_message_is_sent(&host, &provider).await?;
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?types=channel.parked", None).await?;
    go.send_replace(true);
    let parked = feed.next().await.with_context(|| host.log())?.context("the host runs")?;
    ensure!(parked.data["channel"] == WHATSAPP || parked.data.to_string().contains(WHATSAPP), "{}", parked.data);
    let channel = host.api.read(&format!("/v1/channels/{WHATSAPP}")).await?;
    ensure!(!channel["parked"].is_null(), "{channel}");
    Ok(())
}
