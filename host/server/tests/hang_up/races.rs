//! An installation and whatever else changes what serves: they may begin and end in any order. Each is held at a step, so that the order
//! is the one that is meant.

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_core::fact::{Actor, Fact};
use jackfield_core::generation::Stage;
use jackfield_core::ids::Seq;
use jackfield_core::views::operations;
use jackfield_tests::versions::{asking_for_more, version, webhook};
use serde_json::json;

use crate::world::{CHANNEL, CUSTOMER, World, until};

const ROLLBACK: &str = "/v1/connectors/versions/rollback";

/// Which version answers on a channel.
async fn who_answers(world: &World, channel: &str, id: &str) -> Result<String> {
    let webhook = webhook(id, CUSTOMER, "hello");
    let path = format!("/hooks/{channel}");
    let answer = world.api.with_key(None).send(Method::POST, &path, &webhook.headers(), webhook.body.clone()).await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    Ok(answer.text())
}

/// The generation that the last fact about it says is active. Checks that the tables and what runs say the same, and that no other is.
async fn serves(world: &World) -> Result<u32> {
    let mut last = None;
    for entry in world.host.store.journal_entries(Seq(1))? {
        match entry?.fact {
            Fact::GenerationMoved { generation, to: Stage::Active, .. } => last = Some(generation),
            Fact::GenerationMoved { generation, to: Stage::RolledBack, .. } if last == Some(generation) => last = None,
            _ => {}
        }
    }
    let last = last.context("something is active")?;
    let versions = operations::connector(&world.host.view(), "versions")?.context("it is there")?;
    let active: Vec<u32> =
        versions.generations.iter().filter(|row| row.stage == Stage::Active).map(|row| row.number).collect();
    ensure!(active == [last] && versions.active == Some(last), "by the journal {last}, and {versions:?}");
    ensure!(versions.standby != Some(last), "it stands by for itself");
    let running = world.host.channels.slot("versions").and_then(|slot| slot.active()).map(|running| running.number);
    ensure!(running == Some(last), "by the journal {last}, and {running:?} runs");
    Ok(last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_waits_for_no_installation_and_the_one_that_comes_to_serve_last_serves() -> Result<()> {
    let world = World::start().await?;
    let install = async |word: &str| {
        world
            .host
            .lifecycle
            .install("versions", version(word)?, "upload", Actor::Host)
            .await
            .map_err(anyhow::Error::from)
    };
    install("good-b").await?;
    let mut next = Box::pin(install("good-c"));
    world.hold_at("versions", Stage::Approved, &mut next).await;
    world.disk.release();
    let back = world.api.post(ROLLBACK, &json!({})).await?;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!((serves(&world).await?, who_answers(&world, CHANNEL, "r1").await?), (1, String::from("good-a")));
    assert_eq!(next.await?.stage, Stage::Active);
    assert_eq!((serves(&world).await?, who_answers(&world, CHANNEL, "r2").await?), (3, String::from("good-c")));
    let versions = operations::connector(&world.host.view(), "versions")?.context("it is there")?;
    assert_eq!(versions.standby, Some(1), "what was rolled back does not stand by");
    assert_eq!(versions.get(2).map(|row| row.stage), Some(Stage::RolledBack));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_comes_while_an_activation_is_on_its_way_to_the_disk_takes_that_one_back() -> Result<()> {
    let world = World::start().await?;
    let install = async |word: &str| {
        world
            .host
            .lifecycle
            .install("versions", version(word)?, "upload", Actor::Host)
            .await
            .map_err(anyhow::Error::from)
    };
    install("good-b").await?;
    let mut next = Box::pin(install("good-c"));
    world.hold_at("versions", Stage::Probing, &mut next).await;
    let body = json!({});
    let mut back = Box::pin(world.api.post(ROLLBACK, &body));
    // It has no answer before the disk goes on, and neither has the installation.
    for _ in 0..20 {
        world.api.get("/healthz").await?;
        ensure!(futures_util::poll!(&mut back).is_pending(), "a rollback was answered that is not stored");
    }
    world.disk.release();
    let (next, back) = tokio::join!(next, back);
    assert_eq!(next?.stage, Stage::Active);
    let back = back?;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!((serves(&world).await?, who_answers(&world, CHANNEL, "r1").await?), (2, String::from("good-b")));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activation_of_what_a_rollback_brings_back_meanwhile_changes_nothing() -> Result<()> {
    let world = World::start().await?;
    world.host.lifecycle.install("versions", version("good-b")?, "upload", Actor::Host).await?;
    world.host.lifecycle.install("versions", version("good-c")?, "upload", Actor::Host).await?;
    // The newest is number 3, which stays active until the rollback.
    let mut again = Box::pin(world.host.lifecycle.activate("versions", 2, Actor::Host));
    world.hold_at("versions", Stage::Active, &mut again).await;
    world.disk.release();
    let back = world.api.post(ROLLBACK, &json!({})).await?;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(again.await?.stage, Stage::Active);
    assert_eq!((serves(&world).await?, who_answers(&world, CHANNEL, "r1").await?), (2, String::from("good-b")));
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_comes_while_a_version_is_on_its_way_goes_dark_with_no_version_that_cannot_serve_it()
-> Result<()> {
    let world = World::start().await?;
    let lifecycle = &world.host.lifecycle;
    let waits = lifecycle.install("versions", asking_for_more("good-b")?, "upload", Actor::Host).await?;
    assert_eq!(waits.stage, Stage::PendingApproval);
    let mut approve = Box::pin(lifecycle.approve("versions", 2, Actor::Host));
    world.hold_at("versions", Stage::Approved, &mut approve).await;
    world.disk.release();
    // The version that serves can serve this channel, and the one on its way wants what it is not granted.
    world.configure(Some(("late", "")))?;
    let reloaded = world.api.post("/v1/reload", &json!({})).await?;
    assert_eq!(reloaded.json()["added"], json!(["late"]), "{}", reloaded.text());
    let approved = approve.await?;
    let reasons: Vec<String> = approved.rejections.iter().map(ToString::to_string).collect();
    assert_eq!(approved.stage, Stage::PendingApproval, "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("jackfield channel grant late")), "{reasons:?}");
    assert_eq!(who_answers(&world, "late", "l1").await?, "good-a");
    let approved = world.api.post("/v1/connectors/versions/approve", &json!({ "generation": 2 })).await?;
    assert_eq!(approved.status, 201, "{}", approved.text());
    assert_eq!(who_answers(&world, "late", "l2").await?, "good-b");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_cannot_be_loaded_when_its_turn_comes_is_shown_while_the_one_before_serves() -> Result<()> {
    let world = World::start().await?;
    world.host.lifecycle.install("versions", version("good-b")?, "upload", Actor::Host).await?;
    ensure!(world.api.post(ROLLBACK, &json!({})).await?.status == 200, "it is rolled back, and not loaded any more");
    let versions = operations::connector(&world.host.view(), "versions")?.context("it is there")?;
    let artifact = world.artifact(&versions.get(2).context("the second")?.source.digest);
    let kept = std::fs::read(&artifact)?;
    std::fs::remove_file(&artifact)?;
    // As from a host that had the component.
    let active = Fact::GenerationMoved {
        connector: String::from("versions"),
        generation: 2,
        to: Stage::Active,
        problem: None,
        missing: Vec::new(),
        approved: None,
        differences: Vec::new(),
    };
    world.host.command(Actor::Host, active).await?;
    let waiting = async || -> Result<u64> {
        world.api.read("/readyz").await?["reactor"]["to_look_at_again"].as_u64().context("a number")
    };
    until("it is shown", async || Ok(waiting().await? == 1)).await?;
    assert_eq!(who_answers(&world, CHANNEL, "l1").await?, "good-a");
    std::fs::write(&artifact, kept)?;
    until("it serves", async || Ok(who_answers(&world, CHANNEL, "l2").await? == "good-b")).await?;
    until("nothing waits", async || Ok(waiting().await? == 0)).await?;
    world.stop().await
}
