//! The component in a real sandbox, and channels of it that keep their state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use jackfield_core::event::{Event, Identifier, Media};
use jackfield_core::fact::StateChange;
use jackfield_core::ids::Millis;
use jackfield_sandbox::{
    Action, Binding, Call, CallError, Channel, Connector, Delivery, Effects, Failure, Fetched, Grants, Limits, Origin,
    Receipt, Received, Request, Secret, StateView, Upload, Usage,
};
use serde_json::Value;

use super::genuine::Parcel;
use super::plan::{Inbound, Plan};
use super::provider::{Mood, Provider};
use super::report::{Fault, Used, failed, not_applicable};

/// The time.
pub(super) fn now() -> Result<Millis> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(Millis(u64::try_from(now.as_millis())?))
}

/// The idempotency key of all that is sent.
const KEY: &str = "conformance-1";

/// A component and the plan for it.
pub(super) struct Rig {
    pub(super) plan: Plan,
    pub(super) connector: Arc<Connector>,
    /// When the run began.
    pub(super) now: Millis,
    used: Mutex<Used>,
}

impl Rig {
    pub(super) fn new(plan: Plan, connector: Arc<Connector>) -> Result<Self> {
        Ok(Self { plan, connector, now: now()?, used: Mutex::default() })
    }

    pub(super) fn used(&self) -> Used {
        *lock(&self.used)
    }

    /// Origins of the manifest that no configuration can change, so that the kit cannot stand in for them.
    fn fixed_origins(&self) -> Vec<Origin> {
        let http = &self.connector.manifest().http;
        http.iter().filter(|need| need.config.is_none()).map(|need| need.origin.clone()).collect()
    }

    /// The configuration of the plan, with `origin` in place of the provider's.
    pub(super) fn config(&self, origin: &str) -> Value {
        let mut config = self.plan.channel.config.clone();
        for key in self.connector.manifest().http.iter().filter_map(|need| need.config.clone()) {
            config.insert(key, Value::from(origin));
        }
        config.into_iter().collect()
    }

    /// A channel with empty state whose provider is at `origin`.
    pub(super) fn line(&self, origin: &str) -> Result<Line<'_>, Fault> {
        self.line_with(origin, Arc::default())
    }

    /// A channel that goes on with a state.
    pub(super) fn line_with(&self, origin: &str, state: Arc<Memory>) -> Result<Line<'_>, Fault> {
        let channel = self.bind(origin, state.clone(), Limits::default())?;
        Ok(Line { rig: self, channel, state })
    }

    /// A channel in these limits, and in what the manifest asks for beyond them.
    pub(super) fn bind(&self, origin: &str, state: Arc<Memory>, limits: Limits) -> Result<Channel, Fault> {
        let fixed = self.fixed_origins();
        let mut limits = self.extended(limits);
        if !fixed.is_empty() {
            // They are granted only so that the channel comes about: nothing may reach a real provider.
            limits.http_requests = 0;
        }
        let origin: Origin = origin.parse().map_err(|error| Fault::Failed(format!("{error}")))?;
        let grants = Grants {
            http: fixed.into_iter().chain([origin.clone()]).collect(),
            private_addresses: vec![origin.clone()],
            public_webhook: self.plan.channel.public_webhook,
            // The kit looks at what a connector says, not at how far an operator believes it.
            attests: self.connector.manifest().identifiers.iter().map(|declared| declared.kind.clone()).collect(),
            scopes: Vec::new(),
        };
        let channel = "conformance".parse().map_err(|_| Fault::Failed("the channel has no name".to_owned()))?;
        let secrets =
            self.plan.secrets.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect();
        let config = self.config(&origin.to_string());
        let binding = Binding { channel, config, secrets, grants, limits, state };
        self.connector.bind(binding).or_else(|problems| {
            let told: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
            failed(format!("conformance.toml and the manifest do not fit together. {}", told.join(" ")))
        })
    }

    /// These limits, and what the manifest asks for beyond them.
    fn extended(&self, default: Limits) -> Limits {
        let wanted = &self.connector.manifest().limits;
        let time = |wanted: Option<u32>, default: Duration| {
            wanted.map_or(default, |ms| default.max(Duration::from_millis(ms.into())))
        };
        let memory = wanted.memory_mib.and_then(|mib| usize::try_from(mib).ok()?.checked_mul(1 << 20));
        Limits {
            cpu: time(wanted.cpu_ms, default.cpu),
            wall: time(wanted.wall_ms, default.wall),
            memory_bytes: memory.unwrap_or(0).max(default.memory_bytes),
            ..default
        }
    }

    /// A provider in this mood, and a channel of it.
    pub(super) async fn online(&self, mood: Mood) -> Result<(Provider, Line<'_>), Fault> {
        if let Some(origin) = self.fixed_origins().first() {
            return not_applicable(format!(
                "{origin} is fixed in the manifest, so the kit cannot stand in for it; name a property of the configuration there: `config = \"api_base\"`"
            ));
        }
        let provider =
            Provider::start(mood).await.map_err(|error| Fault::Failed(format!("no provider on loopback: {error}")))?;
        let line = self.line(&provider.origin)?;
        Ok((provider, line))
    }

    /// A delivery of the plan, arriving `after` the run began.
    pub(super) fn parcel<'a>(&'a self, body: Vec<u8>, content_type: &'a str, after: Duration) -> Parcel<'a> {
        let at = Millis(self.now.0 + u64::try_from(after.as_millis()).unwrap_or(0));
        Parcel { plan: &self.plan, body, content_type, at, skew_seconds: 0 }
    }

    fn record(&self, usage: &Usage, is_fixture: bool) {
        let mut used = lock(&self.used);
        used.calls += 1;
        used.cpu_us_most = used.cpu_us_most.max(usage.cpu.as_micros());
        used.memory_bytes_most = used.memory_bytes_most.max(usage.memory_bytes);
        if is_fixture {
            used.cpu_us_most_of_a_fixture = used.cpu_us_most_of_a_fixture.max(usage.cpu.as_micros());
        }
    }
}

