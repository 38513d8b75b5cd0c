//! The path of a stranger, who has never seen this source: a new connector, built, tested, signed, plugged into a running host, a
//! webhook received and a reply sent.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::host::{Home, Setup};
use crate::paths;
use crate::provider::{Provider, Script};
use crate::webhooks::{ACCESS_TOKEN, APP_SECRET, Webhook};

/// A language, and how the project that `new` makes in it talks to its provider.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// As `--lang` takes it.
    pub name: &'static str,
    /// The name of the secret that sends.
    token: &'static str,
    /// What stands before the signature.
    prefix: &'static str,
    /// The list of a webhook.
    list: &'static str,
    /// The type of a text in it.
    kind: &'static str,
}

/// The three.
pub const LANGUAGES: [Language; 3] = [
    Language { name: "rust", token: "api-token", prefix: "sha256=", list: "messages", kind: "text" },
    Language { name: "js", token: "token", prefix: "", list: "events", kind: "message" },
    Language { name: "python", token: "token", prefix: "", list: "events", kind: "message" },
];

/// How long each part took.
#[derive(Debug, Default)]
pub struct Report {
    parts: Vec<(&'static str, Duration)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, took) in &self.parts {
            write!(f, "{part} {:.1} s, ", took.as_secs_f64())?;
        }
        let all: Duration = self.parts.iter().map(|(_, took)| *took).sum();
        write!(f, "all of it {:.0} s", all.as_secs_f64())
    }
}

impl Report {
    async fn time<T>(&mut self, part: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let began = Instant::now();
        let done = work.await.with_context(|| part)?;
        self.parts.push((part, began.elapsed()));
        Ok(done)
    }
}

/// Walks the path in one language.
///
/// # Errors
/// At the first step that does not do what it should.
pub async fn walk(language: Language) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let name = format!("shop-{}", language.name);
    let project = folder.path().join(&name);
    let mut report = Report::default();
    let sdk = paths::root()?.join("sdk");
    let sdk = sdk.to_string_lossy();
    report.time("new", dev(folder.path(), &["new", &name, "--lang", language.name, "--sdk", &sdk])).await?;
    report.time("build", dev(&project, &["build"])).await?;
    let component = project.join("dist").join(format!("{name}.wasm"));
    let file = component.to_string_lossy();
    report.time("check", dev(&project, &["check", &file])).await?;
    report.time("test", dev(&project, &["test"])).await?;
    let key = dev(&project, &["keygen", "author.pem"]).await?;
    let key = key.split_whitespace().find(|word| word.len() == 64).context("a public key of 64 digits")?.to_owned();
    report.time("sign", dev(&project, &["sign", &file, "--key", "author.pem"])).await?;
    report.time("install, receive and reply", serve(language, &name, &component, &key)).await?;
    Ok(report)
}

/// Runs the author's command.
async fn dev(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(paths::program("jackfield-dev")?);
    let output = command.args(arguments).current_dir(folder).kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = || {
        format!(
            "`jackfield-dev {}` ended with {}:\n{said}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    };
    ensure!(output.status.success(), why());
    Ok(said)
}

/// Plugs the component into a host that runs, and talks through it.
async fn serve(language: Language, name: &str, component: &Path, key: &str) -> Result<()> {
    let provider = Provider::start(|_, _| Script::json(200, &json!({ "id": "out-1" }))).await?;
    // Only what this author has signed is let in.
    let before = Setup::new().replaced("allow-unsigned = true", &format!("keys.author = \"{key}\""));
    let home = Home::new(&before).await?;
    let host = home.start().await?;
    before.with(&channel(language, name, component, &provider.url())).write(&home.folder)?;
    let reloaded = host.api.post("/v1/reload", &json!({})).await?;
    ensure!(reloaded.json()["added"] == json!([name]), "{}", reloaded.text());
    let answer = host.hook(name, &webhook(language)).await?;
    ensure!(answer.status == 200, "the webhook got {}: {}", answer.status, answer.text());
    let found = host.api.read("/v1/inbox").await?;
    let item = &found["items"][0];
    ensure!(item.to_string().contains("Is it in stock?"), "the message is not in the inbox: {found}");
    let customer = find_customer(item).context("a customer in the inbox")?;
    let sent =
        host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "Two are left." })).await?;
    let message = sent.json()["message_id"].as_str().with_context(|| sent.text())?.to_owned();
    host.delivered(&message, "sent").await?;
    let seen = provider.seen();
    let request = seen.iter().find(|request| request.method == "POST").context("the provider was sent nothing")?;
    ensure!(String::from_utf8_lossy(&request.body).contains("Two are left."), "{request:?}");
    let bearer = format!("Bearer {ACCESS_TOKEN}");
    ensure!(request.header("authorization") == Some(bearer.as_str()), "the credential is not in the request");
    host.stop().await?;
    Ok(())
}

fn find_customer(item: &Value) -> Option<String> {
    let direct = item["customer"].as_str().or_else(|| item["customer"]["id"].as_str()).or_else(|| item["id"].as_str());
    direct.filter(|id| id.starts_with("cus")).map(str::to_owned)
}

fn channel(language: Language, name: &str, component: &Path, provider: &str) -> String {
    let token = language.token;
    format!(
        "[connectors.{name}]\npath = {component:?}\n[channels.{name}]\nconnector = \"{name}\"\nconfig = {{ api_base = {provider:?} }}\n\
         [channels.{name}.secrets]\nwebhook-secret = {{ env = \"APP_SECRET\" }}\n{token} = {{ env = \"ACCESS_TOKEN\" }}\n\
         [channels.{name}.grants]\nhttp = [{provider:?}]\nprivate-addresses = [{provider:?}]\nattests = [\"phone\", \"email\"]"
    )
}

fn webhook(language: Language) -> Webhook {
    let item = json!({ "type": language.kind, "id": "m1", "from": "ada", "text": "Is it in stock?" });
    let body = json!({ language.list: [item] }).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes());
    let signature = format!("{}{}", language.prefix, HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref()));
    Webhook { body, headers: vec![("content-type", String::from("application/json")), ("x-signature", signature)] }
}
