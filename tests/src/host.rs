//! The program `jackfield`, on a free port and a folder of its own.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::{Answer, Client};
use crate::paths;
use crate::webhooks::{ACCESS_TOKEN, APP_SECRET, BOT_TOKEN, SLACK_TOKEN, TELEGRAM_SECRET, VERIFY_TOKEN, Webhook};

/// The three channels of the shop.
pub const WHATSAPP: &str = "shop-whatsapp";
/// On Instagram.
pub const INSTAGRAM: &str = "shop-instagram";
/// On Telegram.
pub const TELEGRAM: &str = "shop-telegram";

/// Connectors whose providers keep files at an origin of their own; the stand-in plays that too.
const WITH_MEDIA_BASE: [&str; 4] = ["whatsapp", "instagram", "slack", "line"];

/// A configuration in the making.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    text: String,
}

impl Setup {
    /// A host with nothing but a port and a store.
    #[must_use]
    pub fn new() -> Self {
        let text = "[server]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"data\"\n[identity]\nregion = \"ID\"\n\
                    [outbox]\nretry-base-ms = 20\n[trust]\nallow-unsigned = true\n";
        Self { text: text.to_owned() }
    }

    /// The shop: WhatsApp, Instagram and Telegram, whose providers are at `provider`.
    ///
    /// # Errors
    /// When a connector was not built.
    pub fn shop(provider: &str) -> Result<Self> {
        let meta = [("app-secret", "APP_SECRET"), ("verify-token", "VERIFY_TOKEN"), ("access-token", "ACCESS_TOKEN")];
        let bot = [("webhook-secret", "TELEGRAM_SECRET"), ("bot-token", "BOT_TOKEN")];
        Self::new()
            .channel(WHATSAPP, "whatsapp", provider, "phone_number_id = \"106540352242922\"", &meta)?
            .channel(INSTAGRAM, "instagram", provider, "account_id = \"17841400000000000\"", &meta)?
            .channel(TELEGRAM, "telegram", provider, "", &bot)
    }

    /// One more channel. `settings` is what stands in its `config` besides the provider's places; secrets are names and environment variables.
    ///
    /// # Errors
    /// When the connector was not built.
    pub fn channel(
        mut self,
        name: &str,
        connector: &str,
        provider: &str,
        settings: &str,
        secrets: &[(&str, &str)],
    ) -> Result<Self> {
        let path = paths::component(connector)?;
        if !self.text.contains(&format!("[connectors.{connector}]")) {
            writeln!(self.text, "[connectors.{connector}]\npath = {path:?}")?;
        }
        let media =
            if WITH_MEDIA_BASE.contains(&connector) { format!(", media_base = {provider:?}") } else { String::new() };
        let separator = if settings.is_empty() { "" } else { ", " };
        writeln!(self.text, "[channels.{name}]\nconnector = {connector:?}")?;
        writeln!(self.text, "config = {{ api_base = {provider:?}{media}{separator}{settings} }}")?;
        writeln!(self.text, "[channels.{name}.secrets]")?;
        for (secret, variable) in secrets {
            writeln!(self.text, "{secret} = {{ env = {variable:?} }}")?;
        }
        writeln!(
            self.text,
            "[channels.{name}.grants]\nhttp = [{provider:?}]\nprivate-addresses = [{provider:?}]\nattests = [\"phone\", \"email\"]"
        )?;
        Ok(self)
    }

    /// A channel of a test's own guest, which may call nobody.
    ///
    /// # Errors
    /// When the guest was not built.
    pub fn guest(mut self, name: &str, guest: &str, settings: &str) -> Result<Self> {
        let path = paths::component(guest)?;
        if !self.text.contains(&format!("[connectors.{guest}]")) {
            writeln!(self.text, "[connectors.{guest}]\npath = {path:?}")?;
        }
        writeln!(self.text, "[channels.{name}]\nconnector = {guest:?}\nconfig = {{ {settings} }}")?;
        writeln!(self.text, "[channels.{name}.secrets]\napp-secret = {{ env = \"APP_SECRET\" }}")?;
        // What its manifest asks for has to be granted for the channel to start; neither place can be reached.
        let asked = "http = [\"http://127.0.0.1:1\", \"http://ungranted.example\"]";
        writeln!(self.text, "[channels.{name}.grants]\n{asked}\nattests = [\"phone\"]")?;
        Ok(self)
    }

