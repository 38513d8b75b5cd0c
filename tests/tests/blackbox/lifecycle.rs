//! Versions of a connector come and go while the host runs, and what is bad never stays.

use anyhow::{Context, Result};
use http::Method;
use jackfield_tests::client::Answer;
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{asking_for_more, moving_a_secret, signed, version, webhook};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const CHANNEL: &str = "shop-versions";

async fn provider() -> Result<Provider> {
    Provider::start(|_, _| Script::json(200, &json!({}))).await
}

/// A host with one channel of the connector `versions`, whose first version says `good-a`.
fn setup(provider: &Provider) -> Result<Setup> {
    Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &[("app-secret", "APP_SECRET")])
}

async fn bring(host: &Host, component: Vec<u8>) -> Result<Answer> {
    let headers = [("content-type", "application/wasm")];
    host.api.send(Method::POST, "/v1/connectors/versions/generations", &headers, component).await
}

async fn connector(host: &Host) -> Result<Value> {
    host.api.read("/v1/connectors/versions").await
}

/// Serving comes a moment after the fact that says so; asking is the only way to see it.
async fn until_serves(host: &Host, generation: u32) -> Result<()> {
    let serves = async {
        while connector(host).await?["generation"] != generation {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), serves).await.context("it never serves")?
}

/// Which version answers now, as the reply to a webhook shows it.
async fn who_answers(host: &Host, id: &str) -> Result<String> {
    let answer = host.hook(CHANNEL, &webhook(id, "6281234", "hello")).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(answer.text())
}

/// The texts of the one customer's conversation, oldest first.
async fn texts(host: &Host) -> Result<Vec<String>> {
    let customer = host.api.customer_with("phone:+6281234").await?;
    let timeline = host.api.read(&format!("/v1/customers/{customer}/timeline?limit=200")).await?;
    let items = timeline["items"].as_array().context("items")?;
    let text = |item: &Value| item["message"]["parts"][0]["text"].as_str().map(str::to_owned);
    let mut texts: Vec<String> = items.iter().filter_map(text).collect();
    texts.sort();
    Ok(texts)
}

fn stages(connector: &Value) -> Vec<String> {
    let generations = connector["generations"].as_array().cloned().unwrap_or_default();
    generations.iter().map(|g| g["stage"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_answer_changes_with_the_version_and_changes_back_with_a_rollback() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    let answer = bring(&host, version("good-b")?).await?;
    assert_eq!((answer.status.as_u16(), &answer.json()["stage"]), (201, &json!("active")), "{}", answer.text());
    assert_eq!(who_answers(&host, "m2").await?, "good-b");
    let back = host.api.post("/v1/connectors/versions/rollback", &json!({})).await?;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(who_answers(&host, "m3").await?, "good-a");
    let connector = connector(&host).await?;
    assert_eq!(connector["generation"], 1);
    assert_eq!(stages(&connector), ["active", "rolled-back"]);
    Ok(())
}

#[tokio::test]
async fn a_version_that_fails_its_probe_never_serves() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    let answer = bring(&host, version("bad-probe")?).await?;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!("refused")), "{}", answer.text());
    assert!(answer.text().contains("cannot check the channel"), "{}", answer.text());
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    assert_eq!(stages(&connector(&host).await?), ["active", "refused"]);
    Ok(())
}

