//! Calls of a channel's connector, all of them: counted, on the generation that serves, with the one that stands by as the fallback
//! (ADR 12).
//!
//! A call that comes to nothing before an HTTP request has left the host has left nothing behind, so the other generation gets the same
//! call. What the other one can handle is a fault of the first; what neither can handle says something about the delivery. After an HTTP
//! request there is no comparison, so nobody is blamed.

use std::future::Future;

use jackfield_core::event::{Identifier, Media};
use jackfield_core::fact::Source;
use jackfield_sandbox::{
    Batch, Call, CallError, CallErrorKind, Channel, Delivery, Failure, Health, Hints, Receipt, Received, Request, Step,
    Upload, Usage,
};

use super::activity::CallOutcome;
use super::runtime::ChannelRuntime;
use crate::connectors::generation::{BoundChannel, Generation};

/// How a call ended, and on which code.
#[derive(Debug)]
pub struct Answered<T> {
    /// The code that answered, or failed to.
    pub source: Source,
    /// What came of it.
    pub ended: Result<Call<T>, CallError>,
}

impl ChannelRuntime {
    /// [`Channel::receive`].
    pub async fn receive(&self, request: &Request) -> Answered<Received> {
        #[cfg(feature = "native-connector")]
        if let (Some(native), Some(generation)) = (self.native.get(), self.slot.active()) {
            let ended = self.counted("receive", async { native(request.clone()) }).await;
            return Answered { source: generation.source(), ended };
        }
        self.answered("receive", |channel| {
            let request = request.clone();
            async move { channel.receive(request).await }
        })
        .await
    }

    /// [`Channel::receive`] on a generation of the caller's choice, without a fallback.
    pub(crate) async fn receive_on(
        &self,
        generation: &Generation,
        bound: &BoundChannel,
        request: Request,
    ) -> Answered<Received> {
        let ended = self.call_on("receive", generation, bound, |channel| async move { channel.receive(request).await });
        Answered { source: generation.source(), ended: ended.await }
    }

    /// [`Channel::poll`].
    pub async fn poll(&self, cursor: Option<Vec<u8>>) -> Answered<Batch> {
        self.answered("poll", |channel| {
            let cursor = cursor.clone();
            async move { channel.poll(cursor).await }
        })
        .await
    }

    /// [`Channel::deliver`].
    pub async fn deliver(&self, delivery: Delivery, key: &str) -> Answered<Receipt> {
        let deliver = |channel: Channel| {
            let delivery = delivery.clone();
            async move { channel.deliver(delivery, key).await }
        };
        self.answered("deliver", deliver).await
    }

    /// [`Channel::hints`].
    pub async fn hints(&self, who: Identifier) -> Answered<Hints> {
        let hints = |channel: Channel| {
            let who = who.clone();
            async move { channel.hints(who).await }
        };
        self.answered("hints", hints).await
    }

    /// [`Channel::check`].
    pub async fn check(&self) -> Answered<Health> {
        self.answered("check", |channel| async move { channel.check().await }).await
    }

    /// [`Channel::connect`] with the public URL of the webhook.
    pub async fn connect(&self) -> Answered<Vec<Step>> {
        self.answered("connect", |channel| async move { channel.connect(&self.hook_url).await }).await
    }

    /// [`Channel::upload_media`]. Several calls of one file count as one.
    pub(crate) async fn upload(&self, file: &Upload, key: &str) -> Answered<Media> {
        self.answered("upload", |channel| async move { channel.upload_media(file, key).await }).await
    }

    /// A call on the generation that serves, and on the other one that is loaded if that may be.
    pub(crate) async fn answered<T, F>(&self, function: &'static str, call: impl Fn(Channel) -> F) -> Answered<T>
    where
        F: Future<Output = Result<Call<T>, CallError>>,
    {
        let Some((generation, bound)) = self.serving() else {
            return self.nothing_serves();
        };
        let ended = self.call_on(function, &generation, &bound, &call).await;
        let fault = match &ended {
            Err(error) if is_fault(error) => error,
            // Nothing has run, so it says nothing about the generation.
            Err(error) if error.kind == CallErrorKind::Busy => {
                return Answered { source: generation.source(), ended };
            }
            // What anybody can bring about, such as a request that is not genuine, says nothing good of the generation either.
            _ => {
                if matches!(ended, Ok(Call { result: Ok(_), .. })) {
                    self.slot.record_success(generation.number);
                }
                return Answered { source: generation.source(), ended };
            }
        };
        let other = self.slot.other_than(generation.number).filter(|_| fault.usage.http_sent == 0);
        let Some((bound, other)) = other.and_then(|other| Some((other.bound(&self.id)?, other))) else {
            return Answered { source: generation.source(), ended };
        };
        let second = self.call_on(function, &other, &bound, &call).await;
        match &second {
            // An interface that the other one does not have is no comparison.
            Ok(Call { result: Err(Failure::Unsupported(_)), .. }) => Answered { source: generation.source(), ended },
            Err(error) if is_fault(error) || error.kind == CallErrorKind::Busy => {
                Answered { source: generation.source(), ended }
            }
            _ => {
                self.slot.record_fault(generation.number, &fault.message);
                Answered { source: other.source(), ended: second }
            }
        }
    }

    /// A call on one generation, counted. It ends when a grant that it runs with is taken back.
    async fn call_on<T, F>(
        &self,
        function: &'static str,
        generation: &Generation,
        bound: &BoundChannel,
        call: impl FnOnce(Channel) -> F,
    ) -> Result<Call<T>, CallError>
    where
        F: Future<Output = Result<Call<T>, CallError>>,
    {
        let call = generation.run(call(bound.channel.clone()));
        self.counted(function, bound.unless_revoked(call)).await
    }

    async fn counted<T>(
        &self,
        function: &'static str,
        call: impl Future<Output = Result<Call<T>, CallError>>,
    ) -> Result<Call<T>, CallError> {
        let ended = call.await;
        let (usage, logged, result) = match &ended {
            Ok(Call { result: Ok(_), effects }) => (effects.usage, &effects.log, CallOutcome::Ok),
            Ok(Call { result: Err(failure), effects }) => (effects.usage, &effects.log, CallOutcome::Failure(failure)),
            Err(error) => (error.usage, &error.log, CallOutcome::Fault(error)),
        };
        self.log.add(function, logged, ended.as_ref().err().map(|error| error.message.as_str()));
        self.metrics.call(self.id.as_str(), function, result.word(), usage.wall.as_secs_f64());
        self.activity.note(function, usage, &result);
        ended
    }

    fn nothing_serves<T>(&self) -> Answered<T> {
        let why = self.why_not_serving();
        let message = why.unwrap_or_else(|| String::from("No generation of the connector served this channel."));
        let error = CallError {
            kind: CallErrorKind::Instantiate,
            message,
            authenticated: false,
            log: Vec::new(),
            usage: Usage::default(),
        };
        let source = Source { connector: self.slot.name.clone(), version: String::new(), digest: String::new() };
        Answered { source, ended: Err(error) }
    }
}

/// Whether a call came to nothing by the doing of the guest's code.
fn is_fault(error: &CallError) -> bool {
    !matches!(error.kind, CallErrorKind::Busy | CallErrorKind::Unverified | CallErrorKind::Revoked)
}
