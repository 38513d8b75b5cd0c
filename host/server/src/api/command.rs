//! From a command to a fact to its outcome.

use std::sync::Arc;

use jackfield_core::fact::{Fact, Idempotency, Outcome};
use jackfield_core::views::operations;

use super::auth::Caller;
use super::bounds::PLACE;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// Appends a fact and gives what it came to. What the same key of the client's own did before is not done again.
pub async fn run(host: &Host, caller: Caller, idempotency: Option<&Idempotency>, fact: Fact) -> Result<Outcome> {
    let outcome = match done_before(host, caller, idempotency)? {
        Some(outcome) => outcome,
        None if is_about_links(&fact) && !host.store.is_of_this_edition() => return Err(upgrading()),
        // Two such requests at the same moment both come here; the journal's order decides, and the second gets what the first got.
        None => host.command(caller.actor(), fact).await?.outcome,
    };
    match outcome {
        Outcome::Refused(refusal) => Err(refusal.into()),
        outcome => Ok(outcome),
    }
}

/// Whether a fact names people and suggestions as the tables have them.
fn is_about_links(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::MergeRequested { .. }
            | Fact::UnlinkRequested { .. }
            | Fact::SuggestionDecided { .. }
            | Fact::SharedCleared { .. }
            | Fact::CustomerErased { .. }
    )
}

/// Who is whom may be another in the tables of this version, so what is decided by those before it might come to nothing.
fn upgrading() -> Problem {
    let detail = "the tables of a new version are being built, and decisions about who is one person wait for them; messages do not. \
                  `GET /readyz` says how far they are. Nothing was stored, try again later";
    Problem::unavailable("upgrading", detail, UPGRADING)
}

/// How long a client is told to wait for the tables of a new version, seconds.
const UPGRADING: u32 = 30;

/// Does all of a command that is more than one fact, even if the client goes away meanwhile: it may wait for a lock, a call or the disk
/// before it appends anything.
pub async fn to_its_end<T, E>(work: impl Future<Output = std::result::Result<T, E>> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    let place = PLACE.try_with(Arc::clone).ok();
    let work = async move {
        let ended = work.await;
        drop(place);
        ended
    };
    tokio::spawn(work).await.map_err(|_| Problem::internal())?.map_err(Into::into)
}

/// A look before the append keeps a client that repeats itself, or uses a key for another request, from filling the journal.
fn done_before(host: &Host, caller: Caller, idempotency: Option<&Idempotency>) -> Result<Option<Outcome>> {
    match idempotency {
        Some(idempotency) => Ok(operations::remembered(&host.view(), &caller.actor(), idempotency)?),
        None => Ok(None),
    }
}

/// For an outcome that cannot be.
pub fn unexpected(outcome: &Outcome) -> Problem {
    tracing::error!(?outcome, "a command came to something it cannot come to");
    Problem::internal()
}
