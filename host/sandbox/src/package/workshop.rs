//! Where components are compiled: on threads that give way to everything else.
//!
//! Compiling keeps every processor busy for 0.2 s (Rust) to 15 s (JavaScript, Python), while webhooks come in. At the lowest priority it
//! takes what nobody else wants.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The lowest priority of an ordinary thread.
const LOWEST: i32 = 19;

/// Threads for compiling.
pub(crate) struct Workshop(ThreadPool);

impl Workshop {
    /// One thread for each processor.
    pub(crate) fn open() -> Result<Self, ThreadPoolBuildError> {
        let pool =
            ThreadPoolBuilder::new().thread_name(|n| format!("compile-{n}")).start_handler(|_| give_way()).build();
        pool.map(Self)
    }

    /// Does some work there and waits for it.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}

fn give_way() {
    // For Linux a thread is a process here: this is about the calling thread only. Where it is refused, compiling is only less polite.
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::debug!("compiling does not give way: {error}");
    }
}
