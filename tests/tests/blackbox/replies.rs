//! Replies: through the connector to the provider, and every way that can end.

use anyhow::{Context, Result};
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, INSTAGRAM, Setup, TELEGRAM, WHATSAPP};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::webhooks::{
    ACCESS_TOKEN, APP_SECRET, BOT_TOKEN, instagram_text, meta, telegram, telegram_text, whatsapp_status, whatsapp_text,
    whatsapp_value,
};
use serde_json::{Value, json};

/// A shop in which a customer has written on WhatsApp.
async fn shop() -> Result<(Host, Provider, String)> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana", "wamid.1", "hello"))).await?;
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    Ok((host, provider, customer))
}

async fn reply(host: &Host, customer: &str, body: &Value) -> Result<String> {
    let answer = host.api.post(&format!("/v1/customers/{customer}/messages"), body).await?;
    anyhow::ensure!(answer.status == 202, "{} {}", answer.status, answer.text());
    assert_eq!(answer.json()["delivery"]["state"], "queued");
    answer.json()["message_id"].as_str().map(str::to_owned).context("a message has an id")
}

fn meta_error(status: u16, code: u32) -> Script {
    Script::json(
        status,
        &json!({ "error": { "message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "x" } }),
    )
}

#[tokio::test]
async fn a_reply_goes_out_with_the_credential_and_its_delivery_comes_back() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    let id = reply(&host, &customer, &json!({ "text": "Is this about the laptop?" })).await?;
    let sent = host.delivered(&id, "sent").await?;
    let seen = &provider.messages()[0];
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {ACCESS_TOKEN}").as_str()));
    assert_eq!(
        (&seen.json()["to"], &seen.json()["text"]["body"]),
        (&json!("6281234567890"), &json!("Is this about the laptop?"))
    );
    let external = sent["external_id"].as_str().context("an id of the channel")?;
    for status in ["read", "delivered", "sent", "read"] {
        host.take(WHATSAPP, &meta(&whatsapp_status("6281234567890", external, status))).await?;
        assert_eq!(host.api.read(&format!("/v1/messages/{id}")).await?["delivery"]["state"], "read", "after {status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_status_that_comes_before_the_sends_answer_is_not_lost() -> Result<()> {
    let (host, _provider, customer) = shop().await?;
    // The stand-in numbers its answers by the requests it has seen; this reply is the first.
    host.take(WHATSAPP, &meta(&whatsapp_status("6281234567890", "wamid.out.1", "delivered"))).await?;
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    host.delivered(&id, "delivered").await?;
    Ok(())
}

#[tokio::test]
async fn every_channel_answers_where_the_customer_wrote() -> Result<()> {
    let (host, provider, _) = shop().await?;
    host.take(INSTAGRAM, &meta(&instagram_text("ig-9", "mid.9", "hello"))).await?;
    host.take(TELEGRAM, &telegram(&telegram_text(77, 5, "hello"))).await?;
    for identity in ["instagram:ig-9", "telegram:77"] {
        let customer = host.api.customer_with(identity).await?;
        let id = reply(&host, &customer, &json!({ "text": identity })).await?;
        host.delivered(&id, "sent").await?;
    }
    let seen = provider.messages();
    assert_eq!(seen[0].json()["recipient"]["id"], "ig-9");
    assert_eq!((&seen[1].json()["chat_id"], seen[1].path.contains(BOT_TOKEN)), (&json!(77), true), "{:?}", seen[1]);
    Ok(())
}

#[tokio::test]
async fn no_secret_is_in_a_log_or_an_answer() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    // A provider that repeats the credential in its error must not bring it out either.
    let body = json!({ "error": { "message": format!("bad token {ACCESS_TOKEN}"), "code": 100 } });
    provider.next(Script::json(400, &body));
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    let message = host.delivered(&id, "failed").await?.to_string();
    let mut said = vec![message];
    for path in ["/v1/channels", "/v1/connectors", "/v1/parked", "/metrics"] {
        said.push(host.api.get(path).await?.text());
    }
    // The feed has no end of its own; a pause is the last event.
    host.api.post(&format!("/v1/channels/{WHATSAPP}/pause"), &json!({})).await?;
    let mut feed = jackfield_tests::events::Feed::open(host.api.base(), &host.key, "/v1/events?after=0", None).await?;
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "channel.paused") {
        let event = feed.next().await?.context("the host goes on")?;
        said.push(event.data.to_string());
        kinds.push(event.kind);
    }
    assert!(kinds.iter().any(|kind| kind == "delivery.updated"), "the failure is among them: {kinds:?}");
    drop(feed);
    said.push(host.stop().await?);
    for secret in [ACCESS_TOKEN, APP_SECRET, BOT_TOKEN] {
        assert!(!said.iter().any(|text| text.contains(secret)), "{secret} came out");
    }
    Ok(())
}

#[tokio::test]
async fn what_passes_is_tried_again_and_sent_once() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    let busy =
        Script::Answer { status: 429, headers: vec![("retry-after", String::from("0"))], body: String::from("{}") };
    provider.next(busy);
    provider.next(meta_error(503, 2));
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    let message = host.delivered(&id, "sent").await?;
    assert_eq!(message["delivery"]["attempts"], 3, "{message}");
    assert_eq!(provider.messages().len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_send_whose_answer_never_came_is_uncertain_until_a_person_decides() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    provider.next(Script::HangUp);
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    let message = host.delivered(&id, "uncertain").await?;
    assert!(message["delivery"]["error"]["message"].is_string(), "{message}");
    assert_eq!(provider.messages().len(), 1, "it is not sent twice by itself");
    let again = host.api.post(&format!("/v1/messages/{id}/retry"), &json!({})).await?;
    assert_eq!(again.status, 202, "{}", again.text());
    host.delivered(&id, "sent").await?;
    Ok(())
}

#[tokio::test]
async fn an_end_is_an_end_and_says_why() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    for (status, code, class) in
        [(400, 131_026, "recipient_gone"), (400, 131_047, "window_closed"), (400, 131_009, "rejected")]
    {
        provider.next(meta_error(status, code));
        let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
        let message = host.delivered(&id, "failed").await?;
        let said = message["delivery"]["class"].as_str().unwrap_or_default();
        assert_eq!(said, class, "{code}: {message}");
        assert_eq!(message["delivery"]["attempts"], 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_customer_who_blocked_the_bot_is_gone() -> Result<()> {
    let (host, provider, _) = shop().await?;
    host.take(TELEGRAM, &telegram(&telegram_text(77, 5, "hello"))).await?;
    let customer = host.api.customer_with("telegram:77").await?;
    let body = json!({ "ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user" });
    provider.next(Script::json(403, &body));
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    let message = host.delivered(&id, "failed").await?;
    assert_eq!(message["delivery"]["class"], "recipient_gone", "{message}");
    Ok(())
}

#[tokio::test]
async fn broken_credentials_park_the_channel_and_keep_the_message() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    provider.next(meta_error(401, 190));
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    let mut feed = jackfield_tests::events::Feed::open(host.api.base(), &host.key, "/v1/events?after=0", None).await?;
    feed.next_of("channel.parked").await?;
    assert_eq!(host.api.read(&format!("/v1/messages/{id}")).await?["delivery"]["state"], "queued");
    let channel = host.api.read(&format!("/v1/channels/{WHATSAPP}")).await?;
    assert!(channel["parked"].is_object(), "{channel}");
    let resumed = host.api.post(&format!("/v1/channels/{WHATSAPP}/resume"), &json!({})).await?;
    assert_eq!(resumed.status, 200, "{}", resumed.text());
    host.delivered(&id, "sent").await?;
    Ok(())
}

#[tokio::test]
async fn outside_the_reply_window_text_is_refused_with_the_template_offered() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let mut payload = whatsapp_text("6281234567890", "Ana", "wamid.old", "hello");
    let yesterday = jackfield_tests::webhooks::now_seconds() - 25 * 3600;
    payload["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = json!(yesterday.to_string());
    host.take(WHATSAPP, &meta(&payload)).await?;
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    let path = format!("/v1/customers/{customer}/messages");
    let refused = host.api.post(&path, &json!({ "text": "hi" })).await?;
    assert_eq!(refused.status, 409);
    let problem = refused.json();
    assert_eq!((&problem["code"], &problem["instead"]), (&json!("window_closed"), &json!("template")), "{problem}");
    assert!(provider.messages().is_empty());
    let id =
        reply(&host, &customer, &json!({ "template": { "name": "hello", "language": "id", "parameters": ["Ana"] } }))
            .await?;
    host.delivered(&id, "sent").await?;
    assert_eq!(provider.messages()[0].json()["template"]["name"], "hello");
    Ok(())
}

#[tokio::test]
async fn a_repeated_idempotency_key_gives_the_same_message() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    let path = format!("/v1/customers/{customer}/messages");
    let headers = [("content-type", "application/json"), ("idempotency-key", "order-4711")];
    let body = json!({ "text": "hi" }).to_string();
    let first = host.api.send(http::Method::POST, &path, &headers, body.clone()).await?;
    let second = host.api.send(http::Method::POST, &path, &headers, body).await?;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202));
    assert_eq!(first.json()["message_id"], second.json()["message_id"]);
    let other = host.api.send(http::Method::POST, &path, &headers, json!({ "text": "other" }).to_string()).await?;
    assert_eq!(other.status, 422, "{}", other.text());
    host.delivered(first.json()["message_id"].as_str().context("an id")?, "sent").await?;
    assert_eq!(provider.messages().len(), 1);
    Ok(())
}

