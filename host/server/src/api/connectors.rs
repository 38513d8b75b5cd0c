//! Connectors and their generations: brought, listed, activated, rolled back, removed.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use http::StatusCode;
use jackfield_core::ask::{Ask, Difference, Want};
use jackfield_core::event::Problem as Why;
use jackfield_core::generation::{self, Missing, Signature, Stage, Versions};
use jackfield_core::ids::ChannelId;
use jackfield_core::tables;
use jackfield_core::views::{Page, Time, operations};
use jackfield_store::View;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::command;
use super::params::{Command, Id, Nothing, Text};
use super::reader::Reader;
use crate::config::Reference;
pub(super) use crate::connectors::COMPONENT_BYTES;
use crate::connectors::error::{Installed, PullError};
use crate::connectors::{LifecycleError, folder, lifecycle};
use crate::host::Host;
use crate::problem::{Problem, Result};

/// The operator's name for a connector.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> std::result::Result<Self, BadName> {
        match folder::is_name(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadName),
        }
    }
}

/// It is no name.
#[derive(Debug)]
pub(super) struct BadName;

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a connector is 1 to 64 of a-z, 0-9, `-` and `_`")
    }
}

impl From<LifecycleError> for Problem {
    fn from(trouble: LifecycleError) -> Self {
        match trouble {
            LifecycleError::NoConnector(_) | LifecycleError::NoGeneration { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not_found", trouble.to_string())
            }
            LifecycleError::Conflict(message) => Self::new(StatusCode::CONFLICT, "conflict", message),
            LifecycleError::Refused(refusal) => refusal.into(),
            LifecycleError::Skipped(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "skipped", trouble.to_string()),
            LifecycleError::Pull(error) => error.into(),
            LifecycleError::Append(error) => error.into(),
            LifecycleError::Read(error) => error.into(),
            LifecycleError::Disk(error) if error.kind() == io::ErrorKind::StorageFull => {
                let detail = format!("the component is not kept, so that the journal can go on: {error}");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "no_space", detail)
            }
            LifecycleError::Disk(error) => {
                tracing::error!("a component cannot be kept or read: {error}");
                Self::unavailable("unavailable", "the component cannot be kept or read", 10)
            }
        }
    }
}

impl From<PullError> for Problem {
    fn from(error: PullError) -> Self {
        let (status, code) = match error {
            PullError::Configuration(_) => (StatusCode::CONFLICT, "conflict"),
            PullError::Component(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            PullError::Registry(_) => (StatusCode::BAD_GATEWAY, "registry"),
        };
        Self::new(status, code, error.to_string())
    }
}

/// A connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorView {
    /// The operator's name for it.
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
    /// The generation that serves; 0 if none does, and then what is said of the code is said of the newest.
    generation: u32,
    /// The generation that would serve again if that one failed.
    #[schema(required)]
    standby: Option<u32>,
    /// When the one that serves was loaded.
    #[schema(required)]
    loaded_at: Option<Time>,
    /// What it exports: `receive`, `identity`, `send`, `configure`, `poll`, `media`.
    interfaces: Vec<String>,
    /// The origins that it wants to reach.
    asks_for: Vec<String>,
    /// The channels that use it.
    channels: Vec<ChannelId>,
    /// Its generations, the newest last. Of those that are over only the latest.
    generations: Vec<GenerationView>,
}

/// One version of a connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GenerationView {
    /// Its number, from 1.
    generation: u32,
    /// How far it has come.
    stage: Stage,
    /// Its version.
    version: String,
    /// The sha256 of the component, hexadecimal.
    digest: String,
    /// Who vouches for it.
    signature: Signature,
    /// Who or what brought it.
    origin: String,
    /// When it came.
    staged_at: Time,
    /// When it came this far.
    changed_at: Time,
    /// Why it went no further.
    #[schema(required)]
    problem: Option<Why>,
    /// What it waits for.
    missing: Vec<Missing>,
    /// While it waits for approval: how all that it asks for differs from what was approved for the one that serves.
    differences: Vec<Difference>,
    /// All that it asks for, once that was approved.
    #[schema(value_type = Option<Vec<Want>>)]
    approved: Option<Ask>,
}

/// Which generation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Its number.
    generation: u32,
}

/// The connectors, by name.
#[utoipa::path(get, path = "/v1/connectors", tag = "connectors",
    responses((status = 200, description = "The connectors", body = Page<ConnectorView>)))]
pub(super) async fn list_connectors(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
) -> Result<Json<Page<ConnectorView>>> {
    let read = move |tables: &View| -> tables::Result<Vec<ConnectorView>> {
        Ok(operations::connectors(tables)?.into_iter().map(|row| view(&host, row)).collect())
    };
    Ok(Json(Page { items: reader.read(read).await?, next: None }))
}

