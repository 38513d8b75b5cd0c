//! `jackfield serve`

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{prepare, say, wait_for};
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::serve::Running;
use crate::shutdown;

pub(super) fn run(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = prepare(file, false)?;
    wait_for(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Before anything else, so that a stop during a long start is an orderly one too.
    let signal = shutdown::signal().context("the system does not let us listen for signals")?;
    tokio::pin!(signal);
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address} (server.listen)"))?;
    let running = tokio::select! {
        running = Running::start(config, listener) => running?,
        () = &mut signal => {
            tracing::info!("stopped before the start was complete");
            return Ok(());
        }
    };
    say(&format!("jackfield is ready on {}", running.url()))?;
    running.until(signal).await
}
