//! What an operator does with a channel: pause it, connect it, and have it looked at.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jackfield_core::event::Problem as Why;
use jackfield_core::fact::{Actor, Fact, Source, StateChange};
use jackfield_core::ids::ChannelId;
use jackfield_core::views::operations;
use jackfield_sandbox::{Call, Failure};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::channels::{ChannelView, one};
use super::command;
use super::grants::running;
use super::params::{Command, Id, Nothing};
use super::reader::Reader;
use crate::channels::{Answered, ChannelRuntime};
use crate::clock;
use crate::connectors::reload::Reloaded;
use crate::host::Host;
use crate::problem::{Problem, Result};

/// Stops a channel, in and out, until it is resumed. Providers are told to come again.
#[utoipa::path(post, path = "/v1/channels/{id}/pause", tag = "channels", request_body = Nothing,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "It is paused", body = ChannelView)))]
pub(super) async fn pause_channel(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    _: Command<Nothing>,
) -> Result<Json<ChannelView>> {
    command::run(&host, caller, None, Fact::ChannelPaused { channel: id.clone() }).await?;
    one(&host, &reader, &id).await
}

/// What a new configuration brought.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReloadedView {
    /// Channels that were not there before.
    added: Vec<ChannelId>,
    /// Channels whose settings or secrets changed.
    changed: Vec<ChannelId>,
    /// Channels that are not there any more.
    removed: Vec<ChannelId>,
    /// Connectors that serve and would not be let in any more, since a key was taken out of `[trust]`. They serve until the host stops.
    distrusted: Vec<String>,
}

/// Reads the configuration file again: its connectors, its channels, and whom it trusts, and the certificate. All of the channels count, or none;
/// a connector's new version that serves before the answer is a refusal goes on serving. The rest of the file counts from the next start on.
#[utoipa::path(post, path = "/v1/reload", tag = "channels", request_body = Nothing,
    responses((status = 200, description = "What changed", body = ReloadedView)))]
pub(super) async fn reload(State(api): State<Api>, _: Caller, _: Command<Nothing>) -> Result<Json<ReloadedView>> {
    let reloaded = command::to_its_end(async move {
        let certificate = api.front.read_certificate().map_err(|why| conflict(&why.to_string()))?;
        let host = &api.host;
        let reloaded = host.lifecycle.reload(&host.metrics, &host.public_url).await.map_err(Problem::from)?;
        api.front.use_certificate(certificate);
        Ok::<_, Problem>(reloaded)
    });
    let Reloaded { added, changed, removed, distrusted } = reloaded.await?;
    Ok(Json(ReloadedView { added, changed, removed, distrusted }))
}

/// Something to be done to connect a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepView {
    /// What.
    title: String,
    /// What a person still has to do by hand; none if the connector did it.
    #[schema(required)]
    todo: Option<String>,
}

/// A channel that was connected.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connected {
    /// The URL that was given to the provider.
    hook_url: String,
    /// What was done and is to be done.
    steps: Vec<StepView>,
}

/// Registers the channel's webhook with the provider, as far as a program can, and says what is left to do by hand.
#[utoipa::path(post, path = "/v1/channels/{id}/connect", tag = "channels", request_body = Nothing,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "The steps", body = Connected)))]
pub(super) async fn connect_channel(
    State(host): State<Arc<Host>>,
    _: Caller,
    Id(id): Id<ChannelId>,
    _: Command<Nothing>,
) -> Result<Json<Connected>> {
    let channel = running(&host, &id)?;
    let hook_url = channel.hook_url.clone();
    // What was registered with the provider by half would have to be told from the provider's side.
    let steps = command::to_its_end(async move {
        let Answered { source, ended } = channel.connect().await;
        let Call { result, effects } = ended.map_err(|error| conflict(&error.message))?;
        let steps = result.map_err(|failure| conflict(&failure.problem().message))?;
        commit(&host, &channel, source, effects.state).await?;
        Ok::<_, Problem>(steps)
    });
    let steps = steps.await?.into_iter().map(|step| StepView { title: step.title, todo: step.todo }).collect();
    Ok(Json(Connected { hook_url, steps }))
}

/// Commits what a call wrote to the channel's state.
async fn commit(host: &Host, channel: &ChannelRuntime, source: Source, state: Vec<StateChange>) -> Result<()> {
    if state.is_empty() {
        return Ok(());
    }
    let (channel, events, unreadable) = (channel.id.clone(), Vec::new(), Vec::new());
    let fact = Fact::Received { channel: channel.clone(), source, events, state, unreadable };
    host.append(Actor::Channel(channel), fact).await?;
    Ok(())
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Finding {
    /// What was looked at.
    what: String,
    /// Whether it is well.
    well: bool,
    /// What was found, with the remedy.
    detail: String,
}

/// What a look at a channel found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Diagnosis {
    /// Whether everything is well.
    well: bool,
    /// One by one.
    findings: Vec<Finding>,
}

