//! One attempt at one message: recorded, made, and its end recorded.

use std::collections::HashSet;
use std::time::Duration;

use jackfield_core::canonical;
use jackfield_core::event::{Event, Problem};
use jackfield_core::fact::{Actor, Fact, MessageAction, Outcome, SendResult, Source};
use jackfield_core::ids::{IdentityId, Millis};
use jackfield_core::rows::Outgoing;
use jackfield_core::tables;
use jackfield_core::views::operations::{self, ToSend};
use jackfield_sandbox::{Action, Delivery, Receipt};
use jackfield_store::{AppendError, Committed};

use super::verdict::{Attempt, Verdict};
use crate::attachments::upload::{self, UploadFailure, Written};
use crate::channels::{Answered, ChannelRuntime};
use crate::clock;
use crate::host::Host;
use crate::jobs::backoff;

/// How long to wait before something is appended again that could not be.
const STORE_TROUBLE: Duration = Duration::from_secs(1);

/// Pauses that are not written down: a start takes about as long.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// Makes an attempt. Until when the whole channel is to send nothing, if the attempt taught that.
pub(super) async fn make(host: &Host, channel: &ChannelRuntime, outgoing: &Outgoing) -> Option<Millis> {
    let number = outgoing.attempts + 1;
    let message = outgoing.message;
    if backoff::is_too_old(outgoing, clock::now()) {
        return expire(host, channel, outgoing, number).await;
    }
    match host.append(Actor::Host, Fact::SendStarted { message, attempt: number }).await {
        Ok(committed) if committed.outcome == Outcome::Done => {}
        // It is not in the outbox any more.
        Ok(_) => return None,
        Err(error) => {
            tracing::error!(channel = %channel.id, %message, "an attempt could not be recorded, so it is not made: {error}");
            return Some(Millis(clock::now().0 + clock::millis(STORE_TROUBLE)));
        }
    }
    // No view is held while the connector runs.
    let to_send = operations::to_send(&host.view(), message);
    let to = to_send.as_ref().ok().and_then(|to_send| Some(to_send.as_ref()?.to.id));
    let answer = match to_send {
        Ok(Some(to_send)) => send(host, channel, to_send).await,
        unreadable => {
            let error = unreadable.err().map_or_else(|| String::from("it is not there"), |e| e.to_string());
            tracing::error!(channel = %channel.id, %message, "a message could not be read: {error}");
            Answer::Unread
        }
    };
    let mut end = end(channel, attempt_of(host, channel, outgoing, number), answer);
    // Of a call that came to nothing it is the connector that counts, and that of this runtime never changes.
    let serves = || channel.serving().map(|(generation, _)| generation.source());
    end.written.source = end.written.source.or_else(serves);
    let source = end.written.source.clone();
    let (hold, result) = (end.verdict.hold, end.verdict.result.clone());
    tracing::debug!(channel = %channel.id, %message, attempt = number, "an attempt at sending came to its end");
    record(host, channel, outgoing, number, end, to).await;
    if let Some(until) = hold.filter(|until| clock::until(*until) > FORGOTTEN) {
        note_hold(host, channel, source, until).await;
    }
    host.metrics.send(channel.id.as_str(), word(&result));
    if let SendResult::Failed { problem, .. }
    | SendResult::Uncertain { problem }
    | SendResult::Credentials { problem } = &result
    {
        let result = word(&result);
        tracing::warn!(channel = %channel.id, %message, attempt = number, result, "an attempt at sending did not end well: {}", problem.message);
    }
    hold
}

/// Writes down that the provider asked for a pause, for the next start. Without that it is only asked again too early.
async fn note_hold(host: &Host, channel: &ChannelRuntime, source: Option<Source>, until: Millis) {
    let held = Fact::ChannelHeld { channel: channel.id.clone(), source, until };
    if let Err(error) = host.append(Actor::Channel(channel.id.clone()), held).await {
        tracing::warn!(channel = %channel.id, "a pause that the provider asked for would not outlast a restart: {error}");
    }
}

/// An attempt that has just ended, with what its verdict depends on.
fn attempt_of<'a>(host: &Host, channel: &ChannelRuntime, outgoing: &'a Outgoing, number: u32) -> Attempt<'a> {
    Attempt {
        outgoing,
        number,
        idempotent: channel.rules().is_some_and(|rules| rules.idempotent),
        now: clock::now(),
        base_ms: host.config.outbox.retry_base_ms,
        random: backoff::random(),
    }
}

