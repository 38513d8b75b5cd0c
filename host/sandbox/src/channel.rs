//! A channel: a connector joined with a binding. Each function here is one call of a guest.

use std::sync::Arc;

use jackfield_core::event::{Identifier, Problem};
use jackfield_core::fact::RawRequest;
use jackfield_core::ids::ChannelId;
use serde_json::Value;
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::binding::{Binding, ChannelBinding};
use crate::bindings::exports::{configure, identity, poll, receive, send};
use crate::bindings::inward::{InvalidOutput, OutputValidator};
use crate::bindings::{outward, types};
use crate::connector::{Connector, Exports};
use crate::exchange::{Batch, Delivery, Health, Hints, Receipt, Received, Request, Step};
use crate::failure::Failure;
use crate::report::{Effects, LogLevel, LogLine};
use crate::run::call::{Call, Entry, Raw, enter};
use crate::run::error::{CallError, CallErrorKind, Reason};
use crate::run::guest::Guest;
use crate::run::instance_pool::InstancePool;

/// A connector joined with a channel's configuration, secrets and grants. Cheap to clone; a clone is the same channel.
///
/// Every call may end in three ways: the connector's answer, the connector's [`Failure`], or a [`CallError`] when it never got that
/// far. Dropping the future of a call is harmless, see [`CallError`] and [`Usage`](crate::Usage) for what may have been sent by then.
#[derive(Clone)]
pub struct Channel {
    pub(crate) connector: Arc<Connector>,
    pub(crate) bound: Arc<ChannelBinding>,
    /// Instances that are used again.
    pub(crate) instances: Arc<InstancePool>,
}

impl Channel {
    pub(crate) fn new(connector: Arc<Connector>, bound: Arc<ChannelBinding>) -> Self {
        let instances = Arc::new(InstancePool::new(bound.limits.warm));
        Self { connector, bound, instances }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &ChannelId {
        &self.bound.channel
    }

    /// The code that speaks for it.
    #[must_use]
    pub fn connector(&self) -> &Arc<Connector> {
        &self.connector
    }

    /// Hands a webhook request to the connector.
    ///
    /// Events count only if the connector verified the request in the same call. Without that, and without the grant
    /// `public_webhook`, an answer with events, unreadable items or state changes is [`CallErrorKind::Unverified`]. With the grant, the
    /// senders of an unverified request are `claimed`, and it can bring nothing but what a visitor can do.
    ///
    /// # Errors
    ///
    /// When the call came to nothing. `Failure::Unauthenticated` and `CallErrorKind::Unverified` are for a 401.
    pub async fn receive(&self, request: Request) -> Result<Call<Received>, CallError> {
        if self.connector.exports.receive.is_none() {
            return Ok(unsupported("This channel has no webhook: its connector asks the provider for what is new."));
        }
        let raw =
            enter(&self.connector, &self.bound, &self.instances, true, Receive(outward::request(request))).await?;
        let verified = raw.effects.authenticated;
        let take = |intake: &mut OutputValidator<'_>, outcome| {
            intake.verified(verified);
            intake.received(outcome)
        };
        self.settle_if(raw, take, |received, effects| self.counts(received, effects))
    }

    /// A webhook request for the journal: the channel's secrets in its URL and headers are replaced by their names.
    #[must_use]
    pub fn conceal(&self, request: &Request) -> RawRequest {
        self.bound.concealer.conceal(request)
    }

    /// A request that was kept, as it came.
    #[must_use]
    pub fn reveal(&self, stored: RawRequest) -> Request {
        self.bound.concealer.reveal(stored, &self.bound.secrets)
    }

    /// Asks the provider for what is new since `cursor`; none if the channel was never asked. The caller makes one such call at a time for
    /// a channel, and commits the new cursor together with the events.
    ///
    /// The events count without a check of a secret: they are answers to requests that the connector made itself, to where it may.
    ///
    /// # Errors
    ///
    /// When the call came to nothing. The cursor is then what it was, and the same call may be made again.
    pub async fn poll(&self, cursor: Option<Vec<u8>>) -> Result<Call<Batch>, CallError> {
        if self.connector.exports.poll.is_none() {
            return Ok(unsupported("This connector is not polled; its messages come in by the webhook."));
        }
        let raw = enter(&self.connector, &self.bound, &self.instances, true, Poll(cursor)).await?;
        self.settle(raw, |intake, batch| intake.batch(batch))
    }

