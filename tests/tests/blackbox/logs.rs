//! What a connector logs can be looked on, and nobody but an operator looks on.

use anyhow::{Context, Result};
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, Setup, WHATSAPP, command};
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::webhooks::{APP_SECRET, Webhook, meta, whatsapp_text};
use serde_json::json;

/// A host with two hostile channels: one logs more than it may, one traps.
async fn host() -> Result<Host> {
    let setup =
        Setup::new().guest("noisy", "hostile", "do = \"floods-log\"")?.guest("dying", "hostile", "do = \"traps\"")?;
    Host::start(&setup).await
}

async fn strike(host: &Host, channel: &str) -> Result<()> {
    host.hook(channel, &Webhook { body: String::from("{}"), headers: vec![] }).await.map(drop)
}

#[tokio::test]
async fn lines_are_shown_as_they_come_and_as_they_were_after_that() -> Result<()> {
    let host = host().await?;
    let mut live = Feed::open(host.api.base(), &host.key, "/v1/channels/noisy/log", None).await?;
    strike(&host, "noisy").await?;
    let first = live.next().await?.context("a line")?;
    assert_eq!((&first.data["level"], &first.data["function"]), (&json!("warn"), &json!("receive")));
    assert!(first.data["message"].as_str().is_some_and(|line| line.starts_with("line 0 ")), "{}", first.data);
    // What was there ends the stream where that is wanted, and goes on behind the line that was seen last.
    let path = "/v1/channels/noisy/log?end=true";
    let mut rest = Feed::open(host.api.base(), &host.key, path, Some(&first.id)).await?;
    let mut lines = Vec::new();
    while let Some(line) = rest.next().await? {
        lines.push(line.data["message"].as_str().unwrap_or_default().to_owned());
    }
    assert!(lines[0].starts_with("line 1 ") && lines[lines.len() - 1].contains("more lines were dropped"), "{lines:?}");
    let mut last = Feed::open(host.api.base(), &host.key, "/v1/channels/noisy/log?end=true&lines=1", None).await?;
    assert!(last.next().await?.is_some_and(|line| line.data["message"] == lines[lines.len() - 1].as_str()));
    assert!(last.next().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_call_that_came_to_nothing_is_a_line_too_and_the_command_prints_it() -> Result<()> {
    let host = host().await?;
    strike(&host, "dying").await?;
    let arguments = ["channel", "log", "dying", "--url", host.api.base()];
    let output = command(&arguments)?.env("JACKFIELD_KEY", &host.key).output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("  error  receive  ") && text.contains("The connector stopped"), "{text}");
    assert!(!text.contains(APP_SECRET));
    Ok(())
}

#[tokio::test]
async fn nobody_but_an_operator_looks_on() -> Result<()> {
    let host = host().await?;
    let made = host.api.post("/v1/keys", &json!({ "name": "agent", "role": "agent" })).await?.json();
    let agent = host.api.with_key(made["key"].as_str());
    assert_eq!(agent.get("/v1/channels/noisy/log?end=true").await?.status, 403);
    assert_eq!(host.api.with_key(None).get("/v1/channels/noisy/log?end=true").await?.status, 401);
    assert_eq!(host.api.get("/v1/channels/nobody/log?end=true").await?.status, 404);
    assert_eq!(host.api.get("/v1/channels/noisy/log?lines=x").await?.status, 400);
    Ok(())
}

/// A delivery that traps is kept, a reply goes out, a version is installed, and the host stops in order, whatever happens to its log.
async fn works_without_a_log(log: std::process::Stdio, then: impl FnOnce()) -> Result<()> {
    let provider = Provider::agreeable().await?;
    let setup = Setup::shop(&provider.url())?.guest("dying", "hostile", "do = \"traps\"")?;
    let host = Home::new(&setup).await?.start_logging_to(log).await?;
    then();
    for channel in ["dying", WHATSAPP] {
        let answer = host.hook(channel, &Webhook { body: String::from("{}"), headers: vec![] }).await?;
        assert_eq!(answer.status, if channel == WHATSAPP { 401 } else { 200 }, "{channel}: {}", answer.text());
    }
    assert_eq!(host.api.read("/v1/parked").await?["items"].as_array().map(Vec::len), Some(1));
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana", "wamid.1", "hello"))).await?;
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    provider.next(Script::json(400, &json!({ "error": { "message": "no", "code": 100 } })));
    for state in ["failed", "sent"] {
        let answer = host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": state })).await?;
        let message = answer.json()["message_id"].as_str().context("a message")?.to_owned();
        host.delivered(&message, state).await?;
    }
    assert_eq!(host.api.read("/readyz").await?["workers_down"], json!([]));
    host.stop().await.map(drop)
}

#[tokio::test]
async fn a_host_whose_log_cannot_be_written_goes_on_without_it() -> Result<()> {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    works_without_a_log(full.into(), || ()).await
}

#[tokio::test]
async fn a_host_whose_log_nobody_reads_any_more_goes_on_without_it() -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    works_without_a_log(writer.into(), || drop(reader)).await
}
