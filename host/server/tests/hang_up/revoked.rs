//! What an operator takes back reaches every call that runs, whichever generation it runs on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jackfield_core::fact::Actor;
use jackfield_tests::provider::Script;
use jackfield_tests::versions::version;
use jackfield_tests::webhooks::Webhook;
use serde_json::{Value, json};

use crate::world::{CHANNEL, CUSTOMER, World, until};

/// Longer than an operator would wait, and shorter than any call may take.
const AT_ONCE: Duration = Duration::from_secs(5);

async fn revoke(world: &World, channel: &str) -> Result<()> {
    let body = json!({ "http": [world.provider.url()] });
    let answer = world.api.post(&format!("/v1/channels/{channel}/grants/revoke"), &body).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_a_call_of_a_generation_that_gave_way_twice() -> Result<()> {
    let world = World::start().await?;
    world.provider.next(Script::Silence);
    let customer = world.api.customer_with(&format!("phone:+{CUSTOMER}")).await?;
    let sent = world.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "hi" })).await?.json();
    let message = format!("/v1/messages/{}", sent["message_id"].as_str().context("an id")?);
    world.provider.wait_for(1).await?;
    for word in ["good-b", "good-c"] {
        world.host.lifecycle.install("versions", version(word)?, "upload", Actor::Host).await?;
    }
    revoke(&world, CHANNEL).await?;
    let delivery = async || -> Result<Value> { Ok(world.api.read(&message).await?["delivery"].clone()) };
    let ended = until("the call ends", async || Ok(delivery().await?["state"] == "uncertain"));
    tokio::time::timeout(AT_ONCE, ended).await.context("the call goes on with what was taken back")??;
    let delivery = delivery().await?;
    assert!(delivery.to_string().contains("was taken back while the call ran"), "{delivery}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_a_replay_on_a_generation_that_is_loaded_for_it_alone() -> Result<()> {
    let world = World::start().await?;
    world.add_caller("caller")?;
    let reloaded = world.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.status == 200, "{}", reloaded.text());
    let first = std::fs::read(jackfield_tests::paths::component("hostile")?)?;
    for number in 0..2 {
        let component = [first.clone(), vec![0, 3, 1, b'x', number]].concat();
        world.host.lifecycle.install("hostile", component, "upload", Actor::Host).await?;
    }
    world.provider.next(Script::Silence);
    let body = json!([{ "method": "POST", "url": format!("{}/allowed/x", world.provider.url()) }]).to_string();
    let parked = world.park_on("caller", &Webhook { body, headers: Vec::new() }).await?;
    let (path, body) = (format!("/v1/parked/{parked}/replay"), json!({ "generation": 1 }));
    let replay = async { tokio::time::timeout(AT_ONCE, world.api.post(&path, &body)).await };
    let revoked = async {
        world.provider.wait_for(1).await?;
        revoke(&world, "caller").await
    };
    let (replay, revoked) = tokio::join!(replay, revoked);
    revoked?;
    let replay = replay.context("the call goes on with what was taken back")??;
    assert_eq!(replay.status, 409, "{}", replay.text());
    assert!(replay.text().contains("was taken back while the call ran"), "{}", replay.text());
    world.stop().await
}
