//! Log lines on standard error.

use std::io;
use std::sync::OnceLock;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogConfig, LogFormat};

/// Log lines cannot be written as the configuration wants.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level.
    #[error(
        "log.level {0:?} is neither a level (error, warn, info, debug, trace) nor directives such as \"info,jackfield_store=debug\""
    )]
    Level(String),
    /// Somebody else writes them already.
    #[error("log lines are set up already")]
    Twice,
}

/// Lines that may wait to be written. Beyond that they are dropped and counted.
const WAITING: usize = 8_192;

/// Keeps the thread that writes; what waits is written when this is dropped.
#[must_use]
pub struct Written(#[expect(dead_code, reason = "it is there to be dropped")] WorkerGuard);

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").finish_non_exhaustive()
    }
}

/// Sets log lines up for the whole process. The variable `RUST_LOG` is over the configuration's level.
///
/// # Errors
/// When the level is not one, or this was done before.
pub fn init(config: &LogConfig) -> Result<(), LoggingError> {
    init_with(config, io::stderr)
}

/// The same for a host: a thread of its own writes the lines. Neither a full disk nor a reader that reads no more ends or stops anything
/// but the log itself.
///
/// # Errors
/// As [`init`].
pub fn init_for_host(config: &LogConfig) -> Result<Written, LoggingError> {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING).thread_name("log");
    let (writer, guard) = builder.finish(io::stderr());
    DROPPED.get_or_init(|| writer.error_counter());
    init_with(config, writer)?;
    Ok(Written(guard))
}

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// How many lines were dropped because they came faster than they could be written.
#[must_use]
pub fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

fn init_with<W>(config: &LogConfig, writer: W) -> Result<(), LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level =
        std::env::var("RUST_LOG").ok().filter(|level| !level.is_empty()).unwrap_or_else(|| config.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|_| LoggingError::Level(level))?;
    // A line that cannot be written is lost. To say so on the same standard error would be a panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false).with_writer(writer);
    let done = match config.format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    done.map_err(|_| LoggingError::Twice)
}
