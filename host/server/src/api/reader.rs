//! Reading the tables beside the threads that serve requests.
//!
//! A view may look at thousands of rows, and a webhook must not wait for that. So views are read on threads for work that blocks, and at
//! most as many at once as there are processors: further ones wait, the keys in turn. Streams have half as many turns, and these are theirs.

use std::sync::Arc;
use std::time::Duration;

use jackfield_core::ids::KeyId;
use jackfield_sandbox::Turns;
use jackfield_store::View;

use super::bounds::PLACE;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// How long a request waits for its turn. A guess: long enough for a burst of agents, and short enough that they are not left without a word.
const TURN_TIME: Duration = Duration::from_secs(10);

/// Reads views, one bounded share of the machine for all endpoints together. Cheap to clone.
#[derive(Clone)]
pub(super) struct Reader {
    host: Arc<Host>,
    turns: Arc<Turns<Option<KeyId>>>,
}

impl Reader {
    /// For answers.
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { host, turns: Turns::new(processors().max(2)) }
    }

    /// For streams, which follow everything and are many: with turns of their own, so that nobody waits for them who waits for an answer.
    pub(super) fn for_streams(host: Arc<Host>) -> Self {
        Self { host, turns: Turns::new((processors() / 2).max(1)) }
    }

    /// What `read` gives, which may take its time and must not wait for anything but the disk.
    ///
    /// # Errors
    /// What `read` says, or that too much is being read.
    pub(super) async fn read<T, E>(
        &self,
        read: impl FnOnce(&View) -> std::result::Result<T, E> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        E: Into<Problem>,
    {
        let key = PLACE.try_with(|place| place.key).ok().flatten();
        let Ok(turn) = tokio::time::timeout(TURN_TIME, self.turns.take(key)).await else {
            return Err(Problem::unavailable("overloaded", "too much is being read; try again in a moment", 1));
        };
        let view = self.host.view();
        let read = move || {
            // Kept until the end, also when the client does not wait for it.
            let _turn = turn;
            read(&view).map_err(Into::into)
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| Problem::internal())?
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