/// Looks at a channel and says what is wrong, and how to mend it. Calls the provider.
#[utoipa::path(post, path = "/v1/channels/{id}/doctor", tag = "channels", request_body = Nothing,
    params(("id" = ChannelId, Path, description = "The channel")),
    responses((status = 200, description = "What was found", body = Diagnosis)))]
pub(super) async fn examine_channel(
    State(host): State<Arc<Host>>,
    _: Caller,
    Id(id): Id<ChannelId>,
    _: Command<Nothing>,
) -> Result<Json<Diagnosis>> {
    let channel = running(&host, &id)?;
    let mut findings = vec![serving(&channel), sending(&host, &channel)?, granted(&channel)];
    findings.extend(settings(&channel).await);
    findings.push(provider(&host, &channel).await?);
    findings.extend(last_error(&channel));
    findings.push(webhook(&channel));
    Ok(Json(Diagnosis { well: findings.iter().all(|finding| finding.well), findings }))
}

fn finding(what: &str, well: bool, detail: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), well, detail: detail.into() }
}

fn serving(channel: &ChannelRuntime) -> Finding {
    match channel.serving() {
        Some((generation, _)) => {
            let version = generation.source().version;
            finding("connector", true, format!("Generation {} (version {version}) serves.", generation.number))
        }
        None => finding("connector", false, channel.why_not_serving().unwrap_or_default()),
    }
}

fn sending(host: &Host, channel: &ChannelRuntime) -> Result<Finding> {
    let id = &channel.id;
    let row = operations::channel(&host.view(), id)?;
    Ok(match row {
        Some(row) if row.paused => {
            finding("sending", false, format!("The channel is paused; `jackfield channel resume {id}` goes on."))
        }
        Some(row) => match row.parked {
            Some(why) => {
                let remedy = format!("Put that right, then `jackfield channel resume {id}`.");
                finding("sending", false, format!("Sending has stopped: {} {remedy}", why.message))
            }
            None => match channel.held(clock::now()) {
                Some(until) => {
                    let until = until.rfc3339();
                    finding(
                        "sending",
                        false,
                        format!("The provider asked for a pause: nothing is sent before {until}."),
                    )
                }
                None => finding("sending", true, "Nothing holds messages back."),
            },
        },
        None => finding("sending", false, "The channel is not known yet; restart the host."),
    })
}

fn granted(channel: &ChannelRuntime) -> Finding {
    let Some((generation, bound)) = channel.serving() else {
        return finding("grants", false, "Nothing serves, so nothing is granted.");
    };
    let asked = generation.connector.asks_for(&channel.config.config);
    let denied: Vec<String> =
        asked.iter().filter(|origin| !bound.grants.http.contains(origin)).map(ToString::to_string).collect();
    match denied.is_empty() {
        true => finding("grants", true, "Everything that the connector asks for is granted."),
        false => {
            let (id, denied) = (&channel.id, denied.join(" "));
            finding(
                "grants",
                false,
                format!("Not granted: {denied}. `jackfield channel grant {id} {denied}` grants it."),
            )
        }
    }
}

async fn settings(channel: &ChannelRuntime) -> Vec<Finding> {
    let Some((_, bound)) = channel.serving() else { return Vec::new() };
    let problems = match bound.channel.validate(&channel.config.config).await {
        Ok(call) => call.result.unwrap_or_else(|failure| vec![failure.problem().clone()]),
        Err(error) => vec![Why { message: error.message, code: None }],
    };
    match problems.is_empty() {
        true => vec![finding("settings", true, "The connector finds nothing wrong with the channel's settings.")],
        false => problems.into_iter().map(|problem| finding("settings", false, problem.message)).collect(),
    }
}

async fn provider(host: &Host, channel: &ChannelRuntime) -> Result<Finding> {
    let Answered { source, ended } = channel.check().await;
    Ok(match ended {
        Ok(call) => match call.result {
            Ok(health) => {
                commit(host, channel, source, call.effects.state).await?;
                finding("provider", true, health.summary)
            }
            Err(Failure::Unsupported(why)) => finding("provider", true, why.message),
            Err(failure) => finding("provider", false, failure.problem().message.clone()),
        },
        Err(error) => finding("provider", false, error.message),
    })
}

fn last_error(channel: &ChannelRuntime) -> Option<Finding> {
    let error = channel.activity.snapshot().last_error?;
    let detail =
        format!("{}: `{}` ended with {}: {}", error.at.rfc3339(), error.function, error.kind, error.problem.message);
    Some(finding("last error", true, detail))
}

fn webhook(channel: &ChannelRuntime) -> Finding {
    let received = channel.activity.snapshot().calls.get("receive").copied().unwrap_or_default();
    let url = &channel.hook_url;
    match received {
        0 => finding("webhook", true, format!("Nothing has come in since the start. The provider has to call {url}.")),
        n => finding("webhook", true, format!("{n} webhooks have come in since the start, at {url}.")),
    }
}

fn conflict(message: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "conflict", message.to_owned())
}