#[tokio::test]
async fn replies_of_one_thread_go_out_in_order_even_when_the_first_has_to_wait() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    provider.next(meta_error(503, 2));
    let mut last = String::new();
    for n in 0..5 {
        last = reply(&host, &customer, &json!({ "text": n.to_string() })).await?;
    }
    host.delivered(&last, "sent").await?;
    let sent: Vec<Value> = provider.messages().iter().map(|s| s.json()["text"]["body"].clone()).collect();
    assert_eq!(sent, ["0", "0", "1", "2", "3", "4"]);
    Ok(())
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_send_leaves_it_uncertain() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana", "wamid.1", "hello"))).await?;
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    provider.next(Script::Silence);
    let id = reply(&host, &customer, &json!({ "text": "hi" })).await?;
    provider.wait_for(1).await?;
    host.kill().await?;
    let host = home.start().await?;
    host.delivered(&id, "uncertain").await?;
    assert_eq!(provider.messages().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_reaction_and_a_quoted_reply_find_the_message_they_are_about() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    let id = reply(&host, &customer, &json!({ "text": "which one?" })).await?;
    let external = host.delivered(&id, "sent").await?["external_id"].clone();
    let now = jackfield_tests::webhooks::now_seconds().to_string();
    let payload = whatsapp_value(json!({
        "contacts": [{ "profile": { "name": "Ana" }, "wa_id": "6281234567890" }],
        "messages": [
            { "from": "6281234567890", "id": "wamid.r", "timestamp": now, "type": "reaction",
              "reaction": { "message_id": external, "emoji": "👍" } },
            { "from": "6281234567890", "id": "wamid.q", "timestamp": now, "type": "text", "text": { "body": "the red one" },
              "context": { "from": "15550783881", "id": external } },
        ],
    }));
    host.take(WHATSAPP, &meta(&payload)).await?;
    let message = host.api.read(&format!("/v1/messages/{id}")).await?;
    assert_eq!(message["reactions"][0]["emoji"], "👍", "{message}");
    let view = host.api.read(&format!("/v1/customers/{customer}")).await?;
    let newest = &view["last_messages"][0]["message"];
    assert_eq!((&newest["parts"][0]["text"], &newest["reply_to"]), (&json!("the red one"), &json!(id)), "{newest}");
    let quoted = newest["id"].clone();
    let answer = reply(&host, &customer, &json!({ "text": "it is in stock", "reply_to": quoted })).await?;
    host.delivered(&answer, "sent").await?;
    assert_eq!(provider.messages()[1].json()["context"]["message_id"], "wamid.q");
    Ok(())
}

