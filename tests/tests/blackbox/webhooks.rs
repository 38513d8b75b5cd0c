//! Webhooks: once, whole, genuine, or not at all.

use anyhow::{Context, Result};
use jackfield_tests::host::{Home, Host, INSTAGRAM, Setup, TELEGRAM, WHATSAPP};
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{
    VERIFY_TOKEN, Webhook, instagram_text, meta, meta_signature, telegram, telegram_text, whatsapp_message,
    whatsapp_text, whatsapp_value,
};
use serde_json::{Value, json};

async fn texts(host: &Host, identity: &str) -> Result<Vec<String>> {
    let id = host.api.customer_with(identity).await?;
    let page = host.api.read(&format!("/v1/customers/{id}/timeline?limit=200")).await?;
    let items = page["items"].as_array().context("items")?.iter();
    Ok(items.filter_map(|e| e["message"]["parts"][0]["text"].as_str().map(str::to_owned)).collect())
}

async fn customers(host: &Host) -> Result<usize> {
    Ok(host.api.read("/v1/customers").await?["items"].as_array().context("items")?.len())
}

#[tokio::test]
async fn each_channel_takes_its_providers_webhooks() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "w1", "from whatsapp"))).await?;
    host.take(INSTAGRAM, &meta(&instagram_text("ig1", "m1", "from instagram"))).await?;
    host.take(TELEGRAM, &telegram(&telegram_text(77, 1, "from telegram"))).await?;
    for (identity, text) in
        [("whatsapp:62811", "from whatsapp"), ("instagram:ig1", "from instagram"), ("telegram:77", "from telegram")]
    {
        assert_eq!(texts(&host, identity).await?, [text]);
    }
    Ok(())
}

#[tokio::test]
async fn the_same_webhook_a_hundred_times_at_once_and_after_a_restart_is_stored_once() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let home = Home::new(&Setup::shop(&provider.url())?).await?;
    let webhook = meta(&whatsapp_text("6281234567890", "Ana", "wamid.same", "only once"));
    let host = home.start().await?;
    let many = (0..100).map(|_| host.take(WHATSAPP, &webhook));
    for result in futures_util::future::join_all(many).await {
        result?;
    }
    assert_eq!(texts(&host, "phone:+6281234567890").await?, ["only once"]);
    host.stop().await?;
    let host = home.start().await?;
    host.take(WHATSAPP, &webhook).await?;
    assert_eq!(texts(&host, "phone:+6281234567890").await?, ["only once"]);
    Ok(())
}

#[tokio::test]
async fn what_is_not_signed_by_the_provider_is_refused_and_leaves_nothing() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let good = meta(&whatsapp_text("62811", "Ana", "w1", "hällo"));
    let signature =
        |value: String| vec![("content-type", String::from("application/json")), ("x-hub-signature-256", value)];
    let serialised_again = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&good.body)?)?;
    let forged = [
        Webhook { headers: vec![], ..good.clone() },
        Webhook { headers: signature(meta_signature("another secret", good.body.as_bytes())), ..good.clone() },
        Webhook { headers: signature(String::new()), ..good.clone() },
        Webhook { headers: signature(String::from("sha256=")), ..good.clone() },
        Webhook { headers: signature(good.headers[1].1.replace("sha256=", "sha1=")), ..good.clone() },
        Webhook { body: serialised_again, ..good.clone() },
    ];
    for webhook in &forged {
        assert_eq!(host.hook(WHATSAPP, webhook).await?.status, 401, "{:?}", webhook.headers);
    }
    let update = telegram_text(77, 1, "hello");
    let wrong =
        Webhook { headers: vec![("x-telegram-bot-api-secret-token", "wrong".into())], body: update.to_string() };
    for webhook in [Webhook { headers: vec![], ..wrong.clone() }, wrong] {
        assert_eq!(host.hook(TELEGRAM, &webhook).await?.status, 401);
    }
    assert_eq!(customers(&host).await?, 0);
    assert_eq!(host.api.read("/v1/parked").await?["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn the_providers_challenge_is_answered_verbatim_and_a_wrong_token_is_not() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let open = host.api.with_key(None);
    let path =
        |token: &str| format!("/hooks/{WHATSAPP}?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444");
    let answer = open.get(&path(VERIFY_TOKEN)).await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "1158201444"));
    assert_eq!(open.get(&path("wrong")).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn a_batch_with_a_malformed_item_stores_the_others_and_parks_the_bad_one() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let batch = whatsapp_value(json!({
        "contacts": [{ "profile": { "name": "Ana" }, "wa_id": "62811" }],
        "messages": [
            whatsapp_message("62811", "w1", "first"),
            "broken",
            whatsapp_message("62811", "w2", "second"),
        ],
        "statuses": [{ "id": "wamid.unknown", "status": "read", "timestamp": "1790000000", "recipient_id": "62811" }],
    }));
    host.take(WHATSAPP, &meta(&batch)).await?;
    let mut stored = texts(&host, "whatsapp:62811").await?;
    stored.sort();
    assert_eq!(stored, ["first", "second"]);
    let parked = host.api.read("/v1/parked").await?;
    let items = parked["items"].as_array().context("items")?;
    assert_eq!(items.len(), 1, "{parked}");
    assert_eq!(items[0]["what"], "item");
    let one = host.api.read(&format!("/v1/parked/{}", items[0]["id"].as_str().context("an id")?)).await?;
    assert!(one["content"].as_str().is_some_and(|c| c.contains("broken")), "{one}");
    assert!(items[0]["reason"].as_str().is_some_and(|r| !r.is_empty()));
    Ok(())
}

#[tokio::test]
async fn messages_without_an_id_are_kept_apart() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    for text in ["one", "two"] {
        host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "", text))).await?;
    }
    assert_eq!(texts(&host, "whatsapp:62811").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_signed_body_that_is_no_json_is_parked_and_answered_so_that_nothing_is_lost() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let body = String::from("{\"object\": ");
    let headers = vec![("x-hub-signature-256", meta_signature(jackfield_tests::webhooks::APP_SECRET, body.as_bytes()))];
    assert_eq!(host.hook(WHATSAPP, &Webhook { body, headers }).await?.status, 200);
    let parked = host.api.read("/v1/parked").await?;
    assert_eq!(parked["items"][0]["what"], "request", "{parked}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_kind_of_message_is_kept_and_shown() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let payload = whatsapp_value(json!({
        "contacts": [{ "profile": { "name": "Ana" }, "wa_id": "62811" }],
        "messages": [{ "from": "62811", "id": "w1", "timestamp": "1790000000", "type": "hologram", "hologram": { "spin": 3 } }],
    }));
    host.take(WHATSAPP, &meta(&payload)).await?;
    let id = host.api.customer_with("whatsapp:62811").await?;
    let view = host.api.read(&format!("/v1/customers/{id}")).await?;
    assert_eq!(view["last_messages"][0]["message"]["parts"][0]["type"], "other", "{view}");
    assert!(view.to_string().contains("hologram"));
    Ok(())
}

#[tokio::test]
async fn an_unknown_channel_and_an_oversized_body_get_clear_answers() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let unknown = host.hook("nobody", &meta(&json!({}))).await?;
    assert_eq!((unknown.status.as_u16(), unknown.json()["code"].clone()), (404, json!("not_found")));
    let huge = Webhook { body: "x".repeat(5 * 1024 * 1024), headers: vec![] };
    let answer = host.hook(WHATSAPP, &huge).await?;
    assert_eq!(answer.status, 413);
    Ok(())
}
