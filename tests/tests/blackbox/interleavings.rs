//! Calls, swaps, rollbacks, crashes and restarts in any order: every call is answered by exactly one generation, and what it answered
//! is what is stored, once.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::host::{Home, Host, Setup};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{version, webhook};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

const CHANNEL: &str = "shop-versions";

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many webhooks at once.
    Calls(usize),
    /// A new good version, while so many webhooks come.
    Swap(usize),
    /// A version that fails from its first call on, while so many webhooks come.
    SwapToBad(usize),
    /// The one before comes back, while so many webhooks come.
    RollBack(usize),
    /// A new good version, and the one before comes back, in whichever order, while so many webhooks come.
    SwapAndRollBack(usize),
    Crash,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1_usize..12).prop_map(Step::Calls),
        3 => (1_usize..12).prop_map(Step::Swap),
        2 => (1_usize..12).prop_map(Step::SwapToBad),
        2 => (1_usize..12).prop_map(Step::RollBack),
        3 => (1_usize..12).prop_map(Step::SwapAndRollBack),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 4..14)
}

#[test]
fn every_call_is_answered_by_exactly_one_generation_whatever_happens_around_it() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Each case starts a real host several times.
    let mut runner =
        TestRunner::new(Config { cases: 6, max_shrink_iters: 8, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&steps(), |steps| {
        runtime.block_on(play(&steps)).map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    ran.map_err(|error| anyhow::anyhow!("{error}"))
}

async fn play(steps: &[Step]) -> Result<()> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
    let setup = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &[("app-secret", "APP_SECRET")])?;
    let home = Home::new(&setup).await?;
    let mut host = home.start().await?;
    let (mut sent, mut brought) = (0, 0);
    let mut answered = BTreeMap::new();
    for step in steps {
        match *step {
            Step::Calls(count) => answered.extend(calls(&host, &mut sent, count).await?),
            Step::Swap(count) => {
                brought += 1;
                let swap = bring(&host, version(&format!("good-{brought}"))?);
                let (calls, swapped) = tokio::join!(calls(&host, &mut sent, count), swap);
                answered.extend(calls?);
                ensure!(swapped? == 201, "a good version was not taken");
            }
            Step::SwapToBad(count) => {
                brought += 1;
                let swap = bring(&host, [version("bad-always")?, section(brought)].concat());
                let (calls, _) = tokio::join!(calls(&host, &mut sent, count), swap);
                answered.extend(calls?);
            }
            Step::RollBack(count) => {
                let body = json!({});
                let back = host.api.post("/v1/connectors/versions/rollback", &body);
                let (calls, back) = tokio::join!(calls(&host, &mut sent, count), back);
                answered.extend(calls?);
                let status = back?.status.as_u16();
                ensure!([200, 409].contains(&status), "a rollback was answered with {status}");
            }
            Step::SwapAndRollBack(count) => {
                brought += 1;
                let (swap, body) = (bring(&host, version(&format!("good-{brought}"))?), json!({}));
                let back = host.api.post("/v1/connectors/versions/rollback", &body);
                let (calls, swapped, back) = tokio::join!(calls(&host, &mut sent, count), swap, back);
                answered.extend(calls?);
                ensure!(swapped? == 201, "a good version was not taken");
                let status = back?.status.as_u16();
                ensure!([200, 409].contains(&status), "a rollback was answered with {status}");
                one_is_active(&host).await?;
            }
            Step::Crash => {
                host.kill().await?;
                host = home.start().await?;
            }
            Step::Restart => {
                host.stop().await?;
                host = home.start().await?;
            }
        }
    }
    compare(&host, &answered).await
}

/// A section that says nothing: the same code under another digest.
fn section(number: u8) -> Vec<u8> {
    vec![0, 3, 1, b'x', number]
}

/// Sends webhooks at once. What each was answered, by its id.
async fn calls(host: &Host, sent: &mut usize, count: usize) -> Result<Vec<(String, String)>> {
    let ids: Vec<String> = (0..count).map(|n| format!("m{}", *sent + n)).collect();
    *sent += count;
    let answers = ids.into_iter().map(async |id| {
        let answer = host.hook(CHANNEL, &webhook(&id, "6281234", "hello")).await?;
        ensure!(answer.status == 200, "{id}: {} {}", answer.status, answer.text());
        anyhow::Ok((id, answer.text()))
    });
    futures_util::future::join_all(answers).await.into_iter().collect()
}

async fn bring(host: &Host, component: Vec<u8>) -> Result<u16> {
    let headers = [("content-type", "application/wasm")];
    let answer = host.api.send(Method::POST, "/v1/connectors/versions/generations", &headers, component).await?;
    Ok(answer.status.as_u16())
}

/// Exactly one generation is active, and that one serves.
async fn one_is_active(host: &Host) -> Result<()> {
    let connector = host.api.read("/v1/connectors/versions").await?;
    let generations = connector["generations"].as_array().context("generations")?;
    let active: Vec<_> = generations.iter().filter(|row| row["stage"] == "active").collect();
    ensure!(active.len() == 1 && active[0]["generation"] == connector["generation"], "{connector}");
    Ok(())
}

/// Every answer names the version whose text is stored, and every call is stored once or parked once.
async fn compare(host: &Host, answered: &BTreeMap<String, String>) -> Result<()> {
    let mut stored: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if answered.values().any(|word| !word.is_empty()) {
        let customer = host.api.customer_with("phone:+6281234").await?;
        let timeline = host.api.read(&format!("/v1/customers/{customer}/timeline?limit=200")).await?;
        for item in timeline["items"].as_array().context("items")? {
            let message = &item["message"];
            let id = message["external_id"].as_str().context("an id")?.to_owned();
            let text = message["parts"][0]["text"].as_str().context("a text")?.to_owned();
            stored.entry(id).or_default().push(text);
        }
    }
    let parked = host.api.read("/v1/parked?limit=200").await?["items"].as_array().map_or(0, Vec::len);
    // A parked delivery is answered with nothing, since no version had anything to say.
    let silent = answered.values().filter(|word| word.is_empty()).count();
    ensure!(parked == silent, "{parked} parked, {silent} answered with nothing");
    for (id, word) in answered.iter().filter(|(_, word)| !word.is_empty()) {
        let texts = stored.get(id).with_context(|| format!("{id} is lost"))?;
        ensure!(*texts == [format!("{word}: hello")], "{id} was answered by {word}, and stored is {texts:?}");
    }
    Ok(())
}