#[tokio::test]
async fn reactions_read_marks_and_edits_reach_the_channel_and_show_when_it_has_taken_them() -> Result<()> {
    let (host, provider, customer) = shop().await?;
    let view = host.api.read(&format!("/v1/customers/{customer}")).await?;
    let hello = view["last_messages"][0]["message"]["id"].as_str().context("an id")?.to_owned();
    for (what, body) in [("reaction", json!({ "emoji": "👍" })), ("read", json!({}))] {
        let asked = host.api.post(&format!("/v1/messages/{hello}/{what}"), &body).await?;
        anyhow::ensure!(asked.status == 202, "{what}: {} {}", asked.status, asked.text());
        host.delivered(asked.json()["message_id"].as_str().context("an id")?, "sent").await?;
    }
    let message = host.api.read(&format!("/v1/messages/{hello}")).await?;
    assert_eq!((&message["own_reaction"], message["marked_read_at"].is_string()), (&json!("👍"), true), "{message}");
    let seen = provider.messages();
    assert_eq!(seen[0].json()["reaction"], json!({ "message_id": "wamid.1", "emoji": "👍" }));
    assert_eq!((&seen[1].json()["status"], &seen[1].json()["message_id"]), (&json!("read"), &json!("wamid.1")));

    host.take(TELEGRAM, &telegram(&telegram_text(77, 5, "hello"))).await?;
    let customer = host.api.customer_with("telegram:77").await?;
    let id = reply(&host, &customer, &json!({ "text": "in stok" })).await?;
    host.delivered(&id, "sent").await?;
    let asked = host.api.post(&format!("/v1/messages/{id}/edit"), &json!({ "text": "in stock" })).await?;
    anyhow::ensure!(asked.status == 202, "{} {}", asked.status, asked.text());
    host.delivered(asked.json()["message_id"].as_str().context("an id")?, "sent").await?;
    let message = host.api.read(&format!("/v1/messages/{id}")).await?;
    assert_eq!(
        (&message["parts"][0]["text"], message["edited_at"].is_string()),
        (&json!("in stock"), true),
        "{message}"
    );
    let refused = host.api.post(&format!("/v1/messages/{hello}/edit"), &json!({ "text": "not mine" })).await?;
    assert!(refused.status == 409 || refused.status == 422, "{} {}", refused.status, refused.text());
    Ok(())
}

