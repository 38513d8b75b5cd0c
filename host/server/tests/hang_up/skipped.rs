//! What those who append make of a fact that met a defect and was skipped.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use jackfield_core::apply::{Applied, apply};
use jackfield_core::fact::{Entry, Fact, SendResult};
use jackfield_core::ids::Seq;
use jackfield_core::tables::{self, ReadError, Write};
use jackfield_sandbox::Compiler;
use jackfield_server::config::Config;
use jackfield_server::serve::Running;
use jackfield_server::start::store_options;
use jackfield_store::{Options, Rules};
use jackfield_tests::host::Setup;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::world::{CUSTOMER, World, until};

/// Rules with a defect: they cannot take anything that polling brings.
fn no_batch(tables: &mut dyn Write, entry: &Entry) -> tables::Result<Applied> {
    match &entry.fact {
        Fact::Polled { events, .. } if !events.is_empty() => Err(ReadError::Broken(String::from("on purpose"))),
        _ => apply(tables, entry),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_skipped_is_kept_once_and_passed_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("app-secret"), "long enough a secret")?;
    let setup = Setup::new().guest("polled", "hostile", "do = \"polls\"")?;
    let config =
        Config::read(&setup.replaced("{ env = \"APP_SECRET\" }", "{ file = \"app-secret\" }").write(folder.path())?)?;
    let options = Options { rules: Rules { apply: no_batch, ..Rules::default() }, ..store_options(&config) };
    let compiler = Compiler::Child { program: env!("CARGO_BIN_EXE_jackfield").into(), args: vec!["compile".into()] };
    let running = Running::start_with(config, TcpListener::bind("127.0.0.1:0").await?, options, compiler).await?;
    let store = running.host().store.clone();
    let (stop, stopping) = oneshot::channel::<()>();
    let stopped = tokio::spawn(running.until(async { drop(stopping.await) }));
    // Three batches are to be had, from three places.
    let polled = || -> Result<Vec<(bool, Option<Vec<u8>>)>> {
        let mut polled = Vec::new();
        for entry in store.journal_entries(Seq(1))? {
            if let Fact::Polled { events, cursor, .. } = entry?.fact {
                polled.push((events.is_empty(), cursor));
            }
        }
        Ok(polled)
    };
    until("it goes on", async || Ok(polled()?.len() >= 6)).await?;
    let seen: Vec<_> = polled()?.into_iter().take(6).map(|(bare, cursor)| (bare, cursor.unwrap_or_default())).collect();
    let expected: Vec<_> = ["1", "2", "3"].into_iter().flat_map(|at| [(false, at.into()), (true, at.into())]).collect();
    ensure!(seen == expected, "{seen:?}");
    drop((store, stop));
    stopped.await?
}

static ENDS: AtomicUsize = AtomicUsize::new(0);

/// Rules with a defect: they cannot take the ids of what was sent.
fn no_ids(tables: &mut dyn Write, entry: &Entry) -> tables::Result<Applied> {
    match &entry.fact {
        Fact::SendEnded { result: SendResult::Sent { .. }, .. } if ENDS.fetch_add(1, Ordering::SeqCst) == 0 => {
            Err(ReadError::Broken(String::from("on purpose")))
        }
        _ => apply(tables, entry),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_end_was_skipped_is_uncertain_and_its_thread_goes_on() -> Result<()> {
    let world =
        World::start_with(|options| Options { rules: Rules { apply: no_ids, ..Rules::default() }, ..options }).await?;
    let customer = world.api.customer_with(&format!("phone:+{CUSTOMER}")).await?;
    let mut ids = Vec::new();
    for words in ["one", "two"] {
        let sent =
            world.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": words })).await?.json();
        ids.push(sent["message_id"].as_str().context("an id")?.to_owned());
    }
    for (id, state) in ids.iter().zip(["uncertain", "sent"]) {
        let path = format!("/v1/messages/{id}");
        until(state, async || Ok(world.api.read(&path).await?["delivery"]["state"] == state)).await?;
    }
    world.stop().await
}