    /// Does one thing on the channel. `key` is the same for every attempt at the same action.
    ///
    /// # Errors
    ///
    /// When the call came to nothing. If `usage.http_sent` is not zero, nobody can tell whether the thing was done.
    pub async fn deliver(&self, delivery: Delivery, key: &str) -> Result<Call<Receipt>, CallError> {
        if self.connector.exports.send.is_none() {
            return Ok(unsupported("This connector cannot send."));
        }
        let entry = Deliver(outward::delivery(delivery, &self.bound.channel), key.to_owned());
        let raw = enter(&self.connector, &self.bound, &self.instances, true, entry).await?;
        self.settle(raw, |intake, receipt| intake.receipt(receipt))
    }

    /// Asks what the channel can tell about a person.
    ///
    /// # Errors
    ///
    /// When the call came to nothing.
    pub async fn hints(&self, who: Identifier) -> Result<Call<Hints>, CallError> {
        let entry = AskHints(outward::person(who, &self.bound.channel, &self.bound.scopes));
        let raw = enter(&self.connector, &self.bound, &self.instances, true, entry).await?;
        self.settle(raw, |intake, hints| intake.hints(hints))
    }

    /// Asks the connector what is wrong with a configuration, beyond what its schema can tell. Nothing is called outside. Empty without
    /// the interface `configure`.
    ///
    /// # Errors
    ///
    /// When the call came to nothing.
    pub async fn validate(&self, config: &Value) -> Result<Call<Vec<Problem>>, CallError> {
        if self.connector.exports.configure.is_none() {
            return Ok(Call { result: Ok(Vec::new()), effects: Effects::default() });
        }
        let raw = enter(&self.connector, &self.bound, &self.instances, false, Validate(config.to_string())).await?;
        let raw = Raw { output: Ok(raw.output), effects: raw.effects, instance: raw.instance };
        self.settle(raw, |intake, problems| intake.problems(problems))
    }

    /// Asks whether the channel is usable now.
    ///
    /// # Errors
    ///
    /// When the call came to nothing.
    pub async fn check(&self) -> Result<Call<Health>, CallError> {
        if self.connector.exports.configure.is_none() {
            return Ok(unsupported("This connector cannot check a channel."));
        }
        let raw = enter(&self.connector, &self.bound, &self.instances, true, Check).await?;
        self.settle(raw, |intake, health| intake.health(health))
    }

    /// Registers the public URL of the channel's webhook with the provider, as far as a program can.
    ///
    /// # Errors
    ///
    /// When the call came to nothing.
    pub async fn connect(&self, public_url: &str) -> Result<Call<Vec<Step>>, CallError> {
        if self.connector.exports.configure.is_none() {
            return Ok(unsupported("This connector cannot connect a channel; see its documentation."));
        }
        let raw = enter(&self.connector, &self.bound, &self.instances, true, Connect(public_url.to_owned())).await?;
        self.settle(raw, |intake, steps| intake.steps(steps))
    }

