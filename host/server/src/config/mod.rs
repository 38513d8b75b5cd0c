//! The configuration file: one TOML file, in which every unknown word is an error that names its line.
//!
//! Reading it ([`Config::read`]) looks at nothing but the file. Secrets are fetched when a channel is bound ([`secret`]), so that a
//! command that needs none of them works without them. `example.toml` beside `Cargo.toml` shows every setting.

mod channel;
mod connector;
mod error;
mod hosts;
mod reference;
mod registry;
mod secret;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jackfield_core::fact::ClaimPolicy;
use jackfield_core::ids::ChannelId;
use serde::Deserialize;

pub use channel::{ChannelConfig, GrantsConfig, LimitsConfig};
pub use connector::{Code, ConnectorConfig};
pub use error::{ConfigError, Trouble};
pub use hosts::AllowedHosts;
pub(crate) use reference::sha256_of;
pub use reference::{BadReference, Reference};
pub use registry::RegistryConfig;
pub use secret::{SecretSource, SecretsMark};
pub use server::{ServerConfig, TlsConfig};

/// The whole file. Paths are as they stand in it; [`Config::resolve`] makes them absolute.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the host listens.
    #[serde(default)]
    pub server: ServerConfig,
    /// Where its data is.
    #[serde(default)]
    pub store: StoreConfig,
    /// How people are recognised.
    #[serde(default)]
    pub identity: IdentityConfig,
    /// How messages are sent.
    #[serde(default)]
    pub outbox: OutboxConfig,
    /// Files.
    #[serde(default)]
    pub files: FilesConfig,
    /// What is logged.
    #[serde(default)]
    pub log: LogConfig,
    /// Whose components are let in.
    #[serde(default)]
    pub trust: TrustConfig,
    /// A folder of components.
    #[serde(default)]
    pub watch: WatchConfig,
    /// The registries that may be asked for components, by host and port.
    #[serde(default)]
    pub registries: BTreeMap<String, RegistryConfig>,
    /// The connectors, by the name that channels use for them.
    #[serde(default)]
    pub connectors: BTreeMap<String, ConnectorConfig>,
    /// The channels.
    #[serde(default)]
    pub channels: BTreeMap<ChannelId, ChannelConfig>,
    /// The folder of the file, which relative paths start from.
    #[serde(skip)]
    folder: PathBuf,
    /// The file itself; none if it was never one.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StoreConfig {
    /// The data folder, relative to the file.
    pub path: PathBuf,
    /// The cache of the views in MiB, 8 to 65,536.
    pub cache_mib: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("data"), cache_mib: 64 }
    }
}

/// `[identity]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct IdentityConfig {
    /// What claims do.
    pub claims: ClaimPolicy,
    /// Where phone numbers without a country code are from: two letters, ISO 3166. A channel can say otherwise.
    pub region: Option<String>,
}

/// `[outbox]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OutboxConfig {
    /// The first wait after a failed attempt in milliseconds, 1 to 60,000; it doubles with each further attempt, up to 300 times it.
    pub retry_base_ms: u64,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { retry_base_ms: 1_000 }
    }
}

/// An exbibyte, in MiB.
const MOST_QUOTA_MIB: u64 = 1 << 40;

/// `[files]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FilesConfig {
    /// MiB of all files together that clients brought with `POST /v1/files`, at the most.
    pub quota_mib: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self { quota_mib: 10_240 }
    }
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LogConfig {
    /// For people or for programs.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,jackfield_store=debug`. The variable `RUST_LOG` is over it.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: String::from("info") }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[trust]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TrustConfig {
    /// Public keys, 64 hexadecimal digits each, by the operator's names for them.
    pub keys: BTreeMap<String, String>,
    /// Whether components that none of these keys signed are let in.
    pub allow_unsigned: bool,
}

