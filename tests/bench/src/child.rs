//! Servers of this program in processes of their own, so that each comparison has the same shape: clients here, a server there.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jackfield_tests::webhooks::{ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// How long a server may take to get ready.
const PATIENCE: Duration = Duration::from_secs(60);

const READY: &str = "ready on ";

/// A server in a process of its own. Dropping it ends the process.
pub struct Child {
    /// Where it listens.
    pub base: String,
    process: tokio::process::Child,
}

impl Child {
    /// Starts this program in another role.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .env("APP_SECRET", APP_SECRET)
            .env("VERIFY_TOKEN", VERIFY_TOKEN)
            .env("ACCESS_TOKEN", ACCESS_TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("its output is piped")?).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix(READY) {
                    return Ok(url.to_owned());
                }
            }
            bail!("{arguments:?} ended before it was ready")
        };
        let base = tokio::time::timeout(PATIENCE, ready).await.context("a server did not get ready")??;
        Ok(Self { base, process })
    }

    /// The number of the process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid(&self) -> Result<u32> {
        self.process.id().context("the server runs")
    }
}

/// What a server says when it listens.
pub fn say_ready(url: &str) {
    println!("{READY}{url}");
}
