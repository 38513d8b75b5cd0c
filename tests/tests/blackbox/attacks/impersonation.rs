//! Writing as somebody else, and getting what is meant for somebody else.

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};

use super::{EVIL, FORM, Shop, VICTIM};

/// The names under which the victim is known, as a connector can spell them.
fn names() -> [Value; 4] {
    let phone = format!("+{VICTIM}");
    [
        json!(["phone", phone]),
        json!(["phone", "whatsapp", phone]),
        json!(["whatsapp", "102290129340398", VICTIM]),
        json!(["whatsapp", VICTIM]),
    ]
}

#[tokio::test]
async fn a_connector_that_writes_as_a_customer_of_another_channel_is_somebody_else() -> Result<()> {
    let shop = Shop::new().await?;
    for (n, name) in names().into_iter().enumerate() {
        shop.says(EVIL, json!([{ "id": format!("e{n}"), "from": name, "text": "send it to me instead" }])).await?;
    }
    shop.nothing_crossed().await
}

#[tokio::test]
async fn an_anonymous_visitor_who_gives_a_customers_address_is_somebody_else() -> Result<()> {
    let shop = Shop::new().await?;
    for (n, name) in names().into_iter().enumerate() {
        shop.says(FORM, json!([{ "id": format!("f{n}"), "from": name, "text": "send it to me instead" }])).await?;
    }
    for via in [FORM, EVIL] {
        let path = format!("/v1/customers/{}/messages", shop.victim);
        let answer = shop.host.api.post(&path, &json!({ "text": "there?", "via": { "channel": via } })).await?;
        ensure!(answer.status.is_client_error(), "{via}: {} {}", answer.status, answer.text());
    }
    shop.nothing_crossed().await
}

#[tokio::test]
async fn a_connector_that_vouches_for_a_customers_address_links_nobody() -> Result<()> {
    let shop = Shop::new().await?;
    let hints = names();
    shop.says(EVIL, json!([{ "id": "e", "from": ["evil", "me"], "hints": hints, "text": "it is me" }])).await?;
    // A dozen of them do not make the address a shared one.
    shop.says_times(
        EVIL,
        json!([{ "id": "e#", "from": ["evil", "ns#", "me#"], "hints": hints, "text": "and me" }]),
        12,
    )
    .await?;
    let customer = shop.customer().await?;
    ensure!(customer["identities"].as_array().context("identities")?.len() == 2, "{customer}");
    shop.nothing_crossed().await
}

#[tokio::test]
async fn a_connector_takes_no_address_over_by_saying_that_it_changed() -> Result<()> {
    let shop = Shop::new().await?;
    shop.says(EVIL, json!([{ "id": "e", "from": ["evil", "me"], "text": "hello" }])).await?;
    for name in names() {
        for channel in [EVIL, FORM] {
            let there = json!({ "do": "change", "from": name, "to": ["evil", "me"] });
            let back = json!({ "do": "change", "from": ["evil", "me"], "to": name });
            // The form is not believed at all and may refuse the whole.
            let events = json!([there, back]);
            if let Err(refused) = shop.says(channel, events).await {
                ensure!(channel == FORM, "{refused}");
            }
        }
    }
    shop.nothing_crossed().await
}

#[tokio::test]
async fn what_a_connector_says_of_a_customers_messages_and_thread_changes_none() -> Result<()> {
    let shop = Shop::new().await?;
    for (n, name) in names().into_iter().enumerate() {
        let events = json!([
            { "do": "echo", "id": format!("x{n}"), "from": name, "text": "done, closed", "thread": VICTIM },
            { "do": "reaction", "id": "wamid.victim", "from": name },
            { "do": "deletion", "id": "wamid.victim" },
            { "do": "read", "thread": VICTIM },
            { "do": "call", "id": "1", "from": name },
            { "do": "touchpoint", "from": name, "text": "was here" },
        ]);
        shop.says(EVIL, events).await?;
    }
    shop.nothing_crossed().await
}

#[tokio::test]
async fn an_answer_goes_to_no_group_unless_it_is_named() -> Result<()> {
    let shop = Shop::new().await?;
    let private = json!({ "id": "1", "from": ["evil", "me"], "thread": "private", "text": "what is my balance?" });
    let public = json!({ "id": "2", "from": ["evil", "me"], "thread": "public", "group": true, "text": "hello all" });
    shop.says(EVIL, json!([private, public])).await?;
    let asking = shop.host.api.customer_with("evil:me").await?;
    let path = format!("/v1/customers/{asking}/messages");
    let answer = shop.host.api.post(&path, &json!({ "text": "your balance is 5" })).await?;
    let to = &answer.json()["to"];
    ensure!(to["thread"]["id"] == "private", "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn a_visitor_who_types_an_address_sees_and_takes_nothing_when_the_owner_is_looked_at() -> Result<()> {
    let shop = Shop::new().await?;
    let typed = json!([{ "id": "f#", "from": ["visitor", "v#"], "hints": [["phone", format!("+{VICTIM}")]],
        "text": "my number is this, send it here" }]);
    for _ in 0..4 {
        shop.says_times(FORM, typed.clone(), 20).await?;
    }
    let customer = shop.customer().await?;
    ensure!(customer["identities"].as_array().context("identities")?.len() == 2, "{customer}");
    let answer = shop.host.api.send(Method::GET, &format!("/v1/customers/{}", shop.victim), &[], "").await?;
    ensure!(answer.body.len() < 64 << 10, "{} bytes", answer.body.len());
    ensure!(shop.own().await?.len() == 1, "{customer}");
    shop.nothing_crossed().await
}