    /// Lets the channels of WhatsApp be called as often as the machine can: benchmarks and bad days are floods.
    #[must_use]
    pub fn flooded(self) -> Self {
        self.with("[connectors.whatsapp.limits]\ncalls-per-second = 1000000")
    }

    /// More lines, as they are.
    #[must_use]
    pub fn with(mut self, lines: &str) -> Self {
        self.text.push_str(lines);
        self.text.push('\n');
        self
    }

    /// The configuration with `from` replaced by `to`.
    #[must_use]
    pub fn replaced(mut self, from: &str, to: &str) -> Self {
        self.text = self.text.replace(from, to);
        self
    }

    /// Writes the configuration into a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join("jackfield.toml");
        // On stable storage, so that a simulated power loss leaves the configuration as an operator's would be.
        let mut file = std::fs::File::create(&path)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        std::fs::File::open(folder)?.sync_all()?;
        Ok(path)
    }
}

/// A command of the program with the secrets of the shop in its environment.
///
/// # Errors
/// When the program was not built.
pub fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(paths::program("jackfield")?);
    command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
    command.env("APP_SECRET", APP_SECRET).env("VERIFY_TOKEN", VERIFY_TOKEN).env("ACCESS_TOKEN", ACCESS_TOKEN);
    command.env("TELEGRAM_SECRET", TELEGRAM_SECRET).env("BOT_TOKEN", BOT_TOKEN).env("SLACK_TOKEN", SLACK_TOKEN);
    Ok(command)
}

/// A running host. Dropping it ends the process.
pub struct Host {
    /// An API client with an admin's key.
    pub api: Client,
    /// The admin's key.
    pub key: String,
    folder: PathBuf,
    process: Child,
    log: Arc<Mutex<String>>,
    // The folder goes when the host does, unless somebody else holds it.
    _temporary: Option<Arc<tempfile::TempDir>>,
}

/// A folder for a host that may be started several times.
pub struct Home {
    /// Where.
    pub folder: PathBuf,
    temporary: Option<Arc<tempfile::TempDir>>,
    key: String,
}

impl Home {
    /// A new folder with this configuration and an admin's key.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn new(setup: &Setup) -> Result<Self> {
        let temporary = Arc::new(tempfile::tempdir()?);
        let folder = temporary.path().to_path_buf();
        Ok(Self { temporary: Some(temporary), ..Self::at(folder, setup).await? })
    }

    /// The same in a folder that stays.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn at(folder: PathBuf, setup: &Setup) -> Result<Self> {
        let config = setup.write(&folder)?;
        let config = config.to_string_lossy();
        let arguments = ["key", "create", "--config", &config, "--name", "tests", "--role", "admin"];
        let output = command(&arguments)?.output().await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let key = text.split_whitespace().find(|word| word.starts_with("jf_")).map(str::to_owned);
        let key = key.with_context(|| format!("no key: {text} {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(Self { folder, temporary: None, key })
    }

    /// The same home, whose folder was moved.
    #[must_use]
    pub fn moved(self, folder: PathBuf) -> Self {
        Self { folder, ..self }
    }

    /// Starts the host.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start(&self) -> Result<Host> {
        self.start_with(&[]).await
    }

    /// Starts the host with these variables in its environment, too.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start_with(&self, variables: &[(&str, &str)]) -> Result<Host> {
        self.launch(variables, Stdio::piped()).await
    }

    /// Starts the host with its log on something that the test has made; [`Host::log`] is empty then.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start_logging_to(&self, log: impl Into<Stdio>) -> Result<Host> {
        self.launch(&[], log.into()).await
    }

    async fn launch(&self, variables: &[(&str, &str)], stderr: Stdio) -> Result<Host> {
        let config = self.folder.join("jackfield.toml");
        let mut process = command(&["serve", "--config", &config.to_string_lossy()])?
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .context("the host does not start")?;
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = process.stderr.take();
        let into = Arc::clone(&log);
        let collected = tokio::spawn(async move {
            if let Some(stderr) = stderr {
                collect(stderr, into).await;
            }
        });
        let stdout = process.stdout.take().context("the output is piped")?;
        let url = ready(stdout).await;
        let url = match url {
            Ok(url) => url,
            Err(error) => {
                // The rest of the log says why.
                drop(tokio::time::timeout(Duration::from_secs(5), collected).await);
                bail!("{error:#}; its log:\n{}", log.lock().unwrap_or_else(PoisonError::into_inner));
            }
        };
        let api = Client::new(&url, Some(&self.key));
        let (key, folder) = (self.key.clone(), self.folder.clone());
        Ok(Host { api, key, folder, process, log, _temporary: self.temporary.clone() })
    }
}