/// One connector, with its generations.
#[utoipa::path(get, path = "/v1/connectors/{name}", tag = "connectors", params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "The connector", body = ConnectorView)))]
pub(super) async fn get_connector(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    Id(name): Id<Name>,
) -> Result<Json<ConnectorView>> {
    one(&host, &reader, &name.0).await
}

/// Brings a component as the next generation of a connector. It serves once it has proven itself; until then, and if it does not, the
/// one before does. The answer comes when it serves (201), waits for approval (202), or was refused (422); what was refused is not kept.
#[utoipa::path(post, path = "/v1/connectors/{name}/generations", tag = "connectors",
    params(("name" = String, Path, description = "The connector; a new name makes a new connector")),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The component"),
    responses((status = 201, description = "It serves", body = GenerationView), (status = 202, description = "It waits for approval", body = GenerationView),
        (status = 507, description = "The rest of the disk is the journal's", body = crate::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn bring_generation(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(name): Id<Name>,
    component: std::result::Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<GenerationView>)> {
    let component = component.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the component has more than 64 MiB")
        }
        _ => Problem::broken_off(&rejection),
    })?;
    if component.is_empty() {
        return Err(Problem::invalid("the body has to be a component"));
    }
    let (lifecycle, connector) = (Arc::clone(&host.lifecycle), name.0.clone());
    let install = async move { lifecycle.install(&connector, component.into(), "upload", caller.actor()).await };
    brought(&host, &name, install).await
}

/// What is to be pulled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pull {
    /// `REGISTRY/REPOSITORY@sha256:DIGEST`. The configuration has to have a section for the registry.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    reference: Text<1000>,
}

/// Pulls a component from a registry, and brings it as the next generation of a connector as if it had been uploaded.
#[utoipa::path(post, path = "/v1/connectors/{name}/pull", tag = "connectors", request_body = Pull,
    params(("name" = String, Path, description = "The connector; a new name makes a new connector")),
    responses((status = 201, description = "It serves", body = GenerationView), (status = 202, description = "It waits for approval", body = GenerationView),
        (status = 507, description = "The rest of the disk is the journal's", body = crate::problem::Document<'_>, content_type = "application/problem+json")))]
pub(super) async fn pull_generation(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(name): Id<Name>,
    wanted: Command<Pull>,
) -> Result<(StatusCode, Json<GenerationView>)> {
    let reference = wanted.body.reference.0.parse::<Reference>();
    let reference = reference.map_err(|bad| Problem::invalid(bad.to_string()))?;
    let (lifecycle, connector) = (Arc::clone(&host.lifecycle), name.0.clone());
    brought(&host, &name, async move { lifecycle.pull(&connector, &reference, caller.actor()).await }).await
}

/// Has a generation serve that waits for approval, or that served before. What it asks for has to be granted by then.
#[utoipa::path(post, path = "/v1/connectors/{name}/activate", tag = "connectors", request_body = Which,
    params(("name" = String, Path, description = "The connector")),
    responses((status = 201, description = "It serves", body = GenerationView), (status = 202, description = "It waits for approval", body = GenerationView)))]
pub(super) async fn activate_generation(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(name): Id<Name>,
    command: Command<Which>,
) -> Result<(StatusCode, Json<GenerationView>)> {
    let (lifecycle, connector, number) = (Arc::clone(&host.lifecycle), name.0.clone(), command.body.generation);
    brought(&host, &name, async move { lifecycle.activate(&connector, number, caller.actor()).await }).await
}

/// Lets a generation have all that it asks for and waits for, grants the channels the origins among it, and has it serve.
#[utoipa::path(post, path = "/v1/connectors/{name}/approve", tag = "connectors", request_body = Which,
    params(("name" = String, Path, description = "The connector")),
    responses((status = 201, description = "It serves", body = GenerationView), (status = 202, description = "It still waits: a secret is not set", body = GenerationView)))]
pub(super) async fn approve_generation(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(name): Id<Name>,
    command: Command<Which>,
) -> Result<(StatusCode, Json<GenerationView>)> {
    let (lifecycle, connector, number) = (Arc::clone(&host.lifecycle), name.0.clone(), command.body.generation);
    brought(&host, &name, async move { lifecycle.approve(&connector, number, caller.actor()).await }).await
}

/// Brings back the generation that served before.
#[utoipa::path(post, path = "/v1/connectors/{name}/rollback", tag = "connectors", request_body = Nothing,
    params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "The generation before serves", body = ConnectorView)))]
pub(super) async fn roll_back(
    State(host): State<Arc<Host>>,
    State(reader): State<Reader>,
    caller: Caller,
    Id(name): Id<Name>,
    _: Command<Nothing>,
) -> Result<Json<ConnectorView>> {
    let (lifecycle, connector) = (Arc::clone(&host.lifecycle), name.0.clone());
    let why = "The operator brought the generation before back.";
    command::to_its_end(async move { lifecycle.roll_back(&connector, None, why, caller.actor()).await }).await?;
    one(&host, &reader, &name.0).await
}