/// Gives up a message that has waited for longer than an answer is worth, without an attempt.
async fn expire(host: &Host, channel: &ChannelRuntime, outgoing: &Outgoing, number: u32) -> Option<Millis> {
    let message = outgoing.message;
    let text = "It waited for more than 24 hours before it could be sent, so it was not sent. Send it again if it still answers anything.";
    let result = SendResult::Failed {
        class: String::from("too_old"),
        problem: Problem { message: String::from(text), code: Some(String::from("too_old")) },
    };
    let (events, state) = (Vec::new(), Vec::new());
    let ended = Fact::SendEnded { message, attempt: number, result, source: None, events, state };
    let facts = [Fact::SendStarted { message, attempt: number }, ended].map(|fact| (Actor::Host, fact));
    match host.append_together(facts.into()).await {
        Ok(_) => {
            host.metrics.send(channel.id.as_str(), "too_old");
            None
        }
        Err(error) => {
            tracing::error!(channel = %channel.id, %message, "a message that is too old cannot be given up yet: {error}");
            Some(Millis(clock::now().0 + clock::millis(STORE_TROUBLE)))
        }
    }
}

/// Ends the attempts that nobody makes any more, because the host made a mistake in their middle: all that run but those in the threads
/// `busy`. The worker has the channel for itself, so no other makes them.
///
/// # Errors
/// When the tables cannot be read.
pub(super) async fn end_broken(host: &Host, channel: &ChannelRuntime, busy: &HashSet<String>) -> tables::Result<()> {
    for outgoing in operations::outbox(&host.view(), &channel.id, usize::MAX)? {
        let Some(number) = outgoing.running.filter(|_| !busy.contains(&outgoing.thread)) else { continue };
        let verdict = attempt_of(host, channel, &outgoing, number).broke_off();
        host.metrics.send(channel.id.as_str(), word(&verdict.result));
        record(host, channel, &outgoing, number, verdict.into(), None).await;
    }
    Ok(())
}

/// How far an attempt came.
enum Answer {
    /// The message could not be read.
    Unread,
    /// The host is stopping and waited no longer for the connector. What giving the provider its files wrote.
    Interrupted(Written),
    /// A file of it is not with the provider, so it was not sent.
    UploadFailure(UploadFailure),
    /// The connector answered, or the call came to nothing. What giving the provider its files wrote.
    Ended(Box<Answered<Receipt>>, Written),
}

async fn send(host: &Host, channel: &ChannelRuntime, to_send: ToSend) -> Answer {
    let ToSend { mut message, to, .. } = to_send;
    let key = message.id.to_string();
    let carried = tokio::select! {
        carried = upload::upload_parts(host, channel, &mut message.parts, &key) => carried,
        () = host.stop.due() => Err(upload::interrupted()),
    };
    let written = match carried {
        Ok(written) => written,
        Err(reason) => return Answer::UploadFailure(reason),
    };
    let delivery = Delivery {
        to: jackfield_core::event::Identifier {
            kind: to.kind,
            namespace: to.namespace,
            value: to.value,
            raw: to.raw,
            scope: None,
        },
        thread: Some(message.thread.id),
        action: match message.action {
            Some(action) => to_be_done(action),
            None => Action::message(message.parts, message.reply_to_external),
        },
    };
    tokio::select! {
        answered = channel.deliver(delivery, &key) => Answer::Ended(Box::new(answered), written),
        () = host.stop.due() => Answer::Interrupted(written),
    }
}

/// What is to be done to a message that is on the channel already.
fn to_be_done(action: jackfield_core::outbox::rows::Action) -> Action {
    let message_id = action.external;
    match action.action {
        MessageAction::React { emoji } => Action::Reaction { message_id, emoji },
        MessageAction::MarkRead => Action::MarkRead(message_id),
        MessageAction::Edit { parts } => Action::Edit { message_id, parts, reply_to: None },
        MessageAction::Delete => Action::Delete(message_id),
    }
}

/// Everything that the end of an attempt says.
struct End {
    verdict: Verdict,
    events: Vec<Event>,
    written: Written,
}

impl From<Verdict> for End {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, events: Vec::new(), written: Written::default() }
    }
}

fn end(channel: &ChannelRuntime, attempt: Attempt<'_>, answer: Answer) -> End {
    match answer {
        Answer::Ended(answered, written) => answered_end(channel, attempt, *answered, written),
        Answer::UploadFailure(UploadFailure::Failed(failure)) => attempt.not_uploaded(failure).into(),
        Answer::UploadFailure(UploadFailure::Broke(error)) => attempt.upload_broke_down(&error).into(),
        Answer::Interrupted(written) => End { written, ..attempt.interrupted().into() },
        // Nothing was called, so it can be tried again.
        Answer::Unread => attempt.not_made().into(),
    }
}

