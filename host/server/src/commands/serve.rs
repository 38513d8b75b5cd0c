//! `jackfield serve`

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

use super::{say, wait_for};
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::logging;
use crate::serve::Running;
use crate::shutdown;

pub(super) fn run(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = Config::read(&file.config)?;
    let _written = logging::init_for_host(&config.log)?;
    wait_for(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

/// Bytes that the system takes for a client that does not read, of each connection; it doubles them. Without a bound it takes megabytes. A
/// client 100 ms away still gets 5 MB a second.
const SEND_BUFFER: u32 = 256 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Opens the socket. What is set on it counts for the connections that it accepts.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// File descriptors that the host needs besides those of connections: the journal, the tables, files, calls of connectors.
const OTHER_FILES: u64 = 512;

/// Raises the limit of file descriptors as far as the system lets us. Each connection is one.
fn raise_file_limit(connections: u32) {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("the limit of file descriptors cannot be raised: {error}");
    }
    let needed = u64::from(connections) + OTHER_FILES;
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < needed) {
        let remedy = "raise the hard limit (`ulimit -Hn`, LimitNOFILE=) or lower server.connections";
        tracing::warn!(limit, needed, "there are fewer file descriptors than connections may need; {remedy}");
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Before anything else, so that a stop during a long start is an orderly one too.
    let signal = shutdown::signal().context("the system does not let us listen for signals")?;
    tokio::pin!(signal);
    raise_file_limit(config.server.connections);
    let address = config.server.listen;
    let listener = listen(address);
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
