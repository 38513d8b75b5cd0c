//! A host in this process, on a disk that can be held up.
//!
//! Here: clients that go away in the middle of a command: what they asked for takes effect all the same. [`races`]: two that change what
//! serves at the same time. [`revoked`]: what is taken back reaches every call. [`panics`] and
//! [`skipped`]: mistakes of the host itself, contained. [`late`]: what waits for too long.
#![allow(clippy::unwrap_used, reason = "a helper of a test panics as the test does")]

mod artifacts;
mod disk;
mod files;
mod late;
mod panics;
mod races;
mod revoked;
mod skipped;
mod world;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_core::event::{Author, Event, EventBody, Identifier, InboundMessage, Media, Part, Sender, Thread, Trust};
use jackfield_core::fact::{Actor, Fact, Source};
use jackfield_core::generation::Stage;
use jackfield_tests::provider::Script;
use jackfield_tests::versions::{asking_for_more, version, webhook};
use serde_json::{Value, json};

use world::{CHANNEL, CUSTOMER, Request, World, until};

/// Commands whose whole effect is one fact, with a path and a body. That the fact is there is what can be lost.
fn one_fact(customer: &str, message: &str) -> Vec<(&'static str, Request)> {
    let on = |path: &str| path.replace("{customer}", customer).replace("{message}", message);
    let cases = [
        ("/v1/customers/merge", String::from("/v1/customers/merge"), json!({ "a": customer, "b": customer })),
        ("/v1/customers/{id}/unlink", on("/v1/customers/{customer}/unlink"), json!({ "identity": "idn_1" })),
        ("/v1/suggestions/{id}/accept", String::from("/v1/suggestions/sug_1/accept"), json!({})),
        ("/v1/suggestions/{id}/reject", String::from("/v1/suggestions/sug_1/reject"), json!({})),
        ("/v1/messages/{id}/reaction", on("/v1/messages/{message}/reaction"), json!({ "emoji": "👍" })),
        ("/v1/messages/{id}/read", on("/v1/messages/{message}/read"), json!({})),
        ("/v1/messages/{id}/edit", on("/v1/messages/{message}/edit"), json!({ "text": "x" })),
        ("/v1/messages/{id}/delete", on("/v1/messages/{message}/delete"), json!({})),
        ("/v1/keys", String::from("/v1/keys"), json!({ "name": "new", "role": "reader" })),
    ];
    cases.into_iter().map(|(operation, path, body)| (operation, Request::json(path, &body))).collect()
}

/// Commands that append nothing, or nothing of the host's: what is lost with the client is an answer.
const NOTHING: [&str; 5] = [
    "/v1/customers/merge-preview",
    "/v1/channels/{id}/connect",
    "/v1/channels/{id}/doctor",
    // See [`files`].
    "/v1/files",
    // Pulls, and then does what `generations` does, in the same task.
    "/v1/connectors/{name}/pull",
];

/// Those of which the tests below show what follows.
const WITH_EFFECTS: [&str; 17] = [
    "/v1/customers/{id}",
    "/v1/customers/{id}/messages",
    "/v1/messages/{id}/retry",
    "/v1/channels/{id}/pause",
    "/v1/channels/{id}/resume",
    "/v1/channels/{id}/grants",
    "/v1/channels/{id}/grants/revoke",
    "/v1/connectors/{name}/generations",
    "/v1/connectors/{name}/activate",
    "/v1/connectors/{name}/approve",
    "/v1/connectors/{name}/rollback",
    "/v1/connectors/{name}/remove",
    "/v1/reload",
    "/v1/parked/replay",
    "/v1/parked/{id}/replay",
    "/v1/parked/{id}/discard",
    "/v1/keys/{id}/revoke",
];

#[test]
fn every_command_of_the_api_has_a_client_that_hangs_up() {
    let document = serde_json::to_value(jackfield_server::api::document()).unwrap();
    let mut commands = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().filter(|method| *method != "get") {
            assert!(matches!(method.as_str(), "post" | "delete"), "{method} {path}");
            if path.starts_with("/v1/") {
                commands.insert(path.clone());
            }
        }
    }
    let facts = one_fact("", "").into_iter().map(|(operation, _)| operation);
    let covered: BTreeSet<String> = NOTHING.into_iter().chain(WITH_EFFECTS).chain(facts).map(str::to_owned).collect();
    assert_eq!(commands, covered);
}

async fn customer(world: &World) -> Result<String> {
    world.api.customer_with(&format!("phone:+{CUSTOMER}")).await
}

async fn grants(world: &World) -> Result<String> {
    Ok(world.api.read(&format!("/v1/channels/{CHANNEL}/grants")).await?["granted"]["http"].to_string())
}

