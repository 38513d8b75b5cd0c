//! Log lines on standard error.

use tracing_subscriber::EnvFilter;

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

/// Sets log lines up for the whole process. The variable `RUST_LOG` is over the configuration's level.
///
/// # Errors
/// When the level is not one, or this was done before.
pub fn init(config: &LogConfig) -> Result<(), LoggingError> {
    let level =
        std::env::var("RUST_LOG").ok().filter(|level| !level.is_empty()).unwrap_or_else(|| config.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|_| LoggingError::Level(level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match config.format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            lines.with_ansi(colours).try_init()
        }
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    done.map_err(|_| LoggingError::Twice)
}