#[tokio::test]
async fn a_version_that_fails_where_the_one_before_does_not_is_rolled_back_by_itself_and_nothing_is_lost() -> Result<()>
{
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    let mut feed = jackfield_tests::events::Feed::open(
        host.api.base(),
        &host.key,
        "/v1/events?after=0&types=connector.updated",
        None,
    )
    .await?;
    bring(&host, version("bad-soon")?).await?;
    for n in 0..20 {
        who_answers(&host, &format!("m{n}")).await?;
    }
    // The rollback is told like everything else.
    loop {
        let event = feed.next().await?.context("the host goes on")?;
        if event.data.to_string().contains("rolled-back") {
            break;
        }
    }
    let texts = texts(&host).await?;
    assert_eq!(texts.len(), 20, "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.starts_with("bad-soon")).count(), 10);
    assert_eq!(host.api.read("/v1/parked").await?["items"], json!([]));
    until_serves(&host, 1).await?;
    assert_eq!(who_answers(&host, "last").await?, "good-a");
    Ok(())
}

#[tokio::test]
async fn a_version_that_fails_at_files_where_the_one_before_does_not_is_rolled_back_and_no_file_is_lost() -> Result<()>
{
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    bring(&host, version("bad-files")?).await?;
    let path = "/v1/events?after=0&types=connector.updated,message.*";
    let mut feed = jackfield_tests::events::Feed::open(host.api.base(), &host.key, path, None).await?;
    for n in 0..5 {
        host.take(CHANNEL, &webhook(&format!("m{n}"), "6281234", "photo")).await?;
    }
    let (mut kept, mut is_rolled_back) = (std::collections::BTreeSet::new(), false);
    while kept.len() < 5 || !is_rolled_back {
        let event = feed.next().await.with_context(|| host.log())?.context("the host goes on")?;
        is_rolled_back |= event.data.to_string().contains("rolled-back");
        if event.data["message"]["parts"][1]["attachment"]["state"] == "kept" {
            kept.insert(event.data["message"]["id"].to_string());
        }
    }
    until_serves(&host, 1).await
}

#[tokio::test]
async fn a_version_that_fails_after_it_called_the_provider_cannot_be_compared_and_is_not_blamed() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    host.take(CHANNEL, &webhook("m1", "6281234", "hello")).await?;
    let customer = host.api.customer_with("phone:+6281234").await?;
    bring(&host, version("bad-late")?).await?;
    let mut feed = jackfield_tests::events::Feed::open(
        host.api.base(),
        &host.key,
        "/v1/events?after=0&types=delivery.updated",
        None,
    )
    .await?;
    for n in 0..5 {
        host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": format!("reply {n}") })).await?;
    }
    let mut uncertain = std::collections::BTreeSet::new();
    while uncertain.len() < 5 {
        let event = feed.next().await.with_context(|| host.log())?.context("the host goes on")?;
        if event.data["message"]["delivery"]["state"] == "uncertain" {
            uncertain.insert(event.data["message"]["id"].to_string());
        }
    }
    assert_eq!(who_answers(&host, "m2").await?, "bad-late");
    assert_eq!(stages(&connector(&host).await?)[1], "active");
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_no_version_can_handle_is_parked_and_no_version_is_blamed() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    for n in 0..10 {
        let answer = host.hook(CHANNEL, &webhook(&format!("p{n}"), "6281234", "poison")).await?;
        assert_eq!(answer.status, 200, "parked, so that the provider does not repeat it");
    }
    assert_eq!(connector(&host).await?["generation"], 3);
    assert_eq!(host.api.read("/v1/parked").await?["items"].as_array().map(Vec::len), Some(10));
    Ok(())
}

#[tokio::test]
async fn a_parked_delivery_is_replayed_on_a_mended_version_and_lands_once() -> Result<()> {
    let provider = provider().await?;
    let setup = setup(&provider)?;
    let host = Host::start(&setup).await?;
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    host.take(CHANNEL, &webhook("m1", "6281234", "poison")).await?;
    let parked = host.api.read("/v1/parked").await?["items"][0]["id"].as_str().context("parked")?.to_owned();
    let path = format!("/v1/parked/{parked}/replay");
    let still = host.api.post(&path, &json!({})).await?;
    assert_eq!(still.status, 409, "{}", still.text());
    bring(&host, version("good-c")?).await?;
    let done = host.api.post(&path, &json!({})).await?;
    assert_eq!((done.status.as_u16(), &done.json()["new"]), (200, &json!(1)), "{}", done.text());
    assert_eq!(texts(&host).await?, ["good-c: poison"]);
    assert_eq!(host.api.post(&path, &json!({})).await?.status, 404);
    // The provider sends the same once more: it is known.
    host.take(CHANNEL, &webhook("m1", "6281234", "poison")).await?;
    assert_eq!(texts(&host).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_parked_delivery_is_replayed_on_a_generation_that_the_operator_names() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    host.take(CHANNEL, &webhook("m1", "6281234", "poison")).await?;
    let done = host.api.post("/v1/parked/replay", &json!({ "generation": 1 })).await?;
    assert_eq!(done.json()["replayed"].as_array().map(Vec::len), Some(1), "{}", done.text());
    assert_eq!(texts(&host).await?, ["good-a: poison"]);
    Ok(())
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_until_it_is_approved_while_the_one_before_serves() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&setup(&provider)?).await?;
    let host = home.start().await?;
    let answer = bring(&host, asking_for_more("good-b")?).await?;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["stage"]),
        (202, &json!("pending-approval")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.json()["missing"][0]["origin"], "https://more.example");
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    host.stop().await?;
    // The approval is still pending after a restart.
    let host = home.start().await?;
    assert_eq!(stages(&connector(&host).await?), ["active", "pending-approval"]);
    let approved = host.api.post("/v1/connectors/versions/approve", &json!({ "generation": 2 })).await?;
    assert_eq!(approved.status, 201, "{}", approved.text());
    assert_eq!(who_answers(&host, "m2").await?, "good-b");
    let grants = host.api.read(&format!("/v1/channels/{CHANNEL}/grants")).await?;
    assert!(grants["granted"]["http"].to_string().contains("https://more.example"), "{grants}");
    host.stop().await?;
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m3").await?, "good-b");
    Ok(())
}

