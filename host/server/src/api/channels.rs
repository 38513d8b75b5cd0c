//! What is loaded: channels and connectors, with their state, grants, limits, counters and last error.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::event::Problem as ChannelProblem;
use jackfield_core::fact::{ChannelRules, Fact, TextLimit};
use jackfield_core::ids::ChannelId;
use jackfield_core::rows::Channel;
use jackfield_core::views::operations;
use jackfield_core::views::{Page, Time};
use jackfield_sandbox::{Grants, Limits};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::params::{Command, Id, Nothing};
use super::problem::{Problem, Result};
use crate::channels::{ChannelRuntime, LoadedConnector, Snapshot};
use crate::clock;
use crate::host::Host;

/// How far an outbox is counted.
const MOST_WAITING: usize = 10_000;

/// A channel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelView {
    /// Its name.
    id: ChannelId,
    /// How it stands.
    state: ChannelState,
    /// Why sending has stopped, if it has.
    #[schema(required)]
    parked: Option<ChannelProblem>,
    /// The connector's id.
    connector: String,
    /// Its version.
    version: String,
    /// The sha256 of the component, hexadecimal.
    digest: String,
    /// What it can do.
    rules: Rules,
    /// Messages that wait to be sent, counted up to 10,000.
    outbox: usize,
    /// What is known of a channel that is switched on.
    #[schema(required)]
    running: Option<Running>,
}

/// How a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChannelState {
    /// It works.
    Active,
    /// It receives, and sending has stopped.
    Parked,
    /// It is not in the configuration any more.
    Off,
}

/// What a channel can do.
#[derive(Debug, Serialize, ToSchema)]
struct Rules {
    /// Whether it can send at all.
    sends: bool,
    /// The kinds of parts that can be sent.
    content: Vec<String>,
    /// The longest text.
    #[schema(required)]
    text_limit: Option<TextLimit>,
    /// How long after a customer's message free text may be sent, milliseconds.
    #[schema(required)]
    reply_window_ms: Option<u64>,
    /// Whether templates can be sent when the window is closed.
    templates: bool,
    /// Whether a repeated attempt with the same key is safe.
    idempotent: bool,
}

/// A channel that is switched on.
#[derive(Debug, Serialize, ToSchema)]
struct Running {
    /// Which loaded version of the connector speaks for it, from 1.
    generation: u64,
    /// The public URL of its webhook.
    hook_url: String,
    /// Where phone numbers without a country code are from.
    #[schema(required)]
    region: Option<String>,
    /// What the operator allows.
    grants: GrantsView,
    /// What a call may use.
    limits: LimitsView,
    /// What its calls came to since the start.
    counters: Counters,
    /// What last went wrong.
    #[schema(required)]
    last_error: Option<ErrorView>,
}

/// What the operator allows.
#[derive(Debug, Serialize, ToSchema)]
struct GrantsView {
    /// Origins that it may reach.
    http: Vec<String>,
    /// Of these, origins that may be at private addresses.
    private_addresses: Vec<String>,
    /// Whether requests that nobody signed count.
    public_webhook: bool,
}

/// What one call may use.
#[derive(Debug, Serialize, ToSchema)]
struct LimitsView {
    /// CPU time, milliseconds.
    cpu_ms: u64,
    /// Time from start to end, milliseconds.
    wall_ms: u64,
    /// Time to wait for a place, milliseconds.
    queue_ms: u64,
    /// Memory, bytes.
    memory_bytes: usize,
    /// Calls at the same time.
    concurrency: usize,
    /// Events.
    events: usize,
    /// Bytes of what it returns.
    output_bytes: usize,
    /// HTTP requests.
    http_requests: usize,
}

/// What a channel's calls came to since the start.
#[derive(Debug, Serialize, ToSchema)]
struct Counters {
    /// Calls, by function.
    calls: BTreeMap<String, u64>,
    /// Calls that came to nothing, by kind.
    faults: BTreeMap<String, u64>,
    /// Calls that the connector answered with a failure, by class.
    failures: BTreeMap<String, u64>,
    /// Webhooks that did not prove where they come from.
    denied: u64,
    /// Half of the last calls took no longer, microseconds.
    #[schema(required)]
    p50_micros: Option<u32>,
    /// Of the last calls, 99 % took no longer, microseconds.
    #[schema(required)]
    p99_micros: Option<u32>,
}

/// What last went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorView {
    /// When.
    at: Time,
    /// In which function.
    function: String,
    /// The kind of the fault or the class of the failure.
    kind: String,
    /// Why.
    problem: ChannelProblem,
}

/// A connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorView {
    /// The name that the configuration gives it.
    name: String,
    /// Its own id.
    id: String,
    /// Its name for people.
    title: String,
    /// What it is for.
    description: String,
    /// Its version.
    version: String,
    /// The version of the contract it was built for.
    contract: String,
    /// The sha256 of the component, hexadecimal.
    digest: String,
    /// Which loaded version of this name it is, from 1.
    generation: u64,
    /// When it was loaded.
    loaded_at: Time,
    /// What it exports: `receive`, `identity`, `send`, `configure`.
    interfaces: Vec<String>,
    /// The origins that it wants to reach.
    asks_for: Vec<String>,
    /// The channels that use it.
    channels: Vec<ChannelId>,
}

/// All channels that are or were switched on, by name.
#[utoipa::path(get, path = "/v1/channels", tag = "channels",
    responses((status = 200, description = "The channels", body = Page<ChannelView>)))]