    /// Turns what the guest handed over into the domain's words, in bounds. A failure leaves no state behind.
    pub(crate) fn settle<W, T>(
        &self,
        raw: Raw<Result<W, types::Failure>>,
        take: impl FnOnce(&mut OutputValidator<'_>, W) -> Result<T, InvalidOutput>,
    ) -> Result<Call<T>, CallError> {
        self.settle_if(raw, take, |_, _| Ok(()))
    }

    /// The same, if `counts` lets what was taken count. The instance is kept for the next call only if everything went well: one whose
    /// answer was refused may have been taken over by what it was given.
    fn settle_if<W, T>(
        &self,
        raw: Raw<Result<W, types::Failure>>,
        take: impl FnOnce(&mut OutputValidator<'_>, W) -> Result<T, InvalidOutput>,
        counts: impl FnOnce(&T, &Effects) -> Result<(), InvalidOutput>,
    ) -> Result<Call<T>, CallError> {
        let Raw { output, mut effects, instance } = raw;
        let mut intake = OutputValidator::new(&self.bound);
        let taken = match output {
            Ok(answer) => take(&mut intake, answer).map(Ok),
            Err(failure) => intake.failure(failure).map(Err),
        };
        effects.log.extend(intake.into_notes().into_iter().map(|message| {
            tracing::warn!(target: "jackfield::connector", channel = %self.bound.channel, "{message}");
            LogLine { level: LogLevel::Warn, message }
        }));
        let taken = taken.and_then(|result| match &result {
            Ok(answer) => counts(answer, &effects).map(|()| result),
            Err(_) => Ok(result),
        });
        match taken {
            Ok(result) => {
                if let Some(instance) = instance {
                    self.instances.keep(instance, &self.connector.kept_places);
                }
                if result.is_err() {
                    effects.state.clear();
                }
                Ok(Call { result, effects })
            }
            Err(InvalidOutput(reason)) => Err(fail(effects, reason)),
        }
    }

    /// Whether what a webhook request came to counts.
    fn counts(&self, received: &Received, effects: &Effects) -> Result<(), InvalidOutput> {
        let says_something =
            !received.events.is_empty() || !received.unreadable.is_empty() || !effects.state.is_empty();
        if says_something && !effects.authenticated && !self.bound.public_webhook {
            let message = "The connector returned events, or wrote state, for a request that it did not verify. Nothing of it is kept. \
                           Grant `public_webhook` to the channel if anybody may write to it.";
            return Err(InvalidOutput(Reason::new(CallErrorKind::Unverified, message)));
        }
        Ok(())
    }
}

impl Connector {
    /// Joins it with a channel.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, the secrets, the grants and the limits, each with its remedy. The codes are
    /// `config`, `missing_secret`, `bad_secret`, `unknown_secret`, `not_granted`, `grants`, `limits` and `host`.
    pub fn bind(self: &Arc<Self>, binding: Binding) -> Result<Channel, Vec<Problem>> {
        let bound = ChannelBinding::new(&self.manifest, &self.validator, binding, &self.tls, true)?;
        Ok(Channel::new(self.clone(), Arc::new(bound)))
    }

    /// Joins it with a channel that may grant less than it asks for: what is not granted is denied when a call wants it.
    ///
    /// # Errors
    ///
    /// As [`Connector::bind`], but for `not_granted`.
    pub fn bind_with_less(self: &Arc<Self>, binding: Binding) -> Result<Channel, Vec<Problem>> {
        let bound = ChannelBinding::new(&self.manifest, &self.validator, binding, &self.tls, false)?;
        Ok(Channel::new(self.clone(), Arc::new(bound)))
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("id", &self.bound.channel)
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

fn fail(effects: Effects, reason: Reason) -> CallError {
    CallError {
        kind: reason.kind,
        message: reason.message,
        authenticated: effects.authenticated,
        log: effects.log,
        usage: effects.usage,
    }
}

pub(crate) fn unsupported<T>(message: &str) -> Call<T> {
    let problem = Problem { message: message.to_owned(), code: None };
    Call { result: Err(Failure::Unsupported(problem)), effects: Effects::default() }
}

/// An interface that was there when the component was loaded.
pub(crate) fn there<I>(indices: Option<&I>) -> wasmtime::Result<&I> {
    indices.ok_or_else(|| wasmtime::format_err!("the component does not export this interface"))
}

struct Receive(receive::Request);

impl Entry for Receive {
    type Output = Result<receive::Outcome, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        there(exports.receive.as_ref())?.load(&mut *store, instance)?.call_handle(&mut *store, &self.0).await
    }
}

struct Poll(Option<Vec<u8>>);

impl Entry for Poll {
    type Output = Result<poll::Batch, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        let cursor = self.0.as_deref();
        there(exports.poll.as_ref())?.load(&mut *store, instance)?.call_poll(&mut *store, cursor).await
    }
}

struct Deliver(send::Delivery, String);

impl Entry for Deliver {
    type Output = Result<send::Receipt, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        there(exports.send.as_ref())?.load(&mut *store, instance)?.call_deliver(&mut *store, &self.0, &self.1).await
    }
}

struct AskHints(types::Identifier);

impl Entry for AskHints {
    type Output = Result<Vec<types::Hint>, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        let identity: identity::Guest = exports.identity.load(&mut *store, instance)?;
        identity.call_hints(&mut *store, &self.0).await
    }
}

struct Validate(String);

impl Entry for Validate {
    type Output = Vec<types::Problem>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        there(exports.configure.as_ref())?.load(&mut *store, instance)?.call_validate(&mut *store, &self.0).await
    }
}

struct Check;

impl Entry for Check {
    type Output = Result<configure::Health, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        there(exports.configure.as_ref())?.load(&mut *store, instance)?.call_check(&mut *store).await
    }
}

struct Connect(String);

impl Entry for Connect {
    type Output = Result<Vec<configure::Step>, types::Failure>;

    async fn call(
        self,
        store: &mut Store<Guest>,
        instance: &Instance,
        exports: &Exports,
    ) -> wasmtime::Result<Self::Output> {
        there(exports.configure.as_ref())?.load(&mut *store, instance)?.call_connect(&mut *store, &self.0).await
    }
}