async fn generation(world: &World, serves: u32) -> Result<()> {
    until(&format!("generation {serves} serves"), async || {
        Ok(world.api.read("/v1/connectors/versions").await?["generation"] == serves)
    })
    .await
}

async fn hook(world: &World, id: &str) -> Result<u16> {
    let webhook = webhook(id, CUSTOMER, "hello");
    let api = world.api.with_key(None);
    let path = format!("/hooks/{CHANNEL}");
    Ok(api.send(Method::POST, &path, &webhook.headers(), webhook.body.clone()).await?.status.as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_sent_though_its_client_hangs_up_before_it_is_stored() -> Result<()> {
    let world = World::start().await?;
    let path = format!("/v1/customers/{}/messages", customer(&world).await?);
    world.hang_up(&Request::json(path, &json!({ "text": "hi" }))).await?;
    until("the provider has the message", async || Ok(world.provider.messages().len() == 1)).await?;
    // The same for one that failed and is tried again.
    world.provider.next(Script::json(500, &json!({})));
    let path = format!("/v1/customers/{}/messages", customer(&world).await?);
    let sent = world.api.post(&path, &json!({ "text": "again" })).await?.json();
    let message = format!("/v1/messages/{}", sent["message_id"].as_str().context("an id")?);
    until("it failed", async || Ok(world.api.read(&message).await?["delivery"]["state"] == "failed")).await?;
    world.hang_up(&Request::json(format!("{message}/retry"), &json!({}))).await?;
    until("it is sent", async || Ok(world.api.read(&message).await?["delivery"]["state"] == "sent")).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_erased_though_the_client_hangs_up() -> Result<()> {
    let world = World::start().await?;
    let path = format!("/v1/customers/{}", customer(&world).await?);
    world.hang_up(&Request::delete(path.clone())).await?;
    until("the customer is gone", async || Ok(world.api.get(&path).await?.status == 404)).await?;
    let ended = async || Ok(!world.api.send(Method::DELETE, &path, &[], "").await?.json()["ended_at"].is_null());
    until("nothing of the customer is left", ended).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_is_paused_granted_and_revoked_though_the_client_hangs_up() -> Result<()> {
    let world = World::start().await?;
    let on = |what: &str| format!("/v1/channels/{CHANNEL}/{what}");
    world.hang_up(&Request::json(on("pause"), &json!({}))).await?;
    until("webhooks are refused", async || Ok(hook(&world, "p1").await? == 503)).await?;
    world.hang_up(&Request::json(on("resume"), &json!({}))).await?;
    until("webhooks are taken", async || Ok(hook(&world, "p2").await? == 200)).await?;
    world.settled().await?;
    let more = json!({ "http": ["https://more.example"] });
    world.hang_up(&Request::json(on("grants"), &more)).await?;
    until("it is granted", async || Ok(grants(&world).await?.contains("more.example"))).await?;
    world.hang_up(&Request::json(on("grants/revoke"), &more)).await?;
    until("it is revoked", async || Ok(!grants(&world).await?.contains("more.example"))).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_installed_rolled_back_activated_and_approved_though_the_client_hangs_up() -> Result<()> {
    let world = World::start().await?;
    let on = |what: &str| format!("/v1/connectors/versions/{what}");
    let upload = |body| Request { method: "POST", path: on("generations"), body, media_type: "application/wasm" };
    world.hang_up(&upload(version("good-b")?)).await?;
    generation(&world, 2).await?;
    world.settled().await?;
    world.hang_up(&Request::json(on("rollback"), &json!({}))).await?;
    generation(&world, 1).await?;
    world.settled().await?;
    world.hang_up(&Request::json(on("activate"), &json!({ "generation": 2 }))).await?;
    generation(&world, 2).await?;
    world.settled().await?;
    world.configure(Some(("late", "")))?;
    world.hang_up(&Request::json("/v1/reload", &json!({}))).await?;
    until("the channel is there", async || Ok(world.api.get("/v1/channels/late/grants").await?.status == 200)).await?;
    world.settled().await?;
    let headers = [("content-type", "application/wasm")];
    let waits = world.api.send(Method::POST, &on("generations"), &headers, asking_for_more("good-c")?).await?;
    ensure!(waits.status == 202, "{}", waits.text());
    world.settled().await?;
    world.hang_up(&Request::json(on("approve"), &json!({ "generation": 3 }))).await?;
    generation(&world, 3).await?;
    let spare = world.api.send(Method::POST, "/v1/connectors/spare/generations", &headers, version("good-d")?).await?;
    ensure!(spare.status == 201, "{}", spare.text());
    world.settled().await?;
    world.hang_up(&Request::json("/v1/connectors/spare/remove", &json!({}))).await?;
    until("it is gone", async || Ok(world.api.get("/v1/connectors/spare").await?.status == 404)).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_is_removed_though_the_client_hangs_up_while_an_installation_is_waited_for() -> Result<()> {
    let world = World::start().await?;
    let install = |word: &str| {
        let (component, lifecycle) = (version(word), world.host.lifecycle.clone());
        async move { lifecycle.install("spare", component.unwrap(), "upload", Actor::Host).await }
    };
    install("good-d").await?;
    let mut next = Box::pin(install("good-e"));
    world.hold_at("spare", Stage::Approved, &mut next).await;
    world.disk.release();
    world.hang_up_at_once(&Request::json("/v1/connectors/spare/remove", &json!({}))).await?;
    ensure!(next.await?.stage == Stage::Active, "it was installed first");
    until("it is gone", async || Ok(world.api.get("/v1/connectors/spare").await?.status == 404)).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_is_replayed_or_discarded_though_the_client_hangs_up() -> Result<()> {
    let world = World::start().await?;
    let parked = async || -> Result<usize> {
        let parked = world.api.read("/v1/parked").await?;
        Ok(parked["items"].as_array().map_or(0, Vec::len))
    };
    let cases = [("/v1/parked/{id}/replay", "a"), ("/v1/parked/{id}/discard", "b"), ("/v1/parked/replay", "c")];
    for (path, id) in cases {
        let parked_id = world.park(id).await?;
        world.settled().await?;
        world.hang_up(&Request::json(path.replace("{id}", &parked_id), &json!({}))).await?;
        until(path, async || Ok(parked().await? == 0)).await?;
    }
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_command_is_stored_though_its_client_hangs_up() -> Result<()> {
    let world = World::start().await?;
    let customer = customer(&world).await?;
    let timeline: Value = world.api.read(&format!("/v1/customers/{customer}/timeline")).await?;
    let message = timeline["items"][0]["message"]["id"].as_str().context("a message")?.to_owned();
    for (operation, request) in one_fact(&customer, &message) {
        let before = world.host.store.applied();
        world.hang_up(&request).await?;
        until(operation, async || Ok(world.host.store.applied() > before)).await?;
        world.settled().await?;
    }
    let new = jackfield_server::keys::NewKey::generate()?;
    let created =
        Fact::KeyCreated { name: String::from("x"), role: jackfield_core::fact::Role::Reader, hash: new.hash };
    let outcome = world.host.append(Actor::Host, created).await?.outcome;
    let jackfield_core::fact::Outcome::KeyCreated { key } = outcome else { anyhow::bail!("{outcome:?}") };
    world.hang_up(&Request::json(format!("/v1/keys/{key}/revoke"), &json!({}))).await?;
    let revoked = world.api.with_key(Some(&new.text));
    until("the key is revoked", async || Ok(revoked.get("/v1/channels").await?.status == 401)).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_nothing_names_for_a_day_is_removed_and_one_that_a_message_names_stays() -> Result<()> {
    let world = World::start().await?;
    let bring = async |content: &'static str| -> Result<String> {
        let answer = world.api.send(Method::POST, "/v1/files", &[], content).await?;
        answer.json()["sha256"].as_str().map(str::to_owned).with_context(|| answer.text())
    };
    let (named, unnamed, young) = (bring("named").await?, bring("unnamed").await?, bring("young").await?);
    let files = world.host.config.data().join("files");
    let day_before = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    for sum in [&named, &unnamed] {
        std::fs::File::options().append(true).open(files.join(sum))?.set_modified(day_before)?;
    }
    let media = Media { sha256: Some(named.clone()), ..Media::default() };
    let identity = Identifier {
        kind: String::from("x"),
        namespace: String::new(),
        value: String::from("1"),
        raw: None,
        scope: None,
    };
    let message = InboundMessage {
        id: String::from("with-a-file"),
        thread: Thread { id: String::from("1"), kind: String::from("direct") },
        author: Author::Customer,
        sender: Sender { identity, trust: Trust::Attested, hints: Vec::new() },
        sent_at: None,
        parts: vec![Part::File(media)],
        reply_to: None,
        ordered_at: None,
        extra: Vec::new(),
        cut: Vec::new(),
    };
    let received = Fact::Received {
        channel: CHANNEL.parse()?,
        source: Source { connector: String::from("versions"), version: String::new(), digest: String::new() },
        events: vec![Event { id: String::new(), body: EventBody::Message(message) }],
        state: Vec::new(),
        unreadable: Vec::new(),
    };
    world.host.append(Actor::Host, received).await?;
    jackfield_server::housekeeping::remove_unused(&world.host).await?;
    let is_there = |sum: &String| files.join(sum).exists();
    assert_eq!([&named, &unnamed, &young].map(is_there), [true, false, true]);
    world.stop().await
}
