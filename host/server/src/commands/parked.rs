//! `jackfield parked`

use std::process::ExitCode;

use serde_json::{Value, json};

use super::ask::{ask, done, items, table, text};
use super::remote::Remote;
use crate::cli::ParkedCommand;

pub(super) fn run(command: ParkedCommand) -> anyhow::Result<ExitCode> {
    match command {
        ParkedCommand::List { host } => done(&host, async |remote| remote.get("/v1/parked?limit=200").await, list),
        ParkedCommand::Show { id, host } => done(
            &host,
            async |remote| remote.get(&format!("/v1/parked/{id}")).await,
            |answer| vec![format!("{answer:#}")],
        ),
        ParkedCommand::Replay { id: Some(id), generation, host, .. } => {
            let (path, body) = (format!("/v1/parked/{id}/replay"), on(generation));
            done(&host, async |remote| remote.post(&path, &body).await, |answer| vec![replayed(answer)])
        }
        ParkedCommand::Replay { id: None, channel, generation, host, .. } => {
            let mut body = on(generation);
            if let Some(channel) = channel {
                body["channel"] = json!(channel);
            }
            let answer = ask(&host, async |remote| replay_all(&remote, body).await, all)?;
            Ok(if items(&answer["stay"]).is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ParkedCommand::Discard { id, host } => {
            let path = format!("/v1/parked/{id}/discard");
            done(&host, async |remote| remote.post(&path, &json!({})).await, |_| vec![format!("{id} is let go of")])
        }
    }
}

/// Repeats a replay until nothing is left that was not looked at; the answers as one.
async fn replay_all(remote: &Remote, mut body: Value) -> anyhow::Result<Value> {
    let (mut replayed, mut stay) = (Vec::new(), Vec::new());
    loop {
        let answer = remote.post("/v1/parked/replay", &body).await?;
        replayed.extend_from_slice(items(&answer["replayed"]));
        stay.extend_from_slice(items(&answer["stay"]));
        if answer["next"].is_null() {
            return Ok(json!({ "replayed": replayed, "stay": stay, "next": null }));
        }
        body["after"] = answer["next"].clone();
    }
}

fn on(generation: Option<u32>) -> Value {
    generation.map_or_else(|| json!({}), |generation| json!({ "generation": generation }))
}

fn list(answer: &Value) -> Vec<String> {
    let rows = items(&answer["items"])
        .iter()
        .map(|parked| ["id", "channel", "version", "what", "at", "reason"].map(|member| text(&parked[member])));
    table(["ID", "CHANNEL", "VERSION", "WHAT", "SINCE", "REASON"], rows.collect())
}

fn replayed(one: &Value) -> String {
    format!(
        "{} was handled: {} new, {} known already",
        text(&one["parked"]),
        text(&one["new"]),
        text(&one["duplicate"])
    )
}

fn all(answer: &Value) -> Vec<String> {
    let mut lines: Vec<String> = items(&answer["replayed"]).iter().map(replayed).collect();
    lines.extend(
        items(&answer["stay"]).iter().map(|one| format!("{} stays: {}", text(&one["parked"]), text(&one["reason"]))),
    );
    lines
}
