//! `jackfield-dev dev`: watch the project, build it, put it into a running host, play a webhook, and show what the connector logs there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::build::{self, Built};
use crate::conformance::{self, Plan};
use crate::host::Host;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Folders in which nothing is written by hand.
const MADE: [&str; 7] = ["target", "dist", "node_modules", "__pycache__", ".git", ".venv", ".mypy_cache"];

/// What to watch, and where to put it.
pub struct Watch {
    /// The project's folder.
    pub project: PathBuf,
    /// The SDK, where it has to be told.
    pub sdk: Option<PathBuf>,
    /// The host.
    pub host: Host,
    /// The connector's name on the host; the manifest's id if it is left out.
    pub connector: Option<String>,
    /// A fixture that is played after each swap, and the channel that it is played to.
    pub replay: Option<(PathBuf, String)>,
}

/// Watches until the program is stopped. `say` gets a line for everything that happens.
pub async fn run(watch: &Watch, say: &mut dyn FnMut(String)) -> Result<()> {
    let mut ticks = tokio::time::interval(EVERY);
    let mut built = BTreeMap::new();
    let (logger, mut logged) = mpsc::unbounded_channel();
    let mut followed = BTreeSet::new();
    let mut followers = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some(line) = logged.recv() => {
                say(line);
                continue;
            }
        }
        let now = files(&watch.project);
        if now == built {
            continue;
        }
        built = now;
        match swap(watch, say).await {
            Ok(channels) => {
                for channel in channels.into_iter().filter(|channel| followed.insert(channel.clone())) {
                    followers.spawn(follow(watch.host.clone(), channel, logger.clone()));
                }
                say("watching; save a file to build again".to_owned());
            }
            Err(error) => say(format!("error: {error:#}")),
        }
    }
}

/// Hands on what a channel's connector logs, for as long as the program runs.
async fn follow(host: Host, channel: String, lines: mpsc::UnboundedSender<String>) {
    let mut last = None;
    loop {
        // A host that is away says so at the next swap; here it is only waited for.
        let _ = host.follow(&channel, &mut last, |line| drop(lines.send(line))).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// Builds the project, uploads it, and plays the fixture. The channels that use it.
pub async fn swap(watch: &Watch, say: &mut dyn FnMut(String)) -> Result<Vec<String>> {
    let (project, sdk) = (watch.project.clone(), watch.sdk.clone());
    let built = tokio::task::spawn_blocking(move || build::build(&project, sdk.as_deref(), None)).await??;
    let Built { path, id, size, .. } = built;
    say(format!("built {} ({} KiB)", path.display(), size.div_ceil(1024)));
    let connector = watch.connector.as_ref().unwrap_or(&id);
    say(watch.host.upload(connector, fs::read(&path)?).await?);
    if let Some((file, channel)) = &watch.replay {
        replay(watch, file, channel, say).await?;
    }
    watch.host.channels(connector).await
}

async fn replay(watch: &Watch, file: &Path, channel: &str, say: &mut dyn FnMut(String)) -> Result<()> {
    let plan = Plan::read(&watch.project.join("fixtures"))?;
    let content = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    for request in conformance::replay(&plan, file, content)? {
        let status = watch.host.replay(channel, &request.headers, request.body).await?;
        say(format!("replayed {} to {channel}: {status}", file.display()));
    }
    Ok(())
}

/// Every file that somebody writes, and when it was written.
fn files(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            let is_made = MADE.iter().any(|made| entry.file_name() == *made);
            match metadata.is_dir() {
                true if !is_made => folders.push(path),
                true => {}
                false => drop(metadata.modified().map(|modified| found.insert(path, modified))),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_not_watched() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["src/lib.rs", "target/debug/x", "dist/x.wasm", "connector.toml"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let before = files(folder.path());
        assert_eq!(before.len(), 2);
        fs::write(folder.path().join("dist/y.wasm"), "").unwrap();
        assert_eq!(files(folder.path()), before);
        fs::write(folder.path().join("src/new.rs"), "").unwrap();
        assert_ne!(files(folder.path()), before);
    }
}
