//! The two words of an orderly stop: begin nothing new, and leave what you are doing.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long what runs may take to end by itself.
pub const GRACE: Duration = Duration::from_secs(10);

/// How long what was interrupted may take to write down how far it came.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// Whether the host is stopping. Cheap to clone; a clone hears the same words.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    begun: CancellationToken,
    due: CancellationToken,
}

impl Stop {
    /// Begin nothing new. Streams end.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Leave what you are doing.
    pub fn end(&self) {
        self.begun.cancel();
        self.due.cancel();
    }

    /// Returns when nothing new is to be begun. Safe to drop and to ask again.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Whether nothing new is to be begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Returns when everything is to be left.
    pub async fn due(&self) {
        self.due.cancelled().await;
    }
}

/// Returns at SIGTERM or SIGINT. The second one ends the process at once, as it would without us.
///
/// # Errors
/// When the system does not let us listen.
pub fn signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping; a second signal stops at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("stopped at once; nothing that was acknowledged is lost");
            std::process::exit(130);
        });
    })
}