/// A connector that is there no more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Removed {
    /// Its name.
    connector: String,
}

/// Takes out a connector that no channel uses.
#[utoipa::path(post, path = "/v1/connectors/{name}/remove", tag = "connectors", request_body = Nothing,
    params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "It is gone", body = Removed)))]
pub(super) async fn remove_connector(
    State(host): State<Arc<Host>>,
    caller: Caller,
    Id(name): Id<Name>,
    _: Command<Nothing>,
) -> Result<Json<Removed>> {
    let (lifecycle, connector) = (Arc::clone(&host.lifecycle), name.0.clone());
    command::to_its_end(async move { lifecycle.remove(&connector, caller.actor()).await }).await?;
    Ok(Json(Removed { connector: name.0 }))
}

async fn one(host: &Arc<Host>, reader: &Reader, name: &str) -> Result<Json<ConnectorView>> {
    let (host, wanted) = (Arc::clone(host), name.to_owned());
    let read = move |tables: &View| -> tables::Result<Option<ConnectorView>> {
        Ok(operations::connector(tables, &wanted)?.map(|row| view(&host, row)))
    };
    reader.read(read).await?.map(Json).ok_or_else(|| Problem::not_found("connector", name))
}

/// Brings a generation as far as it comes.
async fn brought(
    host: &Host,
    name: &Name,
    work: impl Future<Output = std::result::Result<Installed, LifecycleError>> + Send + 'static,
) -> Result<(StatusCode, Json<GenerationView>)> {
    let installed = command::to_its_end(work).await?;
    outcome(host, &name.0, installed.generation)
}

/// A generation as far as it has come, with the status that says so.
fn outcome(host: &Host, name: &str, number: u32) -> Result<(StatusCode, Json<GenerationView>)> {
    let row = lifecycle::row(&host.store, name, number)?;
    match row.stage {
        Stage::Refused => {
            let why = row.problem.map_or_else(|| String::from("it was refused"), |problem| problem.message);
            let detail = format!("generation {number} of {name} was refused: {why}");
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", detail))
        }
        Stage::PendingApproval => Ok((StatusCode::ACCEPTED, Json(row.into()))),
        _ => Ok((StatusCode::CREATED, Json(row.into()))),
    }
}

fn view(host: &Host, row: Versions) -> ConnectorView {
    let slot = host.channels.slot(&row.name);
    let serving = slot.as_ref().and_then(|slot| slot.active());
    let newest = row.generations.last().map(|generation| generation.source.clone());
    let source = serving.as_ref().map(|generation| generation.source()).or(newest);
    let manifest = serving.as_ref().map(|generation| generation.connector.manifest());
    let text = |get: fn(&jackfield_sandbox::Manifest) -> &String| manifest.map(get).cloned().unwrap_or_default();
    let users = host.channels.of(&row.name);
    ConnectorView {
        id: source.as_ref().map(|source| source.connector.clone()).unwrap_or_default(),
        title: text(|manifest| &manifest.name),
        description: text(|manifest| &manifest.description),
        version: source.as_ref().map(|source| source.version.clone()).unwrap_or_default(),
        contract: text(|manifest| &manifest.contract),
        digest: source.map(|source| source.digest).unwrap_or_default(),
        generation: serving.as_ref().map_or(0, |generation| generation.number),
        standby: slot.as_ref().and_then(|slot| slot.standby()).map(|generation| generation.number),
        loaded_at: serving.as_ref().map(|generation| Time(generation.loaded_at)),
        interfaces: serving.as_ref().map(|generation| interfaces(generation)).unwrap_or_default(),
        asks_for: manifest.map(|m| m.http.iter().map(|need| need.origin.to_string()).collect()).unwrap_or_default(),
        channels: users.iter().map(|channel| channel.id.clone()).collect(),
        generations: row.generations.into_iter().map(GenerationView::from).collect(),
        name: row.name,
    }
}

fn interfaces(generation: &crate::connectors::Generation) -> Vec<String> {
    let has = generation.connector.interfaces();
    let all = [
        ("receive", has.receive),
        ("identity", true),
        ("send", has.send),
        ("configure", has.configure),
        ("poll", has.poll),
        ("media", has.media),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect()
}

impl From<generation::Generation> for GenerationView {
    fn from(row: generation::Generation) -> Self {
        Self {
            generation: row.number,
            stage: row.stage,
            version: row.source.version,
            digest: row.source.digest,
            signature: row.signature,
            origin: row.origin,
            staged_at: Time(row.staged_at),
            changed_at: Time(row.changed_at),
            problem: row.problem,
            missing: row.missing,
            differences: row.differences,
            approved: row.approved,
        }
    }
}