#[tokio::test]
async fn a_version_that_moves_a_secret_or_attests_more_waits_with_the_difference_in_words() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&setup(&provider)?).await?;
    let host = home.start().await?;
    let answer = bring(&host, moving_a_secret("good-b")?).await?;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let told = answer.json()["differences"].to_string();
    for newly in [
        "to send the secret `app-secret` to http://127.0.0.1:1 (query:x)",
        "to attest addresses of the kind `email`",
        "to set the header `x-a` of replies to webhooks",
    ] {
        assert!(told.contains(&format!(r#"{{"change":"newly-asks","sentence":"{newly}"}}"#)), "{newly}: {told}");
    }
    assert!(told.contains("unchanged"), "{told}");
    // Activating is no approval.
    let again = host.api.post("/v1/connectors/versions/activate", &json!({ "generation": 2 })).await?;
    assert_eq!(again.status, 202, "{}", again.text());
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    let approved = host.api.post("/v1/connectors/versions/approve", &json!({ "generation": 2 })).await?;
    assert_eq!(approved.status, 201, "{}", approved.text());
    assert!(approved.json()["approved"].to_string().contains("query:x"), "{}", approved.text());
    // What was approved once needs no second word.
    let same = bring(&host, moving_a_secret("good-c")?).await?;
    assert_eq!(same.status, 201, "{}", same.text());
    assert_eq!(who_answers(&host, "m2").await?, "good-c");
    Ok(())
}

#[tokio::test]
async fn a_restart_comes_back_with_the_same_generations() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&setup(&provider)?).await?;
    let host = home.start().await?;
    bring(&host, version("good-b")?).await?;
    bring(&host, version("good-c")?).await?;
    let before = connector(&host).await?;
    host.kill().await?;
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-c");
    let after = connector(&host).await?;
    assert_eq!((&after["generation"], &after["standby"]), (&before["generation"], &before["standby"]));
    assert_eq!(after["digest"], before["digest"]);
    let back = host.api.post("/v1/connectors/versions/rollback", &json!({})).await?;
    assert_eq!(back.status, 200, "the one before stands by after a restart too: {}", back.text());
    assert_eq!(who_answers(&host, "m2").await?, "good-b");
    Ok(())
}

#[tokio::test]
async fn what_is_no_connector_is_refused_with_a_reason_and_nothing_changes() -> Result<()> {
    let provider = provider().await?;
    let host = Host::start(&setup(&provider)?).await?;
    for component in [b"hello".to_vec(), std::fs::read(jackfield_tests::paths::component("telegram")?)?] {
        let answer = bring(&host, component).await?;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.len() > 40), "{}", answer.text());
    }
    assert_eq!(bring(&host, Vec::new()).await?.status, 400);
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    Ok(())
}

#[tokio::test]
async fn unsigned_versions_are_refused_unless_the_configuration_lets_them_in() -> Result<()> {
    let provider = provider().await?;
    let key = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).map_err(|e| anyhow::anyhow!("{e}"))?;
    let public = data_encoding::HEXLOWER.encode(key.public_key().as_ref());
    let folder = tempfile::tempdir()?;
    let first = folder.path().join("versions.wasm");
    std::fs::write(&first, signed(&version("good-a")?, &key))?;
    let built = jackfield_tests::paths::component("versions")?;
    let setup = setup(&provider)?
        .replaced(&format!("path = {built:?}"), &format!("path = {first:?}"))
        .replaced("allow-unsigned = true", &format!("keys.us = \"{public}\""));
    let host = Host::start(&setup).await?;
    let unsigned = bring(&host, version("good-b")?).await?;
    assert_eq!(unsigned.status, 422, "{}", unsigned.text());
    assert!(unsigned.text().contains("not signed"), "{}", unsigned.text());
    let stranger = Ed25519KeyPair::from_seed_unchecked(&[4; 32]).map_err(|e| anyhow::anyhow!("{e}"))?;
    assert_eq!(bring(&host, signed(&version("good-b")?, &stranger)).await?.status, 422);
    let mut changed = signed(&version("good-b")?, &key);
    changed[100] ^= 1;
    assert_eq!(bring(&host, changed).await?.status, 422);
    let ours = bring(&host, signed(&version("good-b")?, &key)).await?;
    assert_eq!((ours.status.as_u16(), &ours.json()["signature"]["key"]), (201, &json!("us")), "{}", ours.text());
    assert_eq!(who_answers(&host, "m1").await?, "good-b");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_put_into_the_watched_folder_becomes_the_next_version() -> Result<()> {
    let provider = provider().await?;
    let watched = tempfile::tempdir()?;
    let setup = setup(&provider)?.with(&format!("[watch]\nfolder = {:?}", watched.path()));
    let host = Host::start(&setup).await?;
    std::fs::write(watched.path().join("versions.wasm"), version("good-b")?)?;
    until_serves(&host, 2).await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-b");
    Ok(())
}

