//! Where components are compiled: on threads that give way to everything else.
//!
//! Compiling keeps processors busy for 0.2 s (Rust) to 15 s (JavaScript, Python), while webhooks come in. It has the lowest priority, and
//! leaves one processor alone: Linux lets a thread of any priority run on for some milliseconds before another one takes its place, and a
//! webhook has several such moments on its way, one of them in the middle of a sync.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The lowest priority of an ordinary thread.
const LOWEST: i32 = 19;

/// Threads for compiling.
pub(crate) struct Workshop(ThreadPool);

impl Workshop {
    /// One thread for each processor but one.
    pub(crate) fn open() -> Result<Self, ThreadPoolBuildError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = ThreadPoolBuilder::new().num_threads(processors.saturating_sub(1).max(1));
        pool.thread_name(|n| format!("compile-{n}")).start_handler(|_| give_way()).build().map(Self)
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
