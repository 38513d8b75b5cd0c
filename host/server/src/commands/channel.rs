//! `jackfield channel`

use std::process::ExitCode;

use serde_json::{Value, json};

use super::ask::{ask, done, follow, items, table, text};
use crate::cli::{ChannelCommand, HostPlace};

pub(super) fn run(command: ChannelCommand) -> anyhow::Result<ExitCode> {
    match command {
        ChannelCommand::List { host } => done(&host, async |remote| remote.get("/v1/channels").await, list),
        ChannelCommand::Show { id, host } => done(
            &host,
            async |remote| remote.get(&format!("/v1/channels/{id}")).await,
            |answer| vec![format!("{answer:#}")],
        ),
        ChannelCommand::Pause { id, host } => command_on(&host, &id, "pause", json!({}), state),
        ChannelCommand::Resume { id, host } => command_on(&host, &id, "resume", json!({}), state),
        ChannelCommand::Grants { id, host } => {
            done(&host, async |remote| remote.get(&format!("/v1/channels/{id}/grants")).await, grants)
        }
        ChannelCommand::Grant { id, origins, private, host } => {
            let body = if private { json!({ "private_addresses": origins }) } else { json!({ "http": origins }) };
            command_on(&host, &id, "grants", body, grants)
        }
        ChannelCommand::Revoke { id, origins, host } => {
            command_on(&host, &id, "grants/revoke", json!({ "http": origins }), grants)
        }
        ChannelCommand::Explain { id, origin, host } => {
            let path = format!("/v1/channels/{id}/grants/explain?origin={origin}");
            let lines = |answer: &Value| {
                let allowed = if answer["allowed"] == true { "allowed" } else { "denied" };
                vec![format!("{allowed}: {}", text(&answer["because"]))]
            };
            done(&host, async |remote| remote.get(&path).await, lines)
        }
        ChannelCommand::Log { id, follow: on, lines, host } => {
            let path = format!("/v1/channels/{id}/log?lines={lines}&end={}", !on);
            let parts = ["at", "level", "function", "message"];
            follow(&host, &path, |line| parts.map(|part| text(&line[part])).join("  "))
        }
        ChannelCommand::Connect { id, host } => command_on(&host, &id, "connect", json!({}), steps),
        ChannelCommand::Doctor { id, host } => {
            let path = format!("/v1/channels/{id}/doctor");
            let answer = ask(&host, async |remote| remote.post(&path, &json!({})).await, findings)?;
            Ok(if answer["well"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

pub(super) fn reload(place: &HostPlace) -> anyhow::Result<ExitCode> {
    let lines = |answer: &Value| {
        let of = |word: &str| items(&answer[word]).iter().map(|id| format!("{word} {}", text(id))).collect::<Vec<_>>();
        let lines: Vec<String> = ["added", "changed", "removed"].into_iter().flat_map(of).collect();
        let lines = if lines.is_empty() { vec![String::from("no channel has changed")] } else { lines };
        let distrusted = items(&answer["distrusted"])
            .iter()
            .map(|why| format!("serves until the host stops, and is not let in again after that: {}", text(why)));
        lines.into_iter().chain(distrusted).collect()
    };
    done(place, async |remote| remote.post("/v1/reload", &json!({})).await, lines)
}

fn command_on(
    host: &HostPlace,
    id: &str,
    word: &str,
    body: Value,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/channels/{id}/{word}");
    done(host, async |remote| remote.post(&path, &body).await, lines)
}

fn list(answer: &Value) -> Vec<String> {
    let rows = items(&answer["items"])
        .iter()
        .map(|channel| ["id", "state", "connector", "version", "outbox"].map(|member| text(&channel[member])));
    table(["CHANNEL", "STATE", "CONNECTOR", "VERSION", "OUTBOX"], rows.collect())
}

fn state(answer: &Value) -> Vec<String> {
    vec![format!("{} is {}", text(&answer["id"]), text(&answer["state"]))]
}

fn grants(answer: &Value) -> Vec<String> {
    let granted = &answer["granted"];
    let private: Vec<String> = items(&granted["private_addresses"]).iter().map(text).collect();
    let mut lines: Vec<String> = items(&granted["http"])
        .iter()
        .map(text)
        .map(|origin| {
            if private.contains(&origin) {
                format!("granted  {origin}, at private addresses too")
            } else {
                format!("granted  {origin}")
            }
        })
        .collect();
    lines.extend(
        items(&answer["denied"])
            .iter()
            .map(|origin| format!("denied   {}, which the connector asks for", text(origin))),
    );
    if granted["public_webhook"] == true {
        lines.push(String::from("granted  requests that nobody signed count"));
    }
    lines
}

fn steps(answer: &Value) -> Vec<String> {
    let mut lines = vec![format!("webhook: {}", text(&answer["hook_url"]))];
    lines.extend(items(&answer["steps"]).iter().map(|step| match step["todo"].as_str() {
        Some(todo) => format!("to do   {}: {todo}", text(&step["title"])),
        None => format!("done    {}", text(&step["title"])),
    }));
    lines
}

fn findings(answer: &Value) -> Vec<String> {
    let line = |finding: &Value| {
        let mark = if finding["well"] == true { "well " } else { "WRONG" };
        format!("{mark}  {}: {}", text(&finding["what"]), text(&finding["detail"]))
    };
    items(&answer["findings"]).iter().map(line).collect()
}