/// `[watch]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WatchConfig {
    /// The folder, relative to the file; none is watched without it.
    pub folder: Option<PathBuf>,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// A sentence that names the file, the line where there is one, and the remedy.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let config = Self::parse(&text, &folder);
        let config = config.map_err(|trouble| ConfigError::Wrong { path: path.to_owned(), trouble })?;
        Ok(Self { file: Some(path.to_owned()), ..config })
    }

    /// Reads and checks the text of a file that lies, or would lie, in `folder`.
    ///
    /// # Errors
    /// What is wrong, with the line where there is one, and the remedy.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Trouble> {
        let mut config: Self = toml::from_str(text).map_err(|e| Trouble::parse(text, &e))?;
        config.folder = folder.to_owned();
        config.check(text)?;
        for channel in config.channels.values_mut() {
            if let Some(connector) = config.connectors.get(channel.connector.get_ref()) {
                channel.limits = channel.limits.or(&connector.limits);
            }
        }
        Ok(config)
    }

    /// A path of the file, as one that does not depend on the file's folder.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.resolve(&self.store.path)
    }

    /// The region of a channel: its own, or that of the workspace.
    #[must_use]
    pub fn region(&self, channel: &ChannelConfig) -> Option<String> {
        channel.region.clone().or_else(|| self.identity.region.clone())
    }

    fn check(&self, text: &str) -> Result<(), Trouble> {
        self.server.check()?;
        if !(8..=65_536).contains(&self.store.cache_mib) {
            return Err(Trouble::general("store.cache-mib has to be 8 to 65536"));
        }
        if self.files.quota_mib > MOST_QUOTA_MIB {
            return Err(Trouble::general(format!("files.quota-mib has to be 0 to {MOST_QUOTA_MIB}")));
        }
        if !(1..=60_000).contains(&self.outbox.retry_base_ms) {
            return Err(Trouble::general("outbox.retry-base-ms has to be 1 to 60000"));
        }
        for (name, key) in &self.trust.keys {
            if key.len() != 64 || !key.bytes().all(|b| b.is_ascii_hexdigit()) {
                let remedy = "`jackfield-dev keygen` prints a public key as it has to stand here";
                return Err(Trouble::general(format!("trust.keys.{name} is not 64 hexadecimal digits; {remedy}")));
            }
        }
        self.check_registries(text)?;
        let regions = std::iter::once((&self.identity.region, None))
            .chain(self.channels.iter().map(|(id, channel)| (&channel.region, Some(id))));
        for (region, channel) in regions {
            if let Some(wrong) = region.as_ref().filter(|r| r.len() != 2 || !r.bytes().all(|b| b.is_ascii_uppercase()))
            {
                let place =
                    channel.map_or_else(|| String::from("identity.region"), |id| format!("channels.{id}.region"));
                let remedy = "write the two capital letters of ISO 3166, such as \"ID\"";
                return Err(Trouble::general(format!("{place} is {wrong:?}; {remedy}")));
            }
        }
        for (id, channel) in &self.channels {
            let name = channel.connector.get_ref();
            if !self.connectors.contains_key(name) {
                let known = self.connectors.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let known =
                    if known.is_empty() { String::from("there are none yet") } else { format!("there are: {known}") };
                let message = format!(
                    "the channel {id} wants the connector {name:?}; add a section [connectors.{name}] ({known})"
                );
                return Err(Trouble::at(text, channel.connector.span().start, message));
            }
        }
        Ok(())
    }

    fn check_registries(&self, text: &str) -> Result<(), Trouble> {
        for (name, registry) in &self.registries {
            registry.check(name)?;
        }
        for (name, connector) in &self.connectors {
            if let Code::Oci(reference) = &connector.code
                && !self.registries.contains_key(reference.get_ref().registry())
            {
                let registry = reference.get_ref().registry();
                let message = format!(
                    "the connector {name} comes from the registry {registry}, which is not asked: add a section [registries.{registry:?}] \
                     if components may come from there"
                );
                return Err(Trouble::at(text, reference.span().start, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Trouble> {
        Config::parse(text, Path::new("/etc/jackfield"))
    }

    fn wrong(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_channels_limit_is_its_own_or_its_connectors() {
        let config = parse(
            "[connectors.a]\npath = \"a.wasm\"\n[connectors.a.limits]\ncpu-ms = 100\nwarm = 2\n\
             [channels.x]\nconnector = \"a\"\n[channels.x.limits]\ncpu-ms = 200\n[channels.y]\nconnector = \"a\"\n",
        );
        let config = config.unwrap();
        let limits = |name: &str| config.channels[&name.parse::<ChannelId>().unwrap()].limits.limits();
        assert_eq!((limits("x").cpu.as_millis(), limits("x").warm), (200, 2));
        assert_eq!((limits("y").cpu.as_millis(), limits("y").warm), (100, 2));
    }

    #[test]
    fn the_example_is_a_good_configuration() {
        let config = parse(include_str!("../../example.toml")).unwrap();
        assert_eq!(config.channels.len(), 1);
        assert_eq!(config.data(), Path::new("/etc/jackfield/data"));
    }

    #[test]
    fn an_empty_file_listens_on_loopback_and_grants_nothing() {
        let config = parse("").unwrap();
        assert!(config.server.listen.ip().is_loopback());
        assert!(config.channels.is_empty());
        assert_eq!(config.identity.claims, ClaimPolicy::OneWay);
    }

    #[test]
    fn an_unknown_word_is_refused_with_its_line_and_the_words_that_are_known() {
        let message = wrong("[server]\nlisten = \"127.0.0.1:1\"\nlisen = \"127.0.0.1:2\"\n");
        assert!(message.contains("line 3"), "{message}");
        assert!(message.contains("lisen") && message.contains("allowed-hosts"), "{message}");
        let message =
            wrong("[connectors.a]\npath = \"a\"\n[channels.b]\nconnector = \"a\"\n[channels.b.grants]\nhtpp = []\n");
        assert!(message.contains("line 6") && message.contains("htpp"), "{message}");
    }

    #[test]
    fn a_secret_in_the_file_is_refused_with_the_reason() {
        let text = "[connectors.a]\npath = \"a\"\n[channels.b]\nconnector = \"a\"\n[channels.b.secrets]\nkey = \"hunter2hunter2\"\n";
        let message = wrong(text);
        assert!(message.contains("line 6"), "{message}");
        assert!(message.contains("env") && message.contains("file"), "{message}");
        assert!(!message.contains("hunter2"), "the secret must not be repeated: {message}");
    }

    #[test]
    fn a_connectors_code_is_in_one_place() {
        let reference = format!("ghcr.io/acme/w@sha256:{}", "0".repeat(64));
        let registry = "[registries.\"ghcr.io\"]\n";
        let both = wrong(&format!("{registry}[connectors.a]\npath = \"a\"\noci = \"{reference}\"\n"));
        let neither = wrong(&format!("{registry}[connectors.a]\n"));
        for message in [both, neither] {
            assert!(message.contains("line 2") && message.contains("`path`") && message.contains("`oci`"), "{message}");
        }
        assert!(parse(&format!("{registry}[connectors.a]\noci = \"{reference}\"\n")).is_ok());
        let tag = wrong(&format!("{registry}[connectors.a]\noci = \"ghcr.io/acme/w:1\"\n"));
        assert!(tag.contains("line 3") && tag.contains("oras resolve"), "{tag}");
        let unknown = wrong("[connectors.a]\npath = \"a\"\nurl = \"b\"\n");
        assert!(unknown.contains("line 3") && unknown.contains("url"), "{unknown}");
    }

    #[test]
    fn a_registry_that_is_not_in_the_file_is_not_asked() {
        let message = wrong(&format!("[connectors.a]\noci = \"ghcr.io/acme/w@sha256:{}\"\n", "0".repeat(64)));
        assert!(message.contains("line 2") && message.contains("[registries.\"ghcr.io\"]"), "{message}");
    }

    #[test]
    fn plain_http_is_for_registries_at_loopback_addresses() {
        for name in ["127.0.0.1:5000", "127.0.0.1"] {
            assert!(parse(&format!("[registries.\"{name}\"]\ninsecure = true\n")).is_ok(), "{name}");
        }
        for name in ["ghcr.io", "10.0.0.1:5000", "localhost:5000", "127.0.0.1.example.com"] {
            let message = wrong(&format!("[registries.\"{name}\"]\ninsecure = true\n"));
            assert!(message.contains("loopback"), "{name}: {message}");
        }
    }

    #[test]
    fn a_registry_has_a_name_and_both_or_neither_of_username_and_password() {
        for name in ["https://ghcr.io", "ghcr.io/acme", "acme", "a b", ""] {
            assert!(wrong(&format!("[registries.\"{name}\"]\n")).contains("no name of a registry"), "{name}");
        }
        assert!(wrong("[registries.\"ghcr.io\"]\nusername = \"me\"\n").contains("both"));
        assert!(wrong("[registries.\"ghcr.io\"]\npassword = { env = \"P\" }\n").contains("both"));
        let message = wrong("[registries.\"ghcr.io\"]\nusername = \"me\"\npassword = \"hunter2\"\n");
        assert!(message.contains("line 3") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_channel_of_a_connector_that_is_not_there_is_refused_with_its_line() {
        let message = wrong("[connectors.a]\npath = \"a\"\n\n[channels.b]\nconnector = \"c\"\n");
        assert!(message.contains("line 5") && message.contains("[connectors.c]"), "{message}");
    }

    #[test]
    fn listening_beyond_loopback_has_to_be_meant() {
        let message = wrong("[server]\nlisten = \"0.0.0.0:80\"\n");
        assert!(message.contains("allow-remote") && message.contains("tls"), "{message}");
        assert!(parse("[server]\nlisten = \"0.0.0.0:80\"\nallow-remote = true\n").is_ok());
        assert!(parse("[server]\nlisten = \"0.0.0.0:80\"\n[server.tls]\ncert = \"c\"\nkey = \"k\"\n").is_ok());
    }

    #[test]
    fn a_channels_name_that_would_not_fit_into_an_url_is_refused() {
        let message = wrong("[connectors.a]\npath = \"a\"\n[channels.\"A b\"]\nconnector = \"a\"\n");
        assert!(message.contains("a-z"), "{message}");
    }

    #[test]
    fn a_region_has_two_capital_letters() {
        assert!(wrong("[identity]\nregion = \"Indonesia\"\n").contains("ISO 3166"));
    }
}
