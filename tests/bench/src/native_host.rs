//! The host as it is, but for one thing: its WhatsApp connector is compiled in.

use std::path::Path;

use anyhow::{Context, Result};
use jackfield_sandbox::Compiler;
use jackfield_server::config::Config;
use jackfield_server::serve::Running;
use jackfield_server::{shutdown, start};
use jackfield_tests::host::WHATSAPP;
use tokio::net::TcpListener;

use crate::{child, native};

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start, or has no channel for WhatsApp.
pub async fn run(config: &Path) -> Result<()> {
    let config = Config::read(config)?;
    let signal = shutdown::signal()?;
    let listener = TcpListener::bind(config.server.listen).await?;
    let options = start::store_options(&config);
    // This program cannot compile as a child of itself.
    let running = Running::start_with(config, listener, options, Compiler::InProcess).await?;
    let channel = running.host().channels.get(&WHATSAPP.parse()?).context("a channel for WhatsApp")?;
    channel.native.set(native::receive).ok().context("nobody else puts a native connector there")?;
    child::say_ready(&running.url());
    running.until(signal).await
}
