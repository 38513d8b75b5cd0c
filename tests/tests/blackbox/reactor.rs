//! What follows from facts: grants, generations and parked deliveries, also where two ask at once or something is missing.

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::host::{Home, Host, Setup, TELEGRAM};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{version, webhook};
use jackfield_tests::webhooks::{APP_SECRET, telegram, telegram_text};
use serde_json::{Value, json};

const CHANNEL: &str = "shop-versions";
const SECRETS: [(&str, &str); 1] = [("app-secret", "APP_SECRET")];

async fn provider() -> Result<Provider> {
    Provider::start(|_, _| Script::json(200, &json!({}))).await
}

async fn bring(host: &Host, component: Vec<u8>) -> Result<()> {
    let headers = [("content-type", "application/wasm")];
    let answer = host.api.send(Method::POST, "/v1/connectors/versions/generations", &headers, component).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn a_revocation_that_cannot_be_carried_out_leaves_the_channel_unserved_until_it_can() -> Result<()> {
    let provider = provider().await?;
    let setup = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?;
    let home = Home::new(&setup.replaced("{ env = \"APP_SECRET\" }", "{ file = \"app-secret\" }")).await?;
    let secret = home.folder.join("app-secret");
    std::fs::write(&secret, APP_SECRET)?;
    let host = home.start().await?;
    std::fs::remove_file(&secret)?;
    let revoke = json!({ "http": [provider.url()] });
    let answer = host.api.post(&format!("/v1/channels/{CHANNEL}/grants/revoke"), &revoke).await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(answer.text().contains("app-secret"), "{}", answer.text());
    let channel = host.api.read(&format!("/v1/channels/{CHANNEL}")).await?;
    assert!(channel["not_serving"].as_str().is_some_and(|why| why.contains("app-secret")), "{channel}");
    assert_ne!(host.hook(CHANNEL, &webhook("m1", "6281234", "hello")).await?.text(), "good-a");
    let ready = host.api.read("/readyz").await?;
    assert_eq!(ready["not_serving"], json!([{ "channel": CHANNEL }]));
    std::fs::write(&secret, APP_SECRET)?;
    let serves = async {
        while host.hook(CHANNEL, &webhook("m2", "6281234", "hello")).await?.text() != "good-a" {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), serves).await.context("it is never served again")??;
    let grants = host.api.read(&format!("/v1/channels/{CHANNEL}/grants")).await?;
    assert_eq!(grants["granted"]["http"], json!([]), "what was revoked stays revoked");
    Ok(())
}

#[tokio::test]
async fn grants_and_revocations_at_the_same_time_are_all_kept() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?).await?;
    let path = format!("/v1/channels/{CHANNEL}/grants");
    let grants = futures_util::future::join_all((0..8).map(async |n| {
        let body = json!({ "http": [format!("https://a{n}.example")] });
        host.api.post(&path, &body).await
    }));
    let revoke_path = format!("{path}/revoke");
    let revokes = futures_util::future::join_all((0..8).map(async |n| {
        let body = json!({ "http": [format!("https://b{n}.example")] });
        host.api.post(&revoke_path, &body).await
    }));
    let (grants, revokes) = tokio::join!(grants, revokes);
    for answer in grants.into_iter().chain(revokes) {
        let answer = answer?;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let granted = host.api.read(&path).await?["granted"]["http"].to_string();
    for n in 0..8 {
        assert!(granted.contains(&format!("https://a{n}.example")), "{n}: {granted}");
        let origin = format!("/v1/channels/{CHANNEL}/grants/explain?origin=https://b{n}.example");
        assert_eq!(host.api.read(&origin).await?["allowed"], false);
    }
    Ok(())
}

#[tokio::test]
async fn two_replays_of_one_delivery_land_it_once() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?).await?;
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    host.take(CHANNEL, &webhook("p1", "6281234", "poison")).await?;
    bring(&host, version("good-z")?).await?;
    let parked = host.api.read("/v1/parked").await?;
    let id = parked["items"][0]["id"].as_str().context("it is parked")?.to_owned();
    let path = format!("/v1/parked/{id}/replay");
    let body = json!({});
    let (one, other) = tokio::join!(host.api.post(&path, &body), host.api.post(&path, &body));
    let mut statuses = [one?.status.as_u16(), other?.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    assert_eq!(host.api.read("/v1/parked").await?["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_damaged_component_keeps_only_its_own_channels_down() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let setup = Setup::shop(&provider.url())?.channel(CHANNEL, "versions", &provider.url(), "", &SECRETS)?;
    let home = Home::new(&setup).await?;
    let host = home.start().await?;
    let connector: Value = host.api.read("/v1/connectors/versions").await?;
    let digest = connector["digest"].as_str().context("a digest")?.to_owned();
    host.stop().await?;
    let artifact = home.folder.join("data/artifacts").join(format!("{digest}.wasm"));
    ensure!(artifact.is_file(), "{} is not there", artifact.display());
    std::fs::write(&artifact, b"damaged")?;
    let path = format!("{:?}", jackfield_tests::paths::component("versions")?);
    setup.clone().replaced(&path, "\"gone.wasm\"").write(&home.folder)?;
    let host = home.start().await?;
    assert_eq!(host.api.read("/readyz").await?["not_serving"], json!([{ "channel": CHANNEL }]));
    let channel = host.api.read(&format!("/v1/channels/{CHANNEL}")).await?;
    assert!(channel["not_serving"].as_str().is_some_and(|why| why.contains("damaged")), "{channel}");
    host.take(TELEGRAM, &telegram(&telegram_text(42, 7, "hello"))).await?;
    // Another connector does not take over its name and its people meanwhile.
    let (other, headers) = (jackfield_tests::paths::component("poller")?, [("content-type", "application/wasm")]);
    let path = "/v1/connectors/versions/generations";
    let answer = host.api.send(http::Method::POST, path, &headers, std::fs::read(other)?).await?;
    ensure!(answer.status == 422 && answer.text().contains("under another name"), "{}", answer.text());
    host.stop().await?;
    // The component that the configuration names mends it.
    setup.write(&home.folder)?;
    let host = home.start().await?;
    assert_eq!(host.hook(CHANNEL, &webhook("m1", "6281234", "hello")).await?.text(), "good-a");
    Ok(())
}