/// Reads the line that says where the host is.
async fn ready(stdout: impl tokio::io::AsyncRead + Unpin + Send + 'static) -> Result<String> {
    let mut lines = BufReader::new(stdout).lines();
    let read = async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, url)) = line.split_once("ready on ") {
                return Ok(url.trim().to_owned());
            }
        }
        bail!("the host ended before it was ready")
    };
    let url = tokio::time::timeout(Duration::from_secs(120), read).await.context("the host did not get ready")??;
    // Whatever else it prints must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(url)
}

async fn collect(from: impl tokio::io::AsyncRead + Unpin, into: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = into.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}

impl Host {
    /// A new host in a folder of its own.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start(setup: &Setup) -> Result<Self> {
        Home::new(setup).await?.start().await
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a webhook to a channel.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn hook(&self, channel: &str, webhook: &Webhook) -> Result<Answer> {
        let path = format!("/hooks/{channel}");
        let open = self.api.with_key(None);
        open.send(http::Method::POST, &path, &webhook.headers(), webhook.body.clone()).await
    }

    /// Sends a webhook that has to be taken.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn take(&self, channel: &str, webhook: &Webhook) -> Result<()> {
        let answer = self.hook(channel, webhook).await?;
        ensure!(answer.status == 200, "{channel}: {} {}\n{}", answer.status, answer.text(), self.log());
        Ok(())
    }

    /// Waits until a message's delivery has reached a state.
    ///
    /// # Errors
    /// When it does not in ten seconds.
    pub async fn delivered(&self, message: &str, state: &str) -> Result<serde_json::Value> {
        let mut feed =
            crate::events::Feed::open(self.api.base(), &self.key, "/v1/events?after=0&types=delivery.updated", None)
                .await?;
        let path = format!("/v1/messages/{message}");
        loop {
            let now = self.api.read(&path).await?;
            if now["delivery"]["state"] == state {
                return Ok(now);
            }
            // Every change of a delivery is an event; without one nothing has changed.
            let waited =
                feed.next().await.with_context(|| format!("{message} is {} and not {state}", now["delivery"]))?;
            ensure!(waited.is_some(), "the host stopped while {message} was {}", now["delivery"]);
        }
    }

    /// Ends the process at once, as a crash would.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn kill(mut self) -> Result<String> {
        self.process.kill().await?;
        Ok(self.log())
    }

    /// Stops it as an operator does, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not stop in time, or not well.
    pub async fn stop(mut self) -> Result<String> {
        let pid = self.process.id().context("the host runs")?.to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status().await?;
        ensure!(kill.success(), "the host could not be told to stop");
        let ended = tokio::time::timeout(Duration::from_secs(30), self.process.wait()).await;
        let status = ended.with_context(|| format!("the host did not stop:\n{}", self.log()))??;
        ensure!(status.success(), "the host ended with {status}:\n{}", self.log());
        Ok(self.log())
    }
}
