//! What waits in the outbox for longer than an answer is worth.

use anyhow::{Context, Result, ensure};
use jackfield_core::ids::Millis;
use jackfield_server::clock;
use jackfield_store::Options;
use serde_json::json;

use crate::world::{CUSTOMER, World, until};

/// The journal's clock: facts are written down as if they were from the day before yesterday.
fn two_days_ago() -> Millis {
    Millis(clock::now().0 - 48 * 3_600_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_waited_for_more_than_a_day_is_given_up_without_an_attempt() -> Result<()> {
    let world = World::start_with(|options| Options { clock: two_days_ago, ..options }).await?;
    let customer = world.api.customer_with(&format!("phone:+{CUSTOMER}")).await?;
    let sent = world.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "hi" })).await?.json();
    let path = format!("/v1/messages/{}", sent["message_id"].as_str().context("an id")?);
    until("it is given up", async || Ok(world.api.read(&path).await?["delivery"]["state"] == "failed")).await?;
    let delivery = world.api.read(&path).await?["delivery"].clone();
    ensure!(delivery["class"] == "too_old", "{delivery}");
    ensure!(world.provider.seen().iter().all(|seen| seen.path != "/send"), "nothing was sent");
    world.stop().await
}
