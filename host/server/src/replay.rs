//! A parked delivery, handled once more: on the generation that serves, or on one that the operator names.

use jackfield_core::canonical;
use jackfield_core::fact::{Actor, Fact, Outcome};
use jackfield_core::ids::{ChannelId, ParkedId};
use jackfield_core::rows::Parked;
use jackfield_core::tables::ReadError;
use jackfield_core::views::operations;
use jackfield_sandbox::Failure;
use jackfield_store::AppendError;

use crate::channels::Answered;
use crate::connectors::LifecycleError;
use crate::host::Host;

/// What a replay brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Events that changed something.
    pub new: u32,
    /// Events that had been seen.
    pub duplicate: u32,
    /// Items that could still not be understood, and are parked.
    pub parked: usize,
}

/// A delivery stays parked.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is none.
    #[error("there is no parked delivery {0}")]
    NotFound(ParkedId),
    /// Its channel takes nothing in.
    #[error("the channel {0} is paused, so nothing comes in; `jackfield channel resume {0}` goes on, then replay it")]
    Paused(ChannelId),
    /// It cannot be handled again, or not like this.
    #[error("{0}")]
    Stays(String),
    /// The generation.
    #[error(transparent)]
    Generation(#[from] LifecycleError),
    /// The journal.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The views.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Handles a parked delivery again. What comes of it and the end of its being parked are one: it lands once, or stays parked.
///
/// # Errors
/// When it stays parked, and why.
pub async fn replay(host: &Host, id: ParkedId, generation: Option<u32>, actor: Actor) -> Result<Replayed, ReplayError> {
    let Parked { channel, request, source: before, .. } =
        operations::parked_row(&host.view(), id)?.ok_or(ReplayError::NotFound(id))?;
    refuse_if_paused(host, &channel)?;
    let Some(request) = request else {
        let message =
            "Only one item of that delivery is kept; its siblings were stored. Discard it once it is dealt with.";
        return Err(ReplayError::Stays(message.to_owned()));
    };
    let off =
        || ReplayError::Stays(format!("The channel {channel} is not switched on; put it back into the configuration."));
    let runtime = host.channels.get(&channel).ok_or_else(off)?;
    if runtime.has_passed_from(&before.connector) {
        return Err(ReplayError::Stays(format!(
            "It came in while the connector {} served the channel {channel}, and it is not for the one that does now. Discard it, or replay \
             it once that connector is back.",
            before.connector
        )));
    }
    let Answered { source, ended } = match generation {
        None => {
            let (_, bound) = runtime.serving().ok_or_else(off)?;
            runtime.receive(&bound.channel.reveal(request)).await
        }
        Some(number) => {
            let (generation, bound) = host.lifecycle.borrow(&runtime, number).await?;
            let request = bound.channel.reveal(request);
            runtime.receive_on(&generation, &bound, request).await
        }
    };
    let call = ended.map_err(|error| ReplayError::Stays(error.message))?;
    let received = call.result.map_err(|failure| match failure {
        Failure::Unauthenticated(why) => {
            ReplayError::Stays(format!("It does not prove that it comes from the provider: {}", why.message))
        }
        failure => ReplayError::Stays(failure.problem().message.clone()),
    })?;
    // The operator may have paused it while the connector ran.
    refuse_if_paused(host, &channel)?;
    // One fact: it lands once, or stays parked.
    let landed = Fact::ParkedReplayed {
        parked: id,
        source,
        events: canonical::events(received.events, &runtime.context()),
        state: call.effects.state,
        unreadable: received.unreadable,
    };
    match host.command(actor, landed).await?.outcome {
        Outcome::Received { new, duplicate, parked } => Ok(Replayed { new, duplicate, parked: parked.len() }),
        Outcome::Refused(refusal) if refusal.code == "not_found" => Err(ReplayError::NotFound(id)),
        Outcome::Refused(refusal) => Err(ReplayError::Stays(refusal.message)),
        other => Err(ReplayError::Stays(format!("the store answered with {other:?}"))),
    }
}

/// Refuses to bring anything in on a channel that is paused.
///
/// # Errors
/// When it is, or the tables cannot be read.
pub fn refuse_if_paused(host: &Host, channel: &ChannelId) -> Result<(), ReplayError> {
    let row = operations::channel(&host.view(), channel)?;
    match row.is_some_and(|row| row.paused) {
        true => Err(ReplayError::Paused(channel.clone())),
        false => Ok(()),
    }
}