/// A channel and its state.
pub(super) struct Line<'a> {
    rig: &'a Rig,
    pub(super) channel: Channel,
    pub(super) state: Arc<Memory>,
}

impl Line<'_> {
    /// One webhook; what it wrote counts from then on.
    pub(super) async fn receive(&self, request: Request) -> Result<Call<Received>, CallError> {
        self.call(request, false).await
    }

    async fn call(&self, request: Request, is_fixture: bool) -> Result<Call<Received>, CallError> {
        self.settled(self.channel.receive(request).await, is_fixture)
    }

    /// One genuine webhook that has to be understood.
    pub(super) async fn take(&self, body: Vec<u8>, content_type: &str, after: Duration) -> Result<Received, Fault> {
        understood(self.call(self.rig.parcel(body, content_type, after).genuine(), true).await)
    }

    /// All deliveries of a file, in order; their events together.
    pub(super) async fn take_all(&self, inbound: &Inbound, after: Duration) -> Result<Vec<Event>, Fault> {
        let mut events = Vec::new();
        for body in inbound.deliveries() {
            events.extend(self.take(body, &inbound.content_type, after).await?.events);
        }
        Ok(events)
    }

    /// Sends a text to the plan's recipient.
    pub(super) async fn send(&self, text: &str) -> Result<Call<Receipt>, CallError> {
        let Some(plan) = &self.rig.plan.send else {
            return self.deliver(nobody()).await;
        };
        let to = Identifier {
            kind: plan.to.kind.clone(),
            namespace: plan.to.namespace.clone(),
            value: plan.to.value.clone(),
            raw: None,
            scope: None,
        };
        let action = Action::message(vec![jackfield_core::event::Part::Text { text: text.to_owned() }], None);
        self.deliver(Delivery { to, thread: plan.thread.clone(), action }).await
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Call<Receipt>, CallError> {
        self.settled(self.channel.deliver(delivery, KEY).await, false)
    }

    /// Fetches the file of an attachment; what came of it, and the bytes that came.
    pub(super) async fn fetch(&self, media: Media) -> Result<(Call<Fetched>, Vec<u8>), CallError> {
        let mut sink = Vec::new();
        let call = self.settled(self.channel.fetch_media(media, &mut sink).await, false)?;
        Ok((call, sink))
    }

    /// Gives the provider a file.
    pub(super) async fn upload(&self, file: &Upload) -> Result<Call<Media>, CallError> {
        self.settled(self.channel.upload_media(file, KEY).await, false)
    }

    /// What a call used is written down, and what it wrote counts.
    fn settled<T>(&self, answer: Result<Call<T>, CallError>, is_fixture: bool) -> Result<Call<T>, CallError> {
        match &answer {
            Ok(call) => {
                self.rig.record(&call.effects.usage, is_fixture);
                self.state.commit(&call.effects);
            }
            Err(error) => self.rig.record(&error.usage, is_fixture),
        }
        answer
    }
}

fn nobody() -> Delivery {
    let to = Identifier {
        kind: "external".to_owned(),
        namespace: String::new(),
        value: "nobody".to_owned(),
        raw: None,
        scope: None,
    };
    Delivery { to, thread: None, action: Action::Typing }
}

/// What a genuine webhook has to come to.
pub(super) fn understood(answer: Result<Call<Received>, CallError>) -> Result<Received, Fault> {
    match answer.map_err(|error| broke_down(&error))?.result {
        Ok(received) if (200..300).contains(&received.reply.status) => Ok(received),
        Ok(received) => failed(format!(
            "A genuine webhook was answered with status {}; the provider would send it again.",
            received.reply.status
        )),
        Err(failure) => failed(format!("A genuine webhook was refused. {}", said(&failure))),
    }
}

/// A call that came to nothing.
pub(super) fn broke_down(error: &CallError) -> Fault {
    let log = error.log.last().map(|line| format!(" Its last line of log: {}", line.message)).unwrap_or_default();
    Fault::Failed(format!("The call ended in `{}`. {}{log}", error.kind.as_str(), error.message))
}

/// A failure, in one sentence.
pub(super) fn said(failure: &Failure) -> String {
    format!("The connector answered `{}`: {}", failure.class(), failure.problem().message)
}

/// State that lives as long as the run.
#[derive(Default)]
pub(super) struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Memory {
    /// A transaction that succeeded.
    fn commit(&self, effects: &Effects) {
        let mut state = lock(&self.0);
        for StateChange { key, value } in &effects.state {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
    }
}

impl StateView for Memory {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(lock(&self.0).get(key).cloned())
    }

    fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        Ok(lock(&self.0).keys().filter(|key| key.starts_with(prefix)).take(limit).cloned().collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