/// The end of an attempt at which the connector was asked to send.
fn answered_end(
    channel: &ChannelRuntime,
    attempt: Attempt<'_>,
    Answered { source, ended }: Answered<Receipt>,
    mut written: Written,
) -> End {
    let call = match ended {
        Ok(call) => call,
        Err(error) => return End { written, ..attempt.broke_down(&error).into() },
    };
    match call.result {
        Ok(receipt) => {
            written.add(source, call.effects.state);
            let events = canonical::events(receipt.events, &channel.context());
            End { verdict: SendResult::Sent { external_ids: receipt.message_ids }.into(), events, written }
        }
        Err(failure) => {
            written.add(source, Vec::new());
            End { written, ..attempt.failed(failure).into() }
        }
    }
}

/// Writes down how an attempt ended, for as long as it takes: what is not written down is uncertain after the next start.
///
/// What is said of somebody who was erased meanwhile is not, because the journal was gone through for the person already: what is left is
/// the channel's state, and that its credentials do not work. A fact that meets a defect is repeated without what it brings besides.
async fn record(
    host: &Host,
    channel: &ChannelRuntime,
    outgoing: &Outgoing,
    attempt: u32,
    end: End,
    to: Option<IdentityId>,
) {
    let message = outgoing.message;
    let End { verdict: Verdict { result, .. }, events, written: Written { source, state } } = end;
    let mut fact = Fact::SendEnded { message, attempt, result, source, events, state };
    loop {
        if to.is_some_and(|to| operations::is_erased(&host.view(), to).unwrap_or(false)) {
            fact = without_the_person(channel, fact);
        }
        match host.append(Actor::Channel(channel.id.clone()), fact.clone()).await {
            Ok(Committed { outcome: Outcome::Skipped { reason }, .. }) => {
                tracing::error!(channel = %channel.id, %message, "the end of an attempt met a defect: {reason}");
                if !say_less(&mut fact) {
                    return;
                }
            }
            Ok(_) => return,
            Err(error @ (AppendError::TooLarge { .. } | AppendError::Unwritable(_))) => {
                tracing::error!(channel = %channel.id, %message, "what an answer taught besides cannot be stored: {error}");
                if !say_less(&mut fact) {
                    return;
                }
            }
            Err(error @ (AppendError::Closed | AppendError::Poisoned(_) | AppendError::Unknown(_))) => {
                tracing::error!(channel = %channel.id, %message, "the end of an attempt cannot be recorded: {error}");
                return;
            }
            Err(error) => {
                tracing::error!(channel = %channel.id, %message, "the end of an attempt cannot be recorded yet: {error}");
                tokio::select! {
                    () = tokio::time::sleep(STORE_TROUBLE) => {}
                    () = host.stop.due() => return,
                }
            }
        }
    }
}

/// Leaves out of the end of an attempt what stands in the way of its being known: what the answer taught besides, and then how it ended.
/// False if nothing is left to leave out.
fn say_less(ended: &mut Fact) -> bool {
    let Fact::SendEnded { result, events, state, .. } = ended else { return false };
    if !(events.is_empty() && state.is_empty()) {
        (*events, *state) = (Vec::new(), Vec::new());
        return true;
    }
    let message = String::from("The host could not record how this attempt ended; its log says why.");
    let uncertain = SendResult::Uncertain { problem: Problem { message, code: None } };
    std::mem::replace(result, uncertain.clone()) != uncertain
}

/// What is left of the end of an attempt whose customer was erased.
fn without_the_person(channel: &ChannelRuntime, ended: Fact) -> Fact {
    let Fact::SendEnded { result, source, state, .. } = ended else { return ended };
    let problem = match result {
        SendResult::Credentials { problem } => Some(problem),
        _ => None,
    };
    let (channel, people, events) = (channel.id.clone(), Vec::new(), Vec::new());
    Fact::SendErased { channel, people, source, events, state, problem }
}

fn word(result: &SendResult) -> &'static str {
    match result {
        SendResult::Sent { .. } => "sent",
        SendResult::Retry { .. } => "retry",
        SendResult::Failed { .. } => "failed",
        SendResult::Uncertain { .. } => "uncertain",
        SendResult::Credentials { .. } => "credentials",
    }
}