pub(super) async fn list_channels(State(host): State<Arc<Host>>) -> Result<Json<Page<ChannelView>>> {
    let rows = operations::channels(&host.view())?;
    let items = rows.into_iter().map(|row| view(&host, row)).collect::<Result<_>>()?;
    Ok(Json(Page { items, next: None }))
}

/// One channel.
#[utoipa::path(get, path = "/v1/channels/{id}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "The channel", body = ChannelView)))]
pub(super) async fn get_channel(State(host): State<Arc<Host>>, Id(id): Id<ChannelId>) -> Result<Json<ChannelView>> {
    one(&host, &id)
}

/// Lets a parked channel send again, after its credentials were put right.
#[utoipa::path(post, path = "/v1/channels/{id}/resume", tag = "channels", request_body = Nothing,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "It sends again", body = ChannelView)))]
pub(super) async fn resume_channel(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    _: Command<Nothing>,
) -> Result<Json<ChannelView>> {
    command::run(&host, caller, None, Fact::ChannelResumed { channel: id.clone() }).await?;
    one(&host, &id)
}

/// The connectors that are loaded, by name.
#[utoipa::path(get, path = "/v1/connectors", tag = "channels",
    responses((status = 200, description = "The connectors", body = Page<ConnectorView>)))]
pub(super) async fn list_connectors(State(host): State<Arc<Host>>) -> Json<Page<ConnectorView>> {
    let items = host.channels.connectors().iter().map(|loaded| connector(&host, loaded)).collect();
    Json(Page { items, next: None })
}

fn one(host: &Host, id: &ChannelId) -> Result<Json<ChannelView>> {
    let row = operations::channel(&host.view(), id)?.ok_or_else(|| Problem::not_found("channel", id))?;
    view(host, row).map(Json)
}

fn view(host: &Host, row: Channel) -> Result<ChannelView> {
    let runtime = host.channels.get(&row.id);
    let outbox = operations::outbox(&host.view(), &row.id, MOST_WAITING)?.len();
    let state = match (&runtime, &row.parked) {
        (None, _) => ChannelState::Off,
        (Some(_), Some(_)) => ChannelState::Parked,
        (Some(_), None) => ChannelState::Active,
    };
    Ok(ChannelView {
        id: row.id,
        state,
        parked: row.parked,
        connector: row.source.connector,
        version: row.source.version,
        digest: row.source.digest,
        rules: rules(row.rules),
        outbox,
        running: runtime.as_deref().map(running),
    })
}

fn rules(rules: ChannelRules) -> Rules {
    Rules {
        sends: rules.sends,
        content: rules.content,
        text_limit: rules.text_limit,
        reply_window_ms: rules.reply_window_ms,
        templates: rules.templates,
        idempotent: rules.idempotent,
    }
}

fn running(channel: &ChannelRuntime) -> Running {
    let snapshot = channel.activity.snapshot();
    let last_error = snapshot.last_error.as_ref().map(|error| ErrorView {
        at: Time(error.at),
        function: error.function.to_owned(),
        kind: error.kind.to_owned(),
        problem: error.problem.clone(),
    });
    Running {
        generation: channel.connector.generation,
        hook_url: channel.hook_url.clone(),
        region: channel.region.clone(),
        grants: grants(&channel.grants),
        limits: limits(&channel.limits),
        counters: counters(&snapshot),
        last_error,
    }
}

fn grants(grants: &Grants) -> GrantsView {
    GrantsView {
        http: grants.http.iter().map(ToString::to_string).collect(),
        private_addresses: grants.private_addresses.iter().map(ToString::to_string).collect(),
        public_webhook: grants.public_webhook,
    }
}

fn limits(limits: &Limits) -> LimitsView {
    LimitsView {
        cpu_ms: clock::millis(limits.cpu),
        wall_ms: clock::millis(limits.wall),
        queue_ms: clock::millis(limits.queue),
        memory_bytes: limits.memory_bytes,
        concurrency: limits.concurrency,
        events: limits.events,
        output_bytes: limits.output_bytes,
        http_requests: limits.http_requests,
    }
}

fn counters(snapshot: &Snapshot) -> Counters {
    let owned = |counts: &BTreeMap<&'static str, u64>| counts.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
    Counters {
        calls: owned(&snapshot.calls),
        faults: owned(&snapshot.faults),
        failures: owned(&snapshot.failures),
        denied: snapshot.denied,
        p50_micros: snapshot.p50_micros,
        p99_micros: snapshot.p99_micros,
    }
}

fn connector(host: &Host, loaded: &LoadedConnector) -> ConnectorView {
    let manifest = loaded.connector.manifest();
    let optional = loaded.connector.interfaces();
    let interfaces =
        [("receive", true), ("identity", true), ("send", optional.send), ("configure", optional.configure)];
    let users = host.channels.iter().filter(|channel| channel.connector.name == loaded.name);
    ConnectorView {
        name: loaded.name.clone(),
        id: manifest.id.clone(),
        title: manifest.name.clone(),
        description: manifest.description.clone(),
        version: manifest.version.clone(),
        contract: manifest.contract.clone(),
        digest: loaded.connector.digest().to_owned(),
        generation: loaded.generation,
        loaded_at: Time(loaded.loaded_at),
        interfaces: interfaces.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect(),
        asks_for: manifest.http.iter().map(|need| need.origin.to_string()).collect(),
        channels: users.map(|channel| channel.id.clone()).collect(),
    }
}
