//! The configuration is read again while the host runs: all of it counts, or nothing.

use anyhow::Result;
use http::Method;
use jackfield_tests::host::{Home, Setup, TELEGRAM};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{taking_a_note, webhook};
use jackfield_tests::webhooks::{APP_SECRET, meta, telegram, telegram_text, whatsapp_text};
use serde_json::json;

const SECRETS: [(&str, &str); 1] = [("app-secret", "APP_SECRET")];

async fn provider() -> Result<Provider> {
    Provider::start(|_, _| Script::json(200, &json!({}))).await
}

#[tokio::test]
async fn a_connector_and_its_channel_are_plugged_into_a_running_host_and_unplugged_again() -> Result<()> {
    let provider = provider().await?;
    let shop = Setup::shop(&provider.url())?;
    let home = Home::new(&shop).await?;
    let host = home.start().await?;
    let hook = webhook("m1", "6281234", "hello");
    assert_eq!(host.hook("late", &hook).await?.status, 404);
    shop.clone().channel("late", "versions", &provider.url(), "", &SECRETS)?.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["added"], json!(["late"]), "{}", reloaded.text());
    host.take("late", &hook).await?;
    // It sends, too.
    let customer = host.api.customer_with("phone:+6281234").await?;
    let sent = host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "hi" })).await?;
    host.delivered(sent.json()["message_id"].as_str().unwrap_or_default(), "sent").await?;
    shop.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["removed"], json!(["late"]), "{}", reloaded.text());
    assert_eq!(host.hook("late", &hook).await?.status, 404);
    // The others never noticed, and what was said stays.
    host.take("shop-whatsapp", &meta(&whatsapp_text("6281234", "Ana", "w1", "still here"))).await?;
    assert_eq!(host.api.read("/v1/channels/late").await?["state"], "off");
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_is_wrong_changes_nothing_and_says_what_is_wrong() -> Result<()> {
    let provider = provider().await?;
    let shop = Setup::shop(&provider.url())?;
    let home = Home::new(&shop).await?;
    let host = home.start().await?;
    let wrong = [
        (shop.clone().with("[channels.x]\nconnector = \"nobody\""), "nobody"),
        (shop.clone().with("[surprise]"), "surprise"),
        (shop.clone().channel("late", "versions", &provider.url(), "", &[])?, "app-secret"),
        (shop.clone().with("[connectors.gone]\npath = \"gone.wasm\""), "gone.wasm"),
    ];
    for (setup, word) in wrong {
        setup.write(&home.folder)?;
        let answer = host.api.post("/v1/reload", &json!({})).await?;
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert!(answer.text().contains(word), "{word}: {}", answer.text());
        host.take("shop-whatsapp", &meta(&whatsapp_text("6281234", "Ana", word, "still here"))).await?;
    }
    Ok(())
}

#[tokio::test]
async fn another_name_and_version_of_a_connector_make_no_strangers_of_its_channels_people() -> Result<()> {
    let provider = provider().await?;
    let shop = Setup::shop(&provider.url())?;
    let home = Home::new(&shop).await?;
    let host = home.start().await?;
    host.take(TELEGRAM, &telegram(&telegram_text(77, 5, "hello"))).await?;
    host.kill().await?;
    shop.replaced("[connectors.telegram]", "[connectors.bot]")
        .replaced("connector = \"telegram\"", "connector = \"bot\"")
        .write(&home.folder)?;
    let host = home.start().await?;
    // The next version has one empty section more.
    let mut next = std::fs::read(jackfield_tests::paths::component("telegram")?)?;
    next.extend_from_slice(&[0, 2, 1, b'x']);
    let headers = [("content-type", "application/wasm")];
    let brought = host.api.send(Method::POST, "/v1/connectors/bot/generations", &headers, next).await?;
    assert_eq!(brought.status, 201, "{}", brought.text());
    host.take(TELEGRAM, &telegram(&telegram_text(77, 6, "still me"))).await?;
    let inbox = host.api.read("/v1/inbox").await?;
    assert_eq!(inbox["items"].as_array().map(Vec::len), Some(1), "{inbox}");
    Ok(())
}

#[tokio::test]
async fn settings_for_a_version_that_does_not_serve_yet_leave_the_channel_as_it_is() -> Result<()> {
    let provider = provider().await?;
    let setup = |settings| Setup::new().channel("late", "versions", &provider.url(), settings, &SECRETS);
    let home = Home::new(&setup("")?).await?;
    let host = home.start().await?;
    let next = home.folder.join("next.wasm");
    std::fs::write(&next, taking_a_note("good-b")?)?;
    let first = format!("{:?}", jackfield_tests::paths::component("versions")?);
    setup("note = \"x\"")?.replaced(&first, &format!("{next:?}")).write(&home.folder)?;
    let refused = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("jackfield connector approve versions 2"), "{}", refused.text());
    assert_eq!(host.hook("late", &webhook("m1", "6281234", "hello")).await?.text(), "good-a");
    // As the answer says.
    let approved = host.api.post("/v1/connectors/versions/approve", &json!({ "generation": 2 })).await?;
    assert_eq!(approved.status, 201, "{}", approved.text());
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["changed"], json!(["late"]), "{}", reloaded.text());
    assert_eq!(host.hook("late", &webhook("m2", "6281234", "hello")).await?.text(), "good-b");
    Ok(())
}

#[tokio::test]
async fn a_secret_that_was_changed_in_its_place_counts_from_the_next_reload_on() -> Result<()> {
    let provider = provider().await?;
    let setup = Setup::new().channel("late", "versions", &provider.url(), "", &SECRETS)?;
    let home = Home::new(&setup.replaced("{ env = \"APP_SECRET\" }", "{ file = \"app-secret\" }")).await?;
    let secret = home.folder.join("app-secret");
    std::fs::write(&secret, "the one before")?;
    let host = home.start().await?;
    assert_eq!(host.hook("late", &webhook("m1", "6281234", "hello")).await?.status, 401);
    std::fs::write(&secret, APP_SECRET)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["changed"], json!(["late"]), "{}", reloaded.text());
    assert_eq!(host.hook("late", &webhook("m1", "6281234", "hello")).await?.text(), "good-a");
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["changed"], json!([]), "nothing is new: {}", reloaded.text());
    Ok(())
}
