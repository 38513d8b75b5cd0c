//! What the commands share that ask a running host.

use std::future::Future;
use std::process::ExitCode;

use anyhow::bail;
use jackfield_sandbox::printable;
use serde_json::Value;

use super::remote::Remote;
use super::{say, wait_for};
use crate::cli::HostPlace;
use crate::config::Config;

/// Asks a host, and prints the answer: as JSON if that is wanted, in lines otherwise.
pub(super) fn ask<F: Future<Output = anyhow::Result<Value>>>(
    place: &HostPlace,
    question: impl FnOnce(Remote) -> F,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> anyhow::Result<Value> {
    let answer = wait_for(question(remote(place)?))?;
    match place.json {
        true => say(&format!("{answer:#}"))?,
        false => lines(&answer).iter().try_for_each(|line| say(&printable(line)))?,
    }
    Ok(answer)
}

/// As [`ask`], for what is done once the host has answered.
pub(super) fn done<F: Future<Output = anyhow::Result<Value>>>(
    place: &HostPlace,
    question: impl FnOnce(Remote) -> F,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> anyhow::Result<ExitCode> {
    ask(place, question, lines).map(|_| ExitCode::SUCCESS)
}

/// Follows a stream of a host, and prints each event: as JSON if that is wanted, as a line otherwise.
pub(super) fn follow(place: &HostPlace, path: &str, line: impl Fn(&Value) -> String) -> anyhow::Result<ExitCode> {
    let (remote, json) = (remote(place)?, place.json);
    let shown = |event: Value| say(&if json { event.to_string() } else { printable(&line(&event)) });
    wait_for(async { remote.follow(path, shown).await })?;
    Ok(ExitCode::SUCCESS)
}

fn remote(place: &HostPlace) -> anyhow::Result<Remote> {
    let url = match &place.url {
        Some(url) => url.clone(),
        None => {
            let config = Config::read(&place.config.config)?;
            let listen = config.server.listen;
            if listen.port() == 0 {
                bail!("the host runs on a port that it chose itself: say where with --url");
            }
            config.server.local_url(listen)
        }
    };
    let Some(key) = std::env::var("JACKFIELD_KEY").ok().filter(|key| !key.is_empty()) else {
        bail!(
            "put an operator's key into the variable JACKFIELD_KEY; `jackfield key create --role operator` makes one"
        );
    };
    Remote::new(&url, &key)
}

/// A member as text; `-` if it is not there.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::from("-"),
        Value::String(text) if text.is_empty() => String::from("-"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The items of a list.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Lines in columns, with a head.
pub(super) fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> Vec<String> {
    let all: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}
