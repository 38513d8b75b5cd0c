//! The generation before comes back only where it can serve, and nothing runs that nobody approved.

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::client::Answer;
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::paths;
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{moving_a_secret, taking_a_note, version, webhook};
use jackfield_tests::webhooks::{meta, whatsapp_text};
use serde_json::json;
use tokio::sync::watch;

const CHANNEL: &str = "shop-versions";
const SECRETS: [(&str, &str); 1] = [("app-secret", "APP_SECRET")];

async fn provider() -> Result<Provider> {
    Provider::start(|_, _| Script::json(200, &json!({}))).await
}

async fn bring(host: &Host, component: Vec<u8>) -> Result<Answer> {
    let headers = [("content-type", "application/wasm")];
    host.api.send(Method::POST, "/v1/connectors/versions/generations", &headers, component).await
}

#[tokio::test]
async fn a_rollback_that_would_leave_a_channel_unserved_is_refused_with_what_to_do() -> Result<()> {
    let provider = provider().await?;
    let one = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?;
    let two = one.clone().channel("late", "versions", &provider.url(), "note = \"x\"", &SECRETS)?;
    let home = Home::new(&one).await?;
    let host = home.start().await?;
    bring(&host, taking_a_note("good-b")?).await?;
    let approved = host.api.post("/v1/connectors/versions/approve", &json!({ "generation": 2 })).await?;
    ensure!(approved.status == 201, "{}", approved.text());
    // Only the second version takes the settings of this one.
    two.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.json()["added"] == json!(["late"]), "{}", reloaded.text());
    let refused = host.api.post("/v1/connectors/versions/rollback", &json!({})).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    for word in ["late", "note", "generation 1"] {
        assert!(refused.text().contains(word), "{word}: {}", refused.text());
    }
    for channel in [CHANNEL, "late"] {
        assert_eq!(host.hook(channel, &webhook("m1", "6281234", "hello")).await?.text(), "good-b");
    }
    assert_eq!(host.api.read("/v1/connectors/versions").await?["generation"], 2);
    // As the answer says.
    one.write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.json()["removed"] == json!(["late"]), "{}", reloaded.text());
    let back = host.api.post("/v1/connectors/versions/rollback", &json!({})).await?;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(host.hook(CHANNEL, &webhook("m2", "6281234", "hello")).await?.text(), "good-a");
    Ok(())
}

#[tokio::test]
async fn a_rollback_brings_a_generation_back_that_has_to_be_loaded_first() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?).await?;
    let host = home.start().await?;
    bring(&host, version("good-b")?).await?;
    let first = host.api.read("/v1/connectors/versions").await?["generations"][0]["digest"].clone();
    let artifact = home.folder.join("data/artifacts").join(format!("{}.wasm", first.as_str().context("a digest")?));
    let kept = std::fs::read(&artifact)?;
    host.stop().await?;
    std::fs::remove_file(&artifact)?;
    let host = home.start().await?;
    assert_eq!(host.api.read("/v1/connectors/versions").await?["standby"], json!(null), "it cannot be loaded");
    let refused = host.api.post("/v1/connectors/versions/rollback", &json!({})).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("from a backup"), "{}", refused.text());
    // As the answer says.
    std::fs::write(&artifact, kept)?;
    let back = host.api.post("/v1/connectors/versions/rollback", &json!({})).await?;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(host.hook(CHANNEL, &webhook("m1", "6281234", "hello")).await?.text(), "good-a");
    Ok(())
}

#[tokio::test]
async fn a_parked_delivery_is_never_replayed_on_a_version_that_nobody_approved() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?).await?;
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    host.take(CHANNEL, &webhook("m1", "6281234", "poison")).await?;
    let parked = host.api.read("/v1/parked").await?["items"][0]["id"].as_str().context("parked")?.to_owned();
    let path = format!("/v1/parked/{parked}/replay");
    // One waits for approval, and another one was refused.
    assert_eq!(bring(&host, moving_a_secret("good-b")?).await?.status, 202);
    assert_eq!(bring(&host, version("bad-probe")?).await?.status, 422);
    for (generation, stage, remedy) in
        [(4, "pending-approval", "connector approve versions 4"), (5, "refused", "has served")]
    {
        let answer = host.api.post(&path, &json!({ "generation": generation })).await?;
        assert_eq!(answer.status, 409, "{stage}: {}", answer.text());
        assert!(answer.text().contains(stage) && answer.text().contains(remedy), "{stage}: {}", answer.text());
    }
    assert_eq!(host.api.read("/v1/parked").await?["items"].as_array().map(Vec::len), Some(1));
    // Once it is approved it may.
    let approved = host.api.post("/v1/connectors/versions/approve", &json!({ "generation": 4 })).await?;
    ensure!(approved.status == 201, "{}", approved.text());
    let done = host.api.post(&path, &json!({ "generation": 4 })).await?;
    assert_eq!(done.json()["new"], 1, "{}", done.text());
    Ok(())
}

#[tokio::test]
async fn what_is_taken_back_and_granted_again_while_a_version_is_probed_is_served_by_it() -> Result<()> {
    let (gate, is_open) = watch::channel(true);
    let number = || json!({ "id": "1", "messages": [{ "id": "wamid.out" }] });
    let quick = Provider::start(move |_, _| Script::json(200, &number())).await?;
    let slow =
        Provider::start(move |_, _| Script::Held(is_open.clone(), Box::new(Script::json(200, &number())))).await?;
    let secrets = [("app-secret", "APP_SECRET"), ("verify-token", "VERIFY_TOKEN"), ("access-token", "ACCESS_TOKEN")];
    let settings = "phone_number_id = \"106540352242922\"";
    let setup = Setup::new().channel("a", "whatsapp", &quick.url(), settings, &secrets)?.channel(
        "b",
        "whatsapp",
        &slow.url(),
        settings,
        &secrets,
    )?;
    let host = Home::new(&setup).await?.start().await?;
    let asked = slow.seen().len();
    gate.send_replace(false);
    let mut next = std::fs::read(paths::component("whatsapp")?)?;
    // Another digest: a custom section.
    next.extend([0, 3, 1, b'x', 1]);
    let api = host.api.clone();
    let installed = tokio::spawn(async move {
        let headers = [("content-type", "application/wasm")];
        api.send(Method::POST, "/v1/connectors/whatsapp/generations", &headers, next).await
    });
    while slow.seen().len() == asked {
        tokio::task::yield_now().await;
        ensure!(!installed.is_finished(), "it is probed on both");
    }
    for path in ["/v1/channels/a/grants/revoke", "/v1/channels/a/grants"] {
        let answer = host.api.post(path, &json!({ "http": [quick.url()] })).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
    }
    gate.send_replace(true);
    let answer = installed.await??;
    ensure!(answer.status == 201, "{}", answer.text());
    host.take("a", &meta(&whatsapp_text("6281234", "Ana", "wamid.1", "hello"))).await?;
    assert_eq!(host.api.read("/v1/parked").await?["items"], json!([]));
    Ok(())
}
