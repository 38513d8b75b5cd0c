//! Parked deliveries are handled again, all of them, whatever lies before them.

use anyhow::{Context, Result, ensure};
use http::Method;
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Host, Setup, command};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::{version, webhook};
use jackfield_tests::webhooks::Webhook;
use serde_json::{Value, json};

const CHANNEL: &str = "shop-versions";
/// A channel whose connector fails before it has verified anything.
const FORM: &str = "form";
const CUSTOMER: &str = "6281234";

/// A host on which a delivery of a customer is parked behind a hundred of strangers, and which has a version that can handle it.
async fn host() -> Result<Host> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
    let setup = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &[("app-secret", "APP_SECRET")])?;
    let host = Host::start(&setup.guest(FORM, "hostile", "do = \"traps\"")?).await?;
    for n in 0..100 {
        host.take(FORM, &Webhook { body: format!("junk {n}"), headers: vec![] }).await?;
    }
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    host.take(CHANNEL, &webhook("m1", CUSTOMER, "poison")).await?;
    bring(&host, version("good-c")?).await?;
    Ok(host)
}

async fn bring(host: &Host, component: Vec<u8>) -> Result<()> {
    let headers = [("content-type", "application/wasm")];
    let answer = host.api.send(Method::POST, "/v1/connectors/versions/generations", &headers, component).await?;
    ensure!(answer.status == 201, "{}", answer.text());
    Ok(())
}

async fn replay(host: &Host, body: &Value) -> Result<Value> {
    let answer = host.api.post("/v1/parked/replay", body).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    Ok(answer.json())
}

fn count(answer: &Value, what: &str) -> Result<usize> {
    answer[what].as_array().map(Vec::len).with_context(|| answer.to_string())
}

#[tokio::test]
async fn what_can_be_handled_is_replayed_though_a_hundred_that_cannot_lie_before_it() -> Result<()> {
    let host = host().await?;
    // What proved that it comes from the provider is first.
    let first = replay(&host, &json!({})).await?;
    ensure!((count(&first, "replayed")?, count(&first, "stay")?) == (1, 99), "{first}");
    // The cursor leads to the end.
    let next = first["next"].as_str().with_context(|| first.to_string())?;
    let second = replay(&host, &json!({ "after": next })).await?;
    ensure!((count(&second, "replayed")?, count(&second, "stay")?) == (0, 1), "{second}");
    ensure!(second["next"].is_null(), "{second}");
    let odd = host.api.post("/v1/parked/replay", &json!({ "after": "1" })).await?;
    ensure!(odd.status == 400, "{} {}", odd.status, odd.text());
    host.api.customer_with(&format!("phone:+{CUSTOMER}")).await?;
    Ok(())
}

#[tokio::test]
async fn the_command_line_replays_one_channel_and_all_to_the_end() -> Result<()> {
    let host = host().await?;
    let run = async |more: &[&str]| -> Result<(bool, String)> {
        let arguments = [&["parked", "replay", "--all", "--url", host.api.base()], more].concat();
        let output = command(&arguments)?.env("JACKFIELD_KEY", &host.key).output().await?;
        let told = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
    };
    let (all_handled, told) = run(&["--channel", CHANNEL]).await?;
    ensure!(all_handled && told.lines().count() == 1 && told.contains("was handled"), "{told}");
    let (all_handled, told) = run(&[]).await?;
    ensure!(!all_handled && told.matches(" stays: ").count() == 100, "{told}");
    Ok(())
}

#[tokio::test]
async fn a_replay_on_a_paused_channel_is_refused_until_it_goes_on() -> Result<()> {
    let host = host().await?;
    let parked = host.api.read("/v1/parked").await?;
    let id = parked["items"][0]["id"].as_str().with_context(|| parked.to_string())?;
    let one = format!("/v1/parked/{id}/replay");
    let of_channel = json!({ "channel": CHANNEL });
    let pause = host.api.post(&format!("/v1/channels/{CHANNEL}/pause"), &json!({})).await?;
    ensure!(pause.status == 200, "{}", pause.text());
    for (path, body) in [(one.as_str(), json!({})), ("/v1/parked/replay", of_channel.clone())] {
        let refused = host.api.post(path, &body).await?;
        ensure!(refused.status == 409 && refused.text().contains("paused"), "{} {}", refused.status, refused.text());
    }
    let all = replay(&host, &json!({})).await?;
    ensure!(count(&all, "replayed")? == 0 && all["stay"][0]["reason"].to_string().contains("paused"), "{all}");
    host.api.post(&format!("/v1/channels/{CHANNEL}/resume"), &json!({})).await?;
    ensure!(count(&replay(&host, &of_channel).await?, "replayed")? == 1);
    Ok(())
}

#[tokio::test]
async fn strangers_who_name_a_customer_do_not_keep_the_operator_from_erasing_them() -> Result<()> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
    let setup = Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &[("app-secret", "APP_SECRET")])?;
    let host = Host::start(&setup.guest(FORM, "hostile", "do = \"traps\"")?).await?;
    host.take(CHANNEL, &webhook("m0", CUSTOMER, "hello")).await?;
    let customer = host.api.customer_with(&format!("phone:+{CUSTOMER}")).await?;
    host.take(FORM, &Webhook { body: format!("+{CUSTOMER}"), headers: vec![] }).await?;
    bring(&host, version("poison")?).await?;
    bring(&host, [version("poison")?, b"\0\x02\x01x".to_vec()].concat()).await?;
    host.take(CHANNEL, &webhook("m1", CUSTOMER, "poison")).await?;
    let parked = host.api.read("/v1/parked").await?;
    let of = |channel: &str| -> Result<String> {
        let mut items = parked["items"].as_array().into_iter().flatten();
        let item = items.find(|item| item["channel"] == channel).with_context(|| parked.to_string())?;
        Ok(item["id"].as_str().context("an id")?.to_owned())
    };
    let (signed, strangers) = (of(CHANNEL)?, of(FORM)?);
    let erase = async || host.api.send(Method::DELETE, &format!("/v1/customers/{customer}"), &[], "").await;
    let refused = erase().await?;
    ensure!(refused.status == 409 && refused.text().contains(&signed), "{} {}", refused.status, refused.text());
    host.api.post(&format!("/v1/parked/{signed}/discard"), &json!({})).await?;
    ensure!(erase().await?.status == 202, "what a stranger wrote does not stand in the way");
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?after=0&types=erasure.ended", None).await?;
    feed.next().await.with_context(|| host.log())?.context("the host runs")?;
    let left = host.api.read(&format!("/v1/parked/{strangers}")).await?;
    ensure!(!left.to_string().contains(CUSTOMER), "{left}");
    Ok(())
}
