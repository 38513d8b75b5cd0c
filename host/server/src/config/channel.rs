//! `[channels.NAME]`: one connected account.

use std::collections::BTreeMap;
use std::time::Duration;

use jackfield_sandbox::{Grants, Limits, Origin};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::SecretSource;

/// How many webhooks of one channel are worked on or wait at once, unless the channel says otherwise.
const WEBHOOKS: u32 = 512;

/// How long a channel that is polled is left alone, milliseconds, unless the channel says otherwise.
const POLL_MS: u64 = 5_000;

/// `[channels.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChannelConfig {
    /// The name of a connector.
    pub connector: Spanned<String>,
    /// Where phone numbers without a country code are from; that of the workspace otherwise.
    #[serde(default)]
    pub region: Option<String>,
    /// The connector's own configuration, a JSON object.
    #[serde(default = "empty", deserialize_with = "json")]
    pub config: serde_json::Value,
    /// Where its secrets are, by the names of the connector's manifest.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// What it may do.
    #[serde(default)]
    pub grants: GrantsConfig,
    /// What a call may use.
    #[serde(default)]
    pub limits: LimitsConfig,
}

/// `[channels.NAME.grants]`. Nothing is granted unless it stands here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GrantsConfig {
    /// Origins that may be reached.
    pub http: Vec<Origin>,
    /// Of these, origins that may be at private or loopback addresses.
    pub private_addresses: Vec<Origin>,
    /// Whether requests that nobody signed count.
    pub public_webhook: bool,
    /// Kinds of addresses that everybody shares, `phone` and `email`, which the channel may attest.
    pub attests: Vec<String>,
    /// Scopes of other connectors that the channel may speak about.
    pub scopes: Vec<String>,
}

impl From<&GrantsConfig> for Grants {
    fn from(config: &GrantsConfig) -> Self {
        Self {
            http: config.http.clone(),
            private_addresses: config.private_addresses.clone(),
            public_webhook: config.public_webhook,
            attests: config.attests.clone(),
            scopes: config.scopes.clone(),
        }
    }
}

/// `[channels.NAME.limits]`. What is left out is the default of [`Limits`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LimitsConfig {
    /// CPU time of a call in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Time of a call in milliseconds, waiting included. Less than the 15 s that an HTTP request may take makes slow sends uncertain.
    pub wall_ms: Option<u64>,
    /// Time to wait for a place to run in milliseconds.
    pub queue_ms: Option<u64>,
    /// Memory of a call in MiB.
    pub memory_mib: Option<u32>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
    /// Events of one call.
    pub events: Option<u32>,
    /// Calls a second, with as many at once.
    pub calls_per_second: Option<u32>,
    /// Bytes of the bodies of a call's HTTP requests together, and of their answers, in KiB.
    pub http_kib: Option<u32>,
    /// HTTP requests of one call.
    pub http_requests: Option<u32>,
    /// Bytes of the channel's state, in KiB.
    pub state_kib: Option<u32>,
    /// Lines of log a second.
    pub log_lines_per_second: Option<u32>,
    /// The largest file that is carried, in MiB.
    pub media_mib: Option<u32>,
    /// Instances that are kept and called again, if the connector's manifest says `reuse`.
    pub warm: Option<u32>,
    /// How long a channel that is polled is left alone if it does not say so itself, in milliseconds, 100 at least.
    pub poll_ms: Option<u64>,
    /// Webhooks that are worked on or wait at the same time; more are told to come again.
    pub webhooks: Option<u32>,
}

impl LimitsConfig {
    /// What is not set here is as in `others`.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.or(others.cpu_ms),
            wall_ms: self.wall_ms.or(others.wall_ms),
            queue_ms: self.queue_ms.or(others.queue_ms),
            memory_mib: self.memory_mib.or(others.memory_mib),
            concurrency: self.concurrency.or(others.concurrency),
            events: self.events.or(others.events),
            calls_per_second: self.calls_per_second.or(others.calls_per_second),
            http_kib: self.http_kib.or(others.http_kib),
            http_requests: self.http_requests.or(others.http_requests),
            state_kib: self.state_kib.or(others.state_kib),
            log_lines_per_second: self.log_lines_per_second.or(others.log_lines_per_second),
            media_mib: self.media_mib.or(others.media_mib),
            warm: self.warm.or(others.warm),
            poll_ms: self.poll_ms.or(others.poll_ms),
            webhooks: self.webhooks.or(others.webhooks),
        }
    }

    /// For the sandbox.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        let set = |value: Option<u64>, limit: &mut Duration| {
            if let Some(ms) = value {
                *limit = Duration::from_millis(ms);
            }
        };
        set(self.cpu_ms, &mut limits.cpu);
        set(self.wall_ms, &mut limits.wall);
        set(self.queue_ms, &mut limits.queue);
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        if let Some(mib) = self.memory_mib {
            limits.memory_bytes = size(mib).saturating_mul(1 << 20);
        }
        if let Some(n) = self.concurrency {
            limits.concurrency = size(n).max(1);
        }
        if let Some(n) = self.events {
            limits.events = size(n);
        }
        let set = |value: Option<u32>, unit: usize, limit: &mut usize| {
            if let Some(value) = value {
                *limit = size(value).saturating_mul(unit);
            }
        };
        set(self.http_kib, 1 << 10, &mut limits.http_body_bytes);
        set(self.http_requests, 1, &mut limits.http_requests);
        set(self.state_kib, 1 << 10, &mut limits.state_total_bytes);
        set(self.media_mib, 1 << 20, &mut limits.media_bytes);
        set(self.warm, 1, &mut limits.warm);
        limits.calls_per_second = self.calls_per_second.unwrap_or(limits.calls_per_second).max(1);
        limits.log_lines_per_second = self.log_lines_per_second.unwrap_or(limits.log_lines_per_second);
        limits
    }

    /// How long a channel that is polled is left alone if it does not say so itself.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.unwrap_or(POLL_MS).max(100))
    }

    /// How many webhooks are worked on or wait at the same time, at least 1.
    #[must_use]
    pub fn webhooks(&self) -> u32 {
        self.webhooks.unwrap_or(WEBHOOKS).max(1)
    }
}

fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<serde_json::Value, D::Error> {
    let table = toml::Table::deserialize(deserializer)?;
    to_json(toml::Value::Table(table)).map_err(D::Error::custom)
}

/// TOML as JSON. Dates have no form in JSON that a schema could mean, so they have to be written as text.
fn to_json(value: toml::Value) -> Result<serde_json::Value, String> {
    use serde_json::Value as Json;
    Ok(match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Float(n) => {
            serde_json::Number::from_f64(n).map(Json::Number).ok_or("a number in `config` has to be finite")?
        }
        toml::Value::Boolean(b) => b.into(),
        toml::Value::Datetime(at) => return Err(format!("write the date {at} in `config` in quotation marks")),
        toml::Value::Array(items) => Json::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Json::Object(
            table.into_iter().map(|(key, value)| Ok((key, to_json(value)?))).collect::<Result<_, String>>()?,
        ),
    })
}
