//! Channels are asked who somebody is.

use std::time::Duration;

use anyhow::{Context, Result};
use http::Method;
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{version, webhook};
use serde_json::{Value, json};

const CHANNEL: &str = "shop-versions";

/// Brings a version, and returns when it serves.
async fn bring(host: &Host, word: &str, generation: u32) -> Result<()> {
    let headers = [("content-type", "application/wasm")];
    let path = "/v1/connectors/versions/generations";
    let answer = host.api.send(Method::POST, path, &headers, version(word)?).await?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    until(host, "/v1/connectors/versions", |connector| connector["generation"] == generation).await
}

/// Asks until it is so; nothing tells when a channel was asked.
async fn until(host: &Host, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
    let asked = async {
        while !is_so(&host.api.read(path).await?) {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.with_context(|| format!("{path} never says so"))?
}

#[tokio::test]
async fn a_version_that_fails_when_it_is_asked_who_somebody_is_keeps_no_later_one_from_telling() -> Result<()> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
    let secrets = [("app-secret", "APP_SECRET")];
    let home = Home::new(&Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &secrets)?).await?;
    let host = home.start().await?;
    // Twice, because the version before answers for one that fails while it is new.
    bring(&host, "bad-hints-a", 2).await?;
    bring(&host, "bad-hints-b", 3).await?;
    host.take(CHANNEL, &webhook("m1", "6281234", "hello")).await?;
    let channel = format!("/v1/channels/{CHANNEL}");
    until(&host, &channel, |channel| !channel["running"]["counters"]["calls"]["hints"].is_null()).await?;
    bring(&host, "good-named", 4).await?;
    host.stop().await?;
    let host = home.start().await?;
    host.take(CHANNEL, &webhook("m2", "6281234", "it is me again")).await?;
    let customer = host.api.customer_with("phone:+6281234").await?;
    until(&host, &format!("/v1/customers/{customer}"), |customer| customer["name"] == "Ada").await
}
