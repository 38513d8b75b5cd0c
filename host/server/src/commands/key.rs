//! `jackfield key`: on the data folder while the host is stopped, through its API while it runs.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jackfield_core::fact::{Actor, Fact, Outcome, Role};
use jackfield_core::ids::KeyId;
use jackfield_core::views::operations::{self, ApiKeyView};
use jackfield_store::{OpenError, Store};
use serde_json::{Value, json};

use super::remote::Remote;
use super::{prepare, say, tell, wait_for};
use crate::cli::{KeyCommand, KeyPlace};
use crate::keys::NewKey;
use crate::start::store_options;

pub(super) fn run(command: KeyCommand) -> anyhow::Result<ExitCode> {
    let (KeyCommand::Create { place, .. } | KeyCommand::List { place } | KeyCommand::Revoke { place, .. }) = &command;
    let place = place.clone();
    wait_for(async move {
        match open(&place).await? {
            Where::Folder(store) => {
                let done = in_folder(&store, command).await;
                let closed = store.close().await;
                done?;
                closed.context("the stop does not count as clean; nothing is lost")?;
            }
            Where::Host(remote) => over_http(&remote, command).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

enum Where {
    Folder(Store),
    Host(Box<Remote>),
}

async fn open(place: &KeyPlace) -> anyhow::Result<Where> {
    let config = prepare(&place.config)?;
    let (folder, options) = (config.data(), store_options(&config));
    let opened = tokio::task::spawn_blocking(move || jackfield_store::open(&folder, &options, &mut |_| {})).await?;
    match opened {
        Ok(store) => Ok(Where::Folder(store)),
        Err(error @ OpenError::Locked(_)) => {
            let listen = config.server.listen;
            let url = match (&place.url, listen.port()) {
                (Some(url), _) => url.clone(),
                (None, 0) => bail!("{error}. The host runs on a port that it chose itself: say where with --url"),
                (None, _) => config.server.local_url(listen),
            };
            tell(&format!("the host is running; asking it at {url}"));
            let Some(key) = std::env::var("JACKFIELD_KEY").ok().filter(|key| !key.is_empty()) else {
                bail!("put an admin's key into the variable JACKFIELD_KEY, or stop the host first");
            };
            Ok(Where::Host(Box::new(Remote::new(&url, &key)?)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn in_folder(store: &Store, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create { name, role, .. } => {
            let key = NewKey::generate().context("the system gives no random numbers")?;
            let fact = Fact::KeyCreated { name: checked(name)?, role: role.into(), hash: key.hash };
            match store.append(Actor::Operator, fact).await?.outcome {
                Outcome::KeyCreated { key: id } => made(&id.to_string(), &key.text),
                other => Err(refused(other)),
            }
        }
        KeyCommand::List { .. } => list(operations::api_keys(&store.read())?.iter().map(row)),
        KeyCommand::Revoke { id, .. } => {
            let key = id.parse::<KeyId>()?;
            match store.append(Actor::Operator, Fact::KeyRevoked { key }).await?.outcome {
                Outcome::Done => revoked(&id),
                other => Err(refused(other)),
            }
        }
    }
}

async fn over_http(remote: &Remote, command: KeyCommand) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| String::from("-"), str::to_owned);
    match command {
        KeyCommand::Create { name, role, .. } => {
            let role = Role::from(role);
            let answer = remote.post("/v1/keys", &json!({ "name": checked(name)?, "role": role })).await?;
            let key = answer["key"].as_str().context("the host did not answer with a key")?;
            made(&text(&answer["id"]), key)
        }
        KeyCommand::List { .. } => {
            let answer = remote.get("/v1/keys").await?;
            let items = answer["items"].as_array().context("the host did not answer with a list")?;
            list(
                items.iter().map(|key| {
                    [&key["id"], &key["role"], &key["created_at"], &key["revoked_at"], &key["name"]].map(text)
                }),
            )
        }
        KeyCommand::Revoke { id, .. } => {
            let key = id.parse::<KeyId>()?;
            remote.post(&format!("/v1/keys/{key}/revoke"), &json!({})).await?;
            revoked(&id)
        }
    }
}

/// A name that can be shown on one line.
fn checked(name: String) -> anyhow::Result<String> {
    let fits = (1..=200).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    match fits {
        true => Ok(name),
        false => bail!("a key's name has 1 to 200 characters, on one line"),
    }
}

/// The key alone on standard output, for scripts; the rest for people.
fn made(id: &str, key: &str) -> anyhow::Result<()> {
    tell(&format!("made {id}; this is the only time that the key is shown:"));
    say(key)
}

fn revoked(id: &str) -> anyhow::Result<()> {
    say(&format!("{id} is no longer good"))
}

fn refused(outcome: Outcome) -> anyhow::Error {
    match outcome {
        Outcome::Refused(refusal) => anyhow::anyhow!("{}", refusal.message),
        other => anyhow::anyhow!("the store answered with {other:?}"),
    }
}

/// Id, role, when it was made, when it was revoked, name.
type Row = [String; 5];

fn row(key: &ApiKeyView) -> Row {
    let role = serde_json::to_value(key.role).ok().and_then(|role| role.as_str().map(str::to_owned));
    [
        key.id.to_string(),
        role.unwrap_or_default(),
        key.created_at.0.rfc3339(),
        key.revoked_at.map_or_else(|| String::from("-"), |at| at.0.rfc3339()),
        key.name.clone(),
    ]
}

fn list(rows: impl Iterator<Item = Row>) -> anyhow::Result<()> {
    let head = ["ID", "ROLE", "MADE", "REVOKED", "NAME"].map(str::to_owned);
    for [id, role, made, revoked, name] in std::iter::once(head).chain(rows) {
        say(&format!("{id:<12}  {role:<8}  {made:<24}  {revoked:<24}  {name}"))?;
    }
    Ok(())
}
