//! A channel's side of a connector: its configuration, its secrets and what the operator grants it, checked once against what the
//! manifest asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jackfield_core::event::{Problem, Trust};
use jackfield_core::ids::ChannelId;
use ring::hmac;
use ring::rand::SystemRandom;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::conceal::Concealer;
use crate::egress::client::Client;
use crate::egress::inject::Credential;
use crate::egress::origin::Origin;
use crate::egress::policy::{Allowed, Policy};
use crate::engine::MEMORY_CEILING;
use crate::manifest::{Manifest, Place, SecretUse, schema};
use crate::redact::Redactor;
use crate::run::limits::Limits;
use crate::run::rate::Bucket;
use crate::secret::Secret;
use crate::state_view::StateView;

/// Shorter secrets would be found, and replaced, all over ordinary text; and they are no secrets.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 8..=4096;

/// What the operator set for a channel.
#[derive(Clone)]
pub struct Binding {
    /// Its name.
    pub channel: ChannelId,
    /// Its configuration, a JSON object.
    pub config: Value,
    /// Its secrets, by the manifest's names. 8 to 4,096 bytes each.
    pub secrets: BTreeMap<String, Secret>,
    /// What it may do.
    pub grants: Grants,
    /// What a call may use. What the manifest wants beyond this is a problem.
    pub limits: Limits,
    /// Its committed state.
    pub state: Arc<dyn StateView>,
}

/// What the operator allows a channel. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Origins that it may reach, of those that the manifest asks for.
    pub http: Vec<Origin>,
    /// Of these, origins that may be at private addresses (loopback, local networks).
    pub private_addresses: Vec<Origin>,
    /// Whether requests that nobody signed count: a web form, a web chat. Their senders are only claimed.
    pub public_webhook: bool,
    /// Kinds of addresses that belong to everybody (`phone`, `email`) which the channel may attest. For what is not here the channel's
    /// word is a claim, whatever its manifest says.
    pub attests: Vec<String>,
    /// Scopes of other connectors that the channel may speak about.
    pub scopes: Vec<String>,
}

/// Kinds of addresses that mean the same on every channel, so that whoever attests one says who another channel's customer is.
const SHARED_KINDS: [&str; 2] = ["phone", "email"];

/// How far the channel is believed about each kind: what the manifest declares, and no more than what is granted.
fn effective_trust(manifest: &Manifest, grants: &Grants) -> BTreeMap<String, Trust> {
    let declared = manifest.identifiers.iter().map(|declared| {
        let kind = declared.kind.clone();
        let granted = !SHARED_KINDS.contains(&kind.as_str()) || grants.attests.contains(&kind);
        let most = if granted { Trust::Attested } else { Trust::Claimed };
        (kind, most.min(declared.trust.into()))
    });
    declared.collect()
}

/// A binding that fits its connector; shared by the calls of the channel.
pub(crate) struct ChannelBinding {
    pub(crate) channel: ChannelId,
    pub(crate) connector: String,
    /// JSON.
    pub(crate) config: String,
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// The declared secrets, and what each may be used for.
    pub(crate) uses: BTreeMap<String, BTreeSet<SecretUse>>,
    /// Headers of replies beside the common ones.
    pub(crate) reply_headers: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) state: Arc<dyn StateView>,
    pub(crate) public_webhook: bool,
    /// How far an address of a kind is believed, at most.
    pub(crate) trust: BTreeMap<String, Trust>,
    /// Scopes of others that it may speak about.
    pub(crate) scopes: Vec<String>,
    pub(crate) policy: Policy,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) redactor: Redactor,
    pub(crate) concealer: Concealer,
    /// For `secrets.equals`.
    pub(crate) comparison: hmac::Key,
    pub(crate) client: Client,
    /// How many calls of the channel may run at once.
    pub(crate) places: Semaphore,
    /// How many files may be on their way at once.
    pub(crate) media_places: Semaphore,
    /// How often it may be called.
    pub(crate) rate: Bucket,
    /// How much its calls may log together.
    pub(crate) log_rate: Bucket,
}

