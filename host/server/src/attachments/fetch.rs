//! One attempt at one file: fetched through the channel, kept, and written down.

use jackfield_core::event::{Media, Problem};
use jackfield_core::fact::{Actor, Attachment, Fact};
use jackfield_core::ids::MessageId;
use jackfield_sandbox::{CallErrorKind, Failure};

use super::AttachmentError;
use crate::channels::ChannelRuntime;
use crate::host::Host;

/// A file did not come.
#[derive(Debug)]
pub(super) struct Missed {
    /// Why.
    pub(super) problem: Problem,
    /// What to do.
    pub(super) then: Then,
}

/// What to do about a file that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Try again; after so many milliseconds, where the provider said so.
    Again(Option<u64>),
    /// Try again without counting: nothing was tried.
    Wait,
    /// It will never be had.
    Never,
}

/// Fetches a file and keeps it.
pub(super) async fn fetch(
    host: &Host,
    channel: &ChannelRuntime,
    (message, part): (MessageId, u16),
    media: Media,
) -> Result<Result<Attachment, Missed>, AttachmentError> {
    let Some((_, line)) = channel.serving() else {
        let message = format!("No generation of the connector {} serves this channel.", channel.slot.name);
        return Ok(Err(Missed { problem: Problem { message, code: None }, then: Then::Wait }));
    };
    let mut draft = host.store.blobs().draft()?;
    let reference = media.reference().map(str::to_owned);
    let call = match channel.counted("fetch", line.channel.fetch_media(media, &mut draft)).await {
        Ok(call) => call,
        Err(error) => {
            let then = if error.kind == CallErrorKind::Busy { Then::Wait } else { Then::Again(None) };
            let problem = Problem { message: error.message, code: Some(error.kind.as_str().to_owned()) };
            return Ok(Err(Missed { problem, then }));
        }
    };
    let fetched = match call.result {
        Ok(fetched) => fetched,
        Err(failure) => return Ok(Err(missed(failure))),
    };
    let blob = draft.keep().await?;
    let attachment =
        Attachment { sha256: blob.sha256, size: blob.size, mime: fetched.mime, filename: fetched.filename };
    let fact = Fact::AttachmentStored {
        channel: channel.id.clone(),
        message,
        part,
        reference,
        attachment: attachment.clone(),
        state: call.effects.state,
    };
    host.append(Actor::Channel(channel.id.clone()), fact).await?;
    Ok(Ok(attachment))
}

fn missed(failure: Failure) -> Missed {
    let then = match &failure {
        Failure::Retry { after_ms, .. } | Failure::RateLimited { after_ms, .. } => Then::Again(*after_ms),
        Failure::Rejected(_) | Failure::RecipientGone(_) | Failure::WindowClosed(_) | Failure::Unsupported(_) => {
            Then::Never
        }
        // What is wrong with a grant or a credential can be mended, and a file server says 403 of an address that is too old.
        Failure::Credentials(_)
        | Failure::Misconfigured(_)
        | Failure::Uncertain(_)
        | Failure::Unauthenticated(_)
        | Failure::Other(_) => Then::Again(None),
    };
    Missed { problem: failure.problem().clone(), then }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem { message: String::from("no"), code: None }
    }

    #[test]
    fn a_file_is_given_up_only_where_nothing_can_bring_it() {
        assert_eq!(missed(Failure::Rejected(problem())).then, Then::Never);
        assert_eq!(missed(Failure::Unsupported(problem())).then, Then::Never);
        assert_eq!(missed(Failure::Credentials(problem())).then, Then::Again(None));
        assert_eq!(missed(Failure::Misconfigured(problem())).then, Then::Again(None));
        let limited = Failure::RateLimited { after_ms: Some(7), problem: problem() };
        assert_eq!(missed(limited).then, Then::Again(Some(7)));
    }
}
