//! The channels, with their state, grants, limits, counters and last error.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jackfield_core::event::Problem as ChannelProblem;
use jackfield_core::fact::{ChannelRules, Fact, TextLimit};
use jackfield_core::ids::ChannelId;
use jackfield_core::rows::Channel;
use jackfield_core::tables;
use jackfield_core::views::operations;
use jackfield_core::views::{Page, Time};
use jackfield_sandbox::Limits;
use jackfield_store::View;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::grants::GrantsView;
use super::params::{Command, Id, Nothing};
use super::reader::Reader;
use crate::channels::ChannelRuntime;
use crate::channels::activity::Snapshot;
use crate::clock;
use crate::host::Host;
use crate::problem::{Problem, Result};

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
    /// Until when sending waits because the provider asked for that; none if it does not wait.
    #[schema(required)]
    held_until: Option<Time>,
    /// Why no generation serves it; none if one does, or if it is off.
    #[schema(required)]
    not_serving: Option<String>,
    /// What is known of a channel that is switched on and served.
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
    /// The operator has stopped it, in and out.
    Paused,
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
    generation: u32,
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
    /// Bytes of the bodies of these together, and of their answers.
    http_body_bytes: usize,
    /// Calls of the channel a second.
    calls_per_second: u32,
    /// Bytes of the channel's state.
    state_bytes: usize,
    /// Lines of log of the channel a second.
    log_lines_per_second: u32,
    /// Bytes of the largest file that is carried.
    media_bytes: usize,
    /// Instances that are kept and called again. 0 gives every call a fresh one.
    warm: usize,
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
    /// HTTP requests of the connector that the host refused: not granted, too many, to a private address.
    http_denials: u64,
    /// Bytes of the bodies of the connector's HTTP requests.
    http_sent_bytes: u64,
    /// Bytes of the bodies of their answers.
    http_received_bytes: u64,
    /// The most memory that a call has used, bytes.
    memory_high_bytes: u64,
    /// CPU time of all calls, microseconds.
    cpu_micros: u64,
    /// Lines of log that were dropped, for there were too many.
    log_dropped: u64,
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

/// All channels that are or were switched on, by name.
#[utoipa::path(get, path = "/v1/channels", tag = "channels",
    responses((status = 200, description = "The channels", body = Page<ChannelView>)))]
pub(super) async fn list_channels(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
) -> Result<Json<Page<ChannelView>>> {
    let read = move |tables: &View| {
        let rows = operations::channels(tables)?;
        rows.into_iter().map(|row| view(&host, tables, row)).collect::<tables::Result<_>>()
    };
    Ok(Json(Page { items: reader.read(read).await?, next: None }))
}

/// One channel.
#[utoipa::path(get, path = "/v1/channels/{id}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "The channel", body = ChannelView)))]
pub(super) async fn get_channel(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    Id(id): Id<ChannelId>,
) -> Result<Json<ChannelView>> {
    one(&host, &reader, &id).await
}

/// Lets a channel go on that was paused, or parked until its credentials were put right.
#[utoipa::path(post, path = "/v1/channels/{id}/resume", tag = "channels", request_body = Nothing,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "It goes on", body = ChannelView)))]
pub(super) async fn resume_channel(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    _: Command<Nothing>,
) -> Result<Json<ChannelView>> {
    command::run(&host, caller, None, Fact::ChannelResumed { channel: id.clone() }).await?;
    one(&host, &reader, &id).await
}

pub(super) async fn one(host: &Arc<Host>, reader: &Reader, id: &ChannelId) -> Result<Json<ChannelView>> {
    let (host, wanted) = (Arc::clone(host), id.clone());
    let read = move |tables: &View| {
        let row = operations::channel(tables, &wanted)?;
        row.map(|row| view(&host, tables, row)).transpose()
    };
    let found: Option<ChannelView> = reader.read(read).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("channel", id))
}

/// Looks through the outbox, so it is for a [`Reader`].
fn view(host: &Host, tables: &View, row: Channel) -> tables::Result<ChannelView> {
    let runtime = host.channels.get(&row.id);
    let outbox = operations::outbox(tables, &row.id, MOST_WAITING)?.len();
    let state = match &runtime {
        None => ChannelState::Off,
        Some(_) if row.paused => ChannelState::Paused,
        Some(_) if row.parked.is_some() => ChannelState::Parked,
        Some(_) => ChannelState::Active,
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
        held_until: runtime.as_deref().and_then(|channel| channel.held(clock::now())).map(Time),
        not_serving: runtime.as_deref().and_then(ChannelRuntime::why_not_serving),
        running: runtime.as_deref().and_then(running),
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

fn running(channel: &ChannelRuntime) -> Option<Running> {
    let (generation, bound) = channel.serving()?;
    let snapshot = channel.activity.snapshot();
    let last_error = snapshot.last_error.as_ref().map(|error| ErrorView {
        at: Time(error.at),
        function: error.function.to_owned(),
        kind: error.kind.to_owned(),
        problem: error.problem.clone(),
    });
    Some(Running {
        generation: generation.number,
        hook_url: channel.hook_url.clone(),
        region: channel.region.clone(),
        grants: GrantsView::from(&bound.grants),
        limits: limits(&channel.limits),
        counters: counters(&snapshot),
        last_error,
    })
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
        http_body_bytes: limits.http_body_bytes,
        calls_per_second: limits.calls_per_second,
        state_bytes: limits.state_total_bytes,
        log_lines_per_second: limits.log_lines_per_second,
        media_bytes: limits.media_bytes,
        warm: limits.warm,
    }
}

fn counters(snapshot: &Snapshot) -> Counters {
    let owned = |counts: &BTreeMap<&'static str, u64>| counts.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
    Counters {
        calls: owned(&snapshot.calls),
        faults: owned(&snapshot.faults),
        failures: owned(&snapshot.failures),
        denied: snapshot.denied,
        http_denials: snapshot.http_denials,
        http_sent_bytes: snapshot.http_sent_bytes,
        http_received_bytes: snapshot.http_received_bytes,
        memory_high_bytes: snapshot.memory_high_bytes,
        cpu_micros: snapshot.cpu_micros,
        log_dropped: snapshot.log_dropped,
        p50_micros: snapshot.p50_micros,
        p99_micros: snapshot.p99_micros,
    }
}