impl ChannelBinding {
    /// Checks a binding against a manifest. `validator` is that of the manifest's schema; `strict` refuses what is not granted.
    pub(crate) fn new(
        manifest: &Manifest,
        validator: &jsonschema::Validator,
        binding: Binding,
        tls: &Arc<rustls::ClientConfig>,
        strict: bool,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        for message in schema::problems(validator, &binding.config) {
            problems.add("config", message);
        }
        check_secrets(manifest, &binding, &mut problems);
        let origins = origins(manifest, &binding.config, &mut problems);
        let policy = policy(manifest, &origins, &binding.grants, &mut problems);
        if !strict {
            problems.0.retain(|problem| problem.code.as_deref() != Some("not_granted"));
        }
        let limits = limits(manifest, &binding.limits, &mut problems);
        let redactor = Redactor::new(binding.secrets.values()).map_err(|message| problems.add("secrets", message)).ok();
        let concealer = Concealer::new(&binding.secrets).map_err(|message| problems.add("secrets", message)).ok();
        let comparison = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| problems.add("host", "The operating system gives no random numbers.".to_owned()))
            .ok();
        let (Some(redactor), Some(concealer), Some(comparison), true) =
            (redactor, concealer, comparison, problems.0.is_empty())
        else {
            return Err(problems.0);
        };
        Ok(Self {
            channel: binding.channel,
            connector: manifest.id.clone(),
            config: binding.config.to_string(),
            uses: manifest.secrets.iter().map(|need| (need.name.clone(), manifest.uses(&need.name))).collect(),
            reply_headers: manifest.reply_headers.clone(),
            public_webhook: binding.grants.public_webhook,
            trust: effective_trust(manifest, &binding.grants),
            scopes: binding.grants.scopes.clone(),
            credentials: credentials(manifest, &origins, &policy, &binding.secrets),
            policy,
            redactor,
            concealer,
            comparison,
            client: Client::new(tls),
            places: Semaphore::new(limits.concurrency),
            media_places: Semaphore::new(limits.media_concurrency),
            rate: Bucket::new(limits.calls_per_second, limits.calls_per_second),
            log_rate: Bucket::new(limits.log_lines_per_second, limits.log_lines_per_second.saturating_mul(10)),
            state: binding.state,
            secrets: binding.secrets,
            limits,
        })
    }

    /// A binding that has and may do nothing: for the trial start of a component.
    pub(crate) fn bare(manifest: &Manifest, tls: &Arc<rustls::ClientConfig>) -> Result<Self, Vec<Problem>> {
        let lenient = jsonschema::validator_for(&Value::Bool(true)).map_err(|_| Vec::new())?;
        let mut manifest = manifest.clone();
        manifest.secrets.clear();
        manifest.credentials.clear();
        manifest.http.clear();
        let memory =
            manifest.limits.memory_mib.map_or(0, mebibytes).clamp(Limits::default().memory_bytes, MEMORY_CEILING);
        manifest.limits = crate::manifest::LimitNeeds::default();
        let channel = "trial".parse().map_err(|_| Vec::new())?;
        let limits = Limits {
            memory_bytes: memory,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(5),
            ..Limits::default()
        };
        let (config, secrets, grants) = (Value::Object(serde_json::Map::new()), BTreeMap::new(), Grants::default());
        Self::new(
            &manifest,
            &lenient,
            Binding { channel, config, secrets, grants, limits, state: Arc::new(Nothing) },
            tls,
            true,
        )
    }

    /// Whether a path holds the place of a path credential, however it is spelled.
    pub(crate) fn has_placeholder(&self, path: &str) -> bool {
        let path = self.spell_placeholders(path);
        let mut in_path = self.credentials.iter().filter(|credential| credential.place == Place::Path);
        in_path.any(|credential| path.contains(&format!("{{{}}}", credential.name)))
    }

    /// A guest's path, with the placeholders of path credentials in braces even where the guest's library escaped them.
    pub(crate) fn spell_placeholders(&self, path: &str) -> String {
        let in_path = self.credentials.iter().filter(|credential| credential.place == Place::Path);
        in_path.fold(path.to_owned(), |path, credential| {
            let name = &credential.name;
            path.replace(&format!("%7B{name}%7D"), &format!("{{{name}}}"))
                .replace(&format!("%7b{name}%7d"), &format!("{{{name}}}"))
        })
    }
}

struct Nothing;

impl StateView for Nothing {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn list(&self, _: &str, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

/// All that is wrong, to be told at once.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, code: &str, message: String) {
        self.0.push(Problem { message, code: Some(code.to_owned()) });
    }
}

fn check_secrets(manifest: &Manifest, binding: &Binding, problems: &mut Problems) {
    for need in &manifest.secrets {
        let Some(secret) = binding.secrets.get(&need.name) else {
            if need.required {
                problems.add(
                    "missing_secret",
                    format!("The secret `{}` is not set: {}.", need.name, need.prompt.trim_end_matches('.')),
                );
            }
            continue;
        };
        if !SECRET_BYTES.contains(&secret.expose().len()) {
            let (least, most) = (SECRET_BYTES.start(), SECRET_BYTES.end());
            problems.add(
                "bad_secret",
                format!("The secret `{}` has fewer than {least} or more than {most} bytes.", need.name),
            );
        }
        let fits =
            need.pattern.as_ref().is_none_or(|pattern| schema::matches(pattern, secret.expose()).unwrap_or(false));
        if !fits {
            problems.add(
                "bad_secret",
                format!("The secret `{}` does not look like one: {}.", need.name, need.prompt.trim_end_matches('.')),
            );
        }
    }
    for name in binding.secrets.keys().filter(|name| manifest.secrets.iter().all(|need| need.name != **name)) {
        problems.add(
            "unknown_secret",
            format!("The connector has no use for a secret `{name}`; remove it, or mend its name."),
        );
    }
}