#[tokio::test]
async fn a_provider_that_asked_for_a_pause_has_it_after_a_restart_too_until_an_operator_goes_on() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let host = home.start().await?;
    let mut customers = Vec::new();
    for number in ["6281111111", "6282222222"] {
        host.take(WHATSAPP, &meta(&whatsapp_text(number, "Ana", number, "hello"))).await?;
        customers.push(host.api.customer_with(&format!("phone:+{number}")).await?);
    }
    let later = vec![("retry-after", String::from("600"))];
    provider.next(Script::Answer { status: 429, headers: later, body: String::from("{}") });
    let limited = reply(&host, &customers[0], &json!({ "text": "hi" })).await?;
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?after=0&types=delivery.updated", None).await?;
    let waits = |delivery: &Value| delivery["attempts"] == 1 && delivery["state"] == "queued";
    while !waits(&host.api.read(&format!("/v1/messages/{limited}")).await?["delivery"]) {
        feed.next().await?;
    }
    host.stop().await?;
    let host = home.start().await?;
    let path = format!("/v1/channels/{WHATSAPP}");
    assert!(!host.api.read(&path).await?["held_until"].is_null());
    let id = reply(&host, &customers[1], &json!({ "text": "hi" })).await?;
    let early = tokio::time::timeout(std::time::Duration::from_secs(1), provider.wait_for(2)).await;
    assert!(early.is_err(), "{early:?}");
    let resumed = host.api.post(&format!("{path}/resume"), &json!({})).await?;
    assert!(resumed.status.is_success() && resumed.json()["held_until"].is_null(), "{}", resumed.text());
    host.delivered(&id, "sent").await?;
    Ok(())
}
