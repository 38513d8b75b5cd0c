//! Connectors in JavaScript and Python as they were written for the contract's first edition: they go on working for ever.

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use http::Method;
use jackfield_tests::host::{Host, Setup};
use jackfield_tests::paths;
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::webhooks::{ACCESS_TOKEN, APP_SECRET};
use ring::hmac;
use serde_json::json;

/// A host with the golden connector of a language.
fn setup(language: &str, provider: &str) -> Result<Setup> {
    let path = paths::root()?.join("target/golden").join(language).with_extension("wasm");
    ensure!(path.is_file(), "{} was not built; `cargo xtask guests` builds it", path.display());
    Ok(Setup::new().with(&format!(
        "[connectors.golden]\npath = {path:?}\n[channels.golden]\nconnector = \"golden\"\nconfig = {{ api_base = {provider:?} }}\n\
         [channels.golden.secrets]\nwebhook-secret = {{ env = \"APP_SECRET\" }}\ntoken = {{ env = \"ACCESS_TOKEN\" }}\n\
         [channels.golden.grants]\nhttp = [{provider:?}]\nprivate-addresses = [{provider:?}]\nattests = [\"phone\", \"email\"]"
    )))
}

async fn hook(host: &Host, id: &str, secret: &str) -> Result<(u16, String)> {
    let body = json!({ "id": id, "from": "ada", "say": "hello" }).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref());
    let headers = [("content-type", "application/json"), ("x-signature", signature.as_str())];
    let answer = host.api.with_key(None).send(Method::POST, "/hooks/golden", &headers, body).await?;
    Ok((answer.status.as_u16(), answer.text()))
}

async fn goes_on_working(language: &str) -> Result<()> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({ "id": "out-1" }))).await?;
    let host = Host::start(&setup(language, &provider.url())?).await?;
    assert_eq!(hook(&host, "m1", APP_SECRET).await?, (200, String::from("golden")), "{}", host.log());
    assert_eq!(hook(&host, "m2", APP_SECRET).await?.0, 200);
    assert_eq!(hook(&host, "m3", "another secret").await?.0, 401);
    let found = host.api.read("/v1/customers?q=ada").await?;
    let customer =
        found["items"][0]["id"].as_str().with_context(|| format!("nobody is called ada: {found}"))?.to_owned();
    let timeline = host.api.read(&format!("/v1/customers/{customer}/timeline")).await?;
    let text = timeline.to_string();
    // What the state counts survives the call.
    assert!(text.contains("hello") && text.matches("\"external_id\"").count() == 2, "{timeline}");
    let sent = host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "hi" })).await?;
    let message = sent.json()["message_id"].as_str().with_context(|| sent.text())?.to_owned();
    host.delivered(&message, "sent").await?;
    let seen = provider.seen();
    let request = seen.iter().find(|request| request.path == "/messages").context("a request")?;
    assert_eq!(request.header("authorization"), Some(format!("Bearer {ACCESS_TOKEN}").as_str()));
    assert_eq!(request.json()["say"], "hi");
    Ok(())
}

#[tokio::test]
async fn the_golden_connector_in_javascript_goes_on_working() -> Result<()> {
    goes_on_working("js").await
}

#[tokio::test]
async fn the_golden_connector_in_python_goes_on_working() -> Result<()> {
    goes_on_working("python").await
}
