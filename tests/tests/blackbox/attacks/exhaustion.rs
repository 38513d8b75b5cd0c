//! What is said so that the host cannot go on, or cannot start again.

use anyhow::{Context, Result, ensure};
use jackfield_tests::host::command;
use serde_json::json;

use super::{EVIL, FORM, Shop};

/// The folder's check finds no fact that could not be applied.
async fn checked(shop: &Shop) -> Result<()> {
    let config = shop.host.folder().join("jackfield.toml");
    let output = command(&["check", "--config", &config.to_string_lossy()])?.output().await?;
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[tokio::test]
async fn ids_of_one_kind_that_read_like_another_kinds_stop_nothing() -> Result<()> {
    let shop = Shop::new().await?;
    let me = json!(["evil", "me"]);
    for id in ["call:7", "7", "message:7", "event:call:7"] {
        let call = json!({ "do": "call", "event": id, "id": "7", "from": me });
        let message = json!({ "event": id, "id": id, "from": me, "text": "hello" });
        let visit = json!({ "do": "touchpoint", "event": id, "from": me, "text": "here" });
        shop.says(EVIL, json!([call, message, visit])).await?;
        shop.says(EVIL, json!([visit, message, call])).await?;
    }
    checked(&shop).await?;
    shop.nothing_crossed().await
}

#[tokio::test]
async fn a_request_that_makes_as_much_as_it_can_is_taken_with_what_fits() -> Result<()> {
    let shop = Shop::new().await?;
    let hints: Vec<_> = (0..32).map(|n| json!(["evil", "#", format!("alias-{n}")])).collect();
    let message = json!([{ "id": "m#", "from": ["evil", "me#"], "hints": hints, "text": "hello" }]);
    // Whether it is taken whole, cut or refused is the bounds' business; nobody else notices.
    drop(shop.says_times(EVIL, message, 1_150).await);
    shop.nothing_crossed().await
}

#[tokio::test]
async fn a_number_that_thousands_typed_is_served_when_its_owner_writes() -> Result<()> {
    let shop = Shop::new().await?;
    let owner = "+6281999999999";
    for round in 0..10 {
        let from = json!(["visitor", format!("v{round}-#")]);
        let typed = json!([{ "id": format!("f{round}-#"), "from": from, "hints": [["phone", owner]], "text": "mine" }]);
        shop.says_times(FORM, typed, 20).await?;
    }
    let whatsapp = jackfield_tests::webhooks::whatsapp_text(&owner[1..], "Owner", "wamid.owner", "I am the owner");
    shop.host.take(jackfield_tests::host::WHATSAPP, &jackfield_tests::webhooks::meta(&whatsapp)).await?;
    let customer = shop.host.api.customer_with(&format!("phone:{owner}")).await?;
    let view = shop.host.api.read(&format!("/v1/customers/{customer}")).await?;
    let messages = view["last_messages"].as_array().context("messages")?;
    ensure!(messages.iter().any(|item| item["message"]["parts"][0]["text"] == "I am the owner"), "{view}");
    shop.nothing_crossed().await
}

#[tokio::test]
async fn a_connector_that_gives_all_messages_one_id_and_echoes_them_makes_no_circle() -> Result<()> {
    let shop = Shop::new().await?;
    shop.says(EVIL, json!([{ "id": "always", "from": ["evil", "me"], "text": "first" }])).await?;
    let me = shop.host.api.customer_with("evil:me").await?;
    for text in ["one", "two"] {
        let answer = shop.host.api.post(&format!("/v1/customers/{me}/messages"), &json!({ "text": text })).await?;
        ensure!(answer.status == 202, "{}", answer.text());
        let id = answer.json()["message_id"].as_str().context("a message")?.to_owned();
        shop.host.delivered(&id, "sent").await?;
        let echo = json!([{ "do": "echo", "id": "always", "from": ["evil", "me"], "text": text }]);
        shop.says(EVIL, echo).await?;
        // Of a message that was sent nothing is to be tried again; whatever the answer is, the host goes on.
        shop.host.api.post(&format!("/v1/messages/{id}/retry"), &json!({})).await?;
        shop.says(EVIL, json!([{ "do": "deletion", "id": "always" }])).await?;
    }
    checked(&shop).await?;
    shop.nothing_crossed().await
}

#[tokio::test]
async fn one_message_with_thousands_of_reactions_and_calls_stays_small() -> Result<()> {
    let shop = Shop::new().await?;
    shop.says(EVIL, json!([{ "id": "m", "from": ["evil", "me"], "text": "popular" }])).await?;
    let reaction = json!([{ "do": "reaction", "id": "m", "from": ["evil", "fan#"] }]);
    shop.says_times(EVIL, reaction, 1_500).await?;
    let call = json!([{ "do": "call", "id": "c", "event": "c#", "from": ["evil", "me"] }]);
    shop.says_times(EVIL, call, 1_500).await?;
    let me = shop.host.api.customer_with("evil:me").await?;
    let timeline = shop.host.api.get(&format!("/v1/customers/{me}/timeline")).await?;
    ensure!(timeline.status == 200 && timeline.body.len() < 256 << 10, "{} bytes", timeline.body.len());
    let view = shop.host.api.get(&format!("/v1/customers/{}", shop.victim)).await?;
    ensure!(view.body.len() < 16 << 10, "{} bytes", view.body.len());
    shop.nothing_crossed().await
}