#[tokio::test]
async fn a_paused_channel_takes_and_sends_nothing_until_it_is_resumed() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&setup(&provider)?).await?;
    let host = home.start().await?;
    who_answers(&host, "m1").await?;
    let paused = host.api.post(&format!("/v1/channels/{CHANNEL}/pause"), &json!({})).await?;
    assert_eq!(paused.json()["state"], "paused", "{}", paused.text());
    host.stop().await?;
    let host = home.start().await?;
    let hook = host.hook(CHANNEL, &webhook("m2", "6281234", "hello")).await?;
    assert_eq!(hook.status, 503, "the provider is told to come again, after a restart too");
    assert!(hook.headers.contains_key("retry-after"));
    let customer = host.api.customer_with("phone:+6281234").await?;
    let sent = host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "hi" })).await?;
    let message = sent.json()["message_id"].as_str().context("a message")?.to_owned();
    let resumed = host.api.post(&format!("/v1/channels/{CHANNEL}/resume"), &json!({})).await?;
    assert_eq!(resumed.json()["state"], "active", "{}", resumed.text());
    host.delivered(&message, "sent").await?;
    host.take(CHANNEL, &webhook("m2", "6281234", "hello")).await?;
    Ok(())
}

#[tokio::test]
async fn a_revoked_grant_denies_at_once_and_the_denial_is_explained() -> Result<()> {
    let provider = provider().await?;
    let home = Home::new(&setup(&provider)?).await?;
    let host = home.start().await?;
    who_answers(&host, "m1").await?;
    let origin = provider.url();
    let revoked = host.api.post(&format!("/v1/channels/{CHANNEL}/grants/revoke"), &json!({ "http": [origin] })).await?;
    assert_eq!(revoked.json()["denied"], json!([origin]), "{}", revoked.text());
    let explain = format!("/v1/channels/{CHANNEL}/grants/explain?origin={origin}");
    let why = host.api.read(&explain).await?;
    assert_eq!(why["allowed"], false);
    assert!(why["because"].as_str().is_some_and(|because| because.contains("revoked")), "{why}");
    let doctor = host.api.post(&format!("/v1/channels/{CHANNEL}/doctor"), &json!({})).await?;
    assert_eq!(doctor.json()["well"], false, "{}", doctor.text());
    let customer = host.api.customer_with("phone:+6281234").await?;
    host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "hi" })).await?;
    // It stays revoked over a restart, which still serves.
    host.stop().await?;
    let host = home.start().await?;
    assert_eq!(host.api.read(&explain).await?["allowed"], false);
    let granted =
        host.api.post(&format!("/v1/channels/{CHANNEL}/grants"), &json!({ "private_addresses": [origin] })).await?;
    assert_eq!(granted.json()["denied"], json!([]), "{}", granted.text());
    assert_eq!(host.api.read(&explain).await?["allowed"], true);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_trusted_no_more_takes_what_it_signed_with_it() -> Result<()> {
    let provider = provider().await?;
    let key = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).map_err(|e| anyhow::anyhow!("{e}"))?;
    let public = data_encoding::HEXLOWER.encode(key.public_key().as_ref());
    let folder = tempfile::tempdir()?;
    let first = folder.path().join("versions.wasm");
    std::fs::write(&first, signed(&version("good-a")?, &key))?;
    let built = jackfield_tests::paths::component("versions")?;
    let nobody = setup(&provider)?
        .replaced(&format!("path = {built:?}"), &format!("path = {first:?}"))
        .replaced("allow-unsigned = true", "");
    let trusted = nobody.clone().replaced("[trust]", &format!("[trust]\nkeys.us = \"{public}\""));
    let home = Home::new(&trusted).await?;
    let host = home.start().await?;
    assert_eq!(who_answers(&host, "m1").await?, "good-a");
    host.stop().await?;
    nobody.write(&home.folder)?;
    let refused = home.start().await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(refused.contains("not trusted here"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn what_a_look_at_a_channel_or_connecting_it_writes_to_its_state_is_there_the_next_time() -> Result<()> {
    let host = Host::start(&setup(&provider().await?)?).await?;
    bring(&host, version("good-counts")?).await?;
    until_serves(&host, 2).await?;
    for before in 0..3 {
        let answer = match before {
            1 => host.api.post(&format!("/v1/channels/{CHANNEL}/connect"), &json!({})).await?,
            _ => host.api.post(&format!("/v1/channels/{CHANNEL}/doctor"), &json!({})).await?,
        };
        assert!(answer.text().contains(&format!("{before} before")), "{}", answer.text());
    }
    Ok(())
}
