//! `jackfield connector`

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::ask::{ask, done, items, table, text};
use super::tell;
use crate::cli::ConnectorCommand;

pub(super) fn run(command: ConnectorCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConnectorCommand::List { host } => done(&host, async |remote| remote.get("/v1/connectors").await, list),
        ConnectorCommand::Show { name, host } => {
            done(&host, async |remote| remote.get(&format!("/v1/connectors/{name}")).await, show)
        }
        ConnectorCommand::Add { name, file, host } => {
            let component = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            tell("bringing it; a component in JavaScript or Python takes some 15 s to compile the first time");
            let path = format!("/v1/connectors/{name}/generations");
            brought(ask(&host, async |remote| remote.upload(&path, component).await, generation)?)
        }
        ConnectorCommand::Pull { name, reference, host } => {
            let (path, body) = (format!("/v1/connectors/{name}/pull"), json!({ "reference": reference }));
            tell("pulling it; a component in JavaScript or Python takes some 15 s to compile the first time");
            brought(ask(&host, async |remote| remote.post(&path, &body).await, generation)?)
        }
        ConnectorCommand::Activate { name, generation: number, host } => {
            let (path, body) = (format!("/v1/connectors/{name}/activate"), json!({ "generation": number }));
            brought(ask(&host, async |remote| remote.post(&path, &body).await, generation)?)
        }
        ConnectorCommand::Approve { name, generation: number, host } => {
            let (path, body) = (format!("/v1/connectors/{name}/approve"), json!({ "generation": number }));
            brought(ask(&host, async |remote| remote.post(&path, &body).await, generation)?)
        }
        ConnectorCommand::Rollback { name, host } => {
            let path = format!("/v1/connectors/{name}/rollback");
            done(&host, async |remote| remote.post(&path, &json!({})).await, show)
        }
        ConnectorCommand::Remove { name, host } => {
            let path = format!("/v1/connectors/{name}/remove");
            done(&host, async |remote| remote.post(&path, &json!({})).await, |_| vec![format!("{name} is gone")])
        }
    }
}

/// Status 1 while it does not serve, so that a script notices.
fn brought(answer: Value) -> anyhow::Result<ExitCode> {
    Ok(if answer["stage"] == "active" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(answer: &Value) -> Vec<String> {
    let rows = items(&answer["items"]).iter().map(|connector| {
        let channels: Vec<String> = items(&connector["channels"]).iter().map(text).collect();
        let waits = items(&connector["generations"]).iter().any(|generation| generation["stage"] == "pending-approval");
        [
            text(&connector["name"]),
            text(&connector["id"]),
            text(&connector["version"]),
            text(&connector["generation"]),
            String::from(if waits { "yes" } else { "-" }),
            channels.join(" "),
        ]
    });
    table(["NAME", "CONNECTOR", "VERSION", "GENERATION", "WAITS", "CHANNELS"], rows.collect())
}

fn show(answer: &Value) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}: {} {} ({})",
            text(&answer["name"]),
            text(&answer["id"]),
            text(&answer["version"]),
            text(&answer["title"])
        ),
        format!("serves: generation {}, stands by: {}", text(&answer["generation"]), text(&answer["standby"])),
        String::new(),
    ];
    let rows = items(&answer["generations"]).iter().map(|g| {
        let digest: String = text(&g["digest"]).chars().take(12).collect();
        let signature = match text(&g["signature"]["state"]).as_str() {
            "trusted" => format!("trusted ({})", text(&g["signature"]["key"])),
            other => other.to_owned(),
        };
        [
            text(&g["generation"]),
            text(&g["stage"]),
            text(&g["version"]),
            digest,
            signature,
            text(&g["origin"]),
            text(&g["changed_at"]),
        ]
    });
    let head = ["GENERATION", "STAGE", "VERSION", "DIGEST", "SIGNATURE", "ORIGIN", "SINCE"];
    lines.extend(table(head, rows.collect()));
    for generation in items(&answer["generations"]) {
        lines.extend(why(generation));
    }
    lines
}

fn generation(answer: &Value) -> Vec<String> {
    let (number, version) = (text(&answer["generation"]), text(&answer["version"]));
    let mut lines = vec![format!("generation {number} (version {version}) is {}", text(&answer["stage"]))];
    lines.extend(why(answer));
    lines
}

/// Why a generation goes no further.
fn why(generation: &Value) -> Vec<String> {
    let number = text(&generation["generation"]);
    let problem = generation["problem"]["message"].as_str().map(|message| format!("  {number}: {message}"));
    let missing = items(&generation["missing"])
        .iter()
        .map(|m| format!("  {number}: {}: {}", text(&m["channel"]), text(&m["message"])));
    let differences = items(&generation["differences"]).iter().map(|difference| {
        let change = text(&difference["change"]).replace('-', " ");
        format!("  {number}: {change} {}", text(&difference["sentence"]))
    });
    problem.into_iter().chain(missing).chain(differences).collect()
}