/// The origins that a manifest asks for, with this configuration; what is wrong with it is for [`ChannelBinding::new`] to say.
pub(crate) fn asked(manifest: &Manifest, config: &Value) -> Vec<Origin> {
    let mut origins = origins(manifest, config, &mut Problems::default());
    origins.sort_unstable_by_key(ToString::to_string);
    origins.dedup();
    origins
}

/// The origin of every `[[http]]` of the manifest, after the configuration had its say.
fn origins(manifest: &Manifest, config: &Value, problems: &mut Problems) -> Vec<Origin> {
    let mut origins = Vec::with_capacity(manifest.http.len());
    for need in &manifest.http {
        let chosen = need.config.as_ref().and_then(|key| Some((key, config.get(key)?)));
        let origin = match chosen {
            None => Ok(need.origin.clone()),
            Some((key, value)) => value
                .as_str()
                .unwrap_or_default()
                .trim_end_matches('/')
                .parse::<Origin>()
                .map_err(|e| format!("The configuration's `{key}` is wrong: {e}.")),
        };
        origins.push(origin.unwrap_or_else(|message| {
            problems.add("config", message);
            need.origin.clone()
        }));
    }
    origins
}

fn policy(manifest: &Manifest, origins: &[Origin], grants: &Grants, problems: &mut Problems) -> Policy {
    let mut policy = Policy::default();
    let mut missing = BTreeSet::new();
    for (need, origin) in manifest.http.iter().zip(origins) {
        if grants.http.contains(origin) {
            policy.allowed.push(Allowed {
                origin: origin.clone(),
                methods: need.methods.clone(),
                paths: need.paths.clone(),
                private: grants.private_addresses.contains(origin),
            });
        } else if missing.insert(origin) {
            problems.add(
                "not_granted",
                format!("The connector wants to reach {origin}; add it to the channel's `http` grants."),
            );
        }
    }
    for origin in grants.private_addresses.iter().filter(|origin| !grants.http.contains(origin)) {
        problems.add("grants", format!("Private addresses are granted for {origin}, but {origin} itself is not."));
    }
    policy
}

fn limits(manifest: &Manifest, allowed: &Limits, problems: &mut Problems) -> Limits {
    let mut limits = allowed.clone();
    limits.memory_bytes = limits.memory_bytes.min(MEMORY_CEILING);
    let mut time = |name: &str, wanted: Option<u32>, limit: &mut Duration| {
        let Some(wanted) = wanted.map(|ms| Duration::from_millis(u64::from(ms))) else {
            return;
        };
        match wanted <= *limit {
            true => *limit = wanted,
            false => problems.add(
                "limits",
                format!(
                    "The connector wants {} ms of {name}; the channel's limit is {} ms. Raise it if the connector may have that.",
                    wanted.as_millis(),
                    limit.as_millis()
                ),
            ),
        }
    };
    time("CPU time", manifest.limits.cpu_ms, &mut limits.cpu);
    time("time", manifest.limits.wall_ms, &mut limits.wall);
    if limits.warm > 0 && !manifest.limits.reuse {
        problems.add(
            "limits",
            "The connector does not say that its instances may be used again; take `warm` out of the channel's limits."
                .to_owned(),
        );
    }
    if let Some(wanted) = manifest.limits.memory_mib.map(mebibytes) {
        match wanted <= limits.memory_bytes {
            true => limits.memory_bytes = wanted,
            false => problems.add(
                "limits",
                format!(
                    "The connector wants {} MiB of memory; the channel's limit is {} MiB. Raise it if the connector may have that.",
                    wanted >> 20,
                    limits.memory_bytes >> 20
                ),
            ),
        }
    }
    limits
}

fn mebibytes(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX).saturating_mul(1 << 20)
}

/// The credentials, each with the granted origins that it may go to.
fn credentials(
    manifest: &Manifest,
    origins: &[Origin],
    policy: &Policy,
    secrets: &BTreeMap<String, Secret>,
) -> Vec<Credential> {
    let places = manifest.credentials.iter().map(|place| {
        let reached = manifest.http.iter().zip(origins).filter(|(need, origin)| {
            let wanted = place.origins.as_ref().is_none_or(|wanted| wanted.contains(&need.origin));
            wanted && policy.allowed.iter().any(|rule| rule.origin == **origin)
        });
        Credential {
            name: place.secret.clone(),
            place: place.place.clone(),
            origins: reached.map(|(_, origin)| origin.clone()).collect(),
            secret: secrets.get(&place.secret).cloned(),
        }
    });
    places.collect()
}
