//! One attempt at one file: fetched through the channel, kept, and written down.

use std::sync::{Mutex, PoisonError};

use jackfield_core::event::{Media, Problem};
use jackfield_core::fact::{Actor, Attachment, Fact};
use jackfield_core::ids::MessageId;
use jackfield_core::views::operations;
use jackfield_sandbox::{Call, CallErrorKind, Failure, Fetched};

use super::AttachmentError;
use crate::channels::{Answered, ChannelRuntime};
use crate::host::Host;

/// A file did not come.
#[derive(Debug)]
pub(super) struct FetchFailure {
    /// Why.
    pub(super) problem: Problem,
    /// What to do.
    pub(super) then: RetryDecision,
}

/// What to do about a file that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryDecision {
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
) -> Result<Result<Attachment, FetchFailure>, AttachmentError> {
    if let Some(message) = channel.why_not_serving() {
        return Ok(Err(FetchFailure { problem: Problem { message, code: None }, then: RetryDecision::Wait }));
    }
    let row = operations::message(&host.view(), message)?;
    let row = row.ok_or_else(|| AttachmentError::NotFound(format!("there is no message {message}")))?;
    if channel.has_passed_from(&row.connector) {
        // What the file is called is the word of the one before, and what this one gives for it would be shown as that one's.
        let message = format!("The connector {} brought it, and another one serves the channel now.", row.connector);
        return Ok(Err(FetchFailure { problem: Problem { message, code: None }, then: RetryDecision::Never }));
    }
    let reference = media.reference().map(str::to_owned);
    // Each attempt has a draft of its own: what a generation that broke down has written is not the file.
    let draft = Mutex::new(None);
    let answered = channel.answered("fetch", |bound| {
        let (media, blobs, draft) = (media.clone(), host.store.blobs().clone(), &draft);
        async move {
            let mut fresh = match blobs.draft() {
                Ok(fresh) => fresh,
                Err(error) => {
                    *draft.lock().unwrap_or_else(PoisonError::into_inner) = Some(Err(error));
                    return Ok(unreadable());
                }
            };
            let fetched = bound.fetch_media(media, &mut fresh).await;
            *draft.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(fresh));
            fetched
        }
    });
    let Answered { source, ended } = answered.await;
    let draft = draft.into_inner().unwrap_or_else(PoisonError::into_inner).transpose()?;
    let (call, draft) = match (ended, draft) {
        (Ok(call), Some(draft)) => (call, draft),
        (Ok(_), None) => return Err(AttachmentError::NotGiven(String::from("the call of the connector gave nothing"))),
        (Err(error), _) => {
            let then = match error.kind {
                CallErrorKind::Busy | CallErrorKind::Revoked => RetryDecision::Wait,
                _ => RetryDecision::Again(None),
            };
            let problem = Problem { message: error.message, code: Some(error.kind.as_str().to_owned()) };
            return Ok(Err(FetchFailure { problem, then }));
        }
    };
    let fetched = match call.result {
        Ok(fetched) => fetched,
        Err(failure) => return Ok(Err(missed(failure))),
    };
    // The journal was gone through for a person who was erased meanwhile: nothing more of the person is to come into it.
    if operations::message(&host.view(), message)?.is_none() {
        return Err(AttachmentError::NotFound(format!("the message {message} was erased meanwhile")));
    }
    let blob = draft.keep().await?;
    let attachment =
        Attachment { sha256: blob.sha256, size: blob.size, mime: fetched.mime, filename: fetched.filename };
    let fact = Fact::AttachmentStored {
        channel: channel.id.clone(),
        message,
        part,
        reference,
        attachment: attachment.clone(),
        source: Some(source),
        state: call.effects.state,
    };
    host.append(Actor::Channel(channel.id.clone()), fact).await?;
    Ok(Ok(attachment))
}

/// Stands in for an answer where the host has no file to write to.
fn unreadable() -> Call<Fetched> {
    let problem = Problem { message: String::from("The host cannot keep a file now."), code: None };
    Call { result: Err(Failure::Other(problem)), effects: jackfield_sandbox::Effects::default() }
}

fn missed(failure: Failure) -> FetchFailure {
    let then = match &failure {
        Failure::Retry { after_ms, .. } | Failure::RateLimited { after_ms, .. } => RetryDecision::Again(*after_ms),
        Failure::Rejected(_) | Failure::RecipientGone(_) | Failure::WindowClosed(_) | Failure::Unsupported(_) => {
            RetryDecision::Never
        }
        // What is wrong with a grant or a credential can be mended, and a file server says 403 of an address that is too old.
        Failure::Credentials(_)
        | Failure::Misconfigured(_)
        | Failure::Uncertain(_)
        | Failure::Unauthenticated(_)
        | Failure::Other(_) => RetryDecision::Again(None),
    };
    FetchFailure { problem: failure.problem().clone(), then }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem { message: String::from("no"), code: None }
    }

    #[test]
    fn a_file_is_given_up_only_where_nothing_can_bring_it() {
        assert_eq!(missed(Failure::Rejected(problem())).then, RetryDecision::Never);
        assert_eq!(missed(Failure::Unsupported(problem())).then, RetryDecision::Never);
        assert_eq!(missed(Failure::Credentials(problem())).then, RetryDecision::Again(None));
        assert_eq!(missed(Failure::Misconfigured(problem())).then, RetryDecision::Again(None));
        let limited = Failure::RateLimited { after_ms: Some(7), problem: problem() };
        assert_eq!(missed(limited).then, RetryDecision::Again(Some(7)));
    }
}
