//! A host in this process, on a disk that can be held up, and clients that go away.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jackfield_core::event::Problem;
use jackfield_core::fact::{Actor, Fact, Outcome, RawRequest, Role};
use jackfield_core::generation::Stage;
use jackfield_core::ids::{ChannelId, Millis};
use jackfield_core::views::operations;
use jackfield_sandbox::Compiler;
use jackfield_server::config::Config;
use jackfield_server::host::Host;
use jackfield_server::keys::NewKey;
use jackfield_server::serve::Running;
use jackfield_server::start::store_options;
use jackfield_store::Options;
use jackfield_tests::client::Client;
use jackfield_tests::host::Setup;
use jackfield_tests::provider::{Provider, Script};
use jackfield_tests::versions::webhook;
use jackfield_tests::webhooks::{APP_SECRET, Webhook};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::disk::SlowDisk;

/// The channel, which has the connector `versions`.
pub const CHANNEL: &str = "shop-versions";

/// The customer's address.
pub const CUSTOMER: &str = "6281234";

pub struct World {
    pub api: Client,
    pub host: Arc<Host>,
    pub disk: SlowDisk,
    pub provider: Provider,
    key: String,
    address: String,
    folder: tempfile::TempDir,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<Result<()>>,
}

/// A request.
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: Vec<u8>,
    pub media_type: &'static str,
}

impl Request {
    pub fn json(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: "POST", path: path.into(), body: body.to_string().into_bytes(), media_type: "application/json" }
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: "DELETE", path: path.into(), body: Vec::new(), media_type: "application/json" }
    }
}

impl World {
    /// A host to which a customer has written.
    pub async fn start() -> Result<Self> {
        Self::start_with(|options| options).await
    }

    /// The same with another store, such as one whose rules have a defect.
    pub async fn start_with(change: impl FnOnce(Options) -> Options) -> Result<Self> {
        let provider = Provider::start(|_, _| Script::json(200, &json!({}))).await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("app-secret"), APP_SECRET)?;
        let config = Config::read(&setup(&provider)?.write(folder.path())?)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let disk = SlowDisk::new();
        let compiler =
            Compiler::Child { program: env!("CARGO_BIN_EXE_jackfield").into(), args: vec!["compile".into()] };
        let options = change(Options { disk: Arc::new(disk.clone()), ..store_options(&config) });
        let running = Running::start_with(config, listener, options, compiler).await?;
        let host = Arc::clone(running.host());
        let key = NewKey::generate()?;
        let created = Fact::KeyCreated { name: String::from("tests"), role: Role::Admin, hash: key.hash };
        host.append(Actor::Host, created).await?;
        let (stop, stopping) = oneshot::channel();
        let stopped = tokio::spawn(running.until(async { drop(stopping.await) }));
        let api = Client::new(&format!("http://{address}"), Some(&key.text));
        let world = Self { api, host, disk, provider, key: key.text, address, folder, stop, stopped };
        let webhook = webhook("m1", CUSTOMER, "hello");
        let hook = world.api.with_key(None);
        let path = format!("/hooks/{CHANNEL}");
        let answer = hook.send(http::Method::POST, &path, &webhook.headers(), webhook.body.clone()).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        world.settled().await?;
        Ok(world)
    }

    /// Where a component is kept.
    pub fn artifact(&self, digest: &str) -> PathBuf {
        self.folder.path().join("data/artifacts").join(format!("{digest}.wasm"))
    }

    /// Sends a request and goes away while what it appends is on its way to the disk. The host has seen that before the disk goes on.
    pub async fn hang_up(&self, request: &Request) -> Result<()> {
        self.disk.hold();
        let stream = self.send(request).await?;
        let waits = tokio::time::timeout(Duration::from_secs(60), self.disk.sync_waits()).await;
        drop(stream);
        self.rounds().await?;
        self.disk.release();
        waits.with_context(|| format!("{} appends nothing", request.path))?;
        Ok(())
    }

    /// Sends a request and goes away while it waits for something.
    pub async fn hang_up_at_once(&self, request: &Request) -> Result<()> {
        let stream = self.send(request).await?;
        self.rounds().await?;
        drop(stream);
        self.rounds().await
    }

    /// Sends a request and goes away after a time.
    pub async fn hang_up_after(&self, request: &Request, time: Duration) -> Result<()> {
        let stream = self.send(request).await?;
        tokio::time::sleep(time).await;
        drop(stream);
        Ok(())
    }

    /// What came over a connection before is older than these, and comes through the same driver.
    async fn rounds(&self) -> Result<()> {
        for _ in 0..20 {
            self.api.get("/healthz").await?;
        }
        Ok(())
    }

    async fn send(&self, request: &Request) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
            request.method,
            request.path,
            self.address,
            self.key,
            request.media_type,
            request.body.len()
        );
        stream.write_all(&[head.as_bytes(), &request.body].concat()).await?;
        Ok(stream)
    }

    /// Has a command about connectors go on until the newest generation of one has come this far and the next step waits for the disk.
    /// The command goes no further until it is polled again; everything else does.
    pub async fn hold_at<T>(&self, connector: &str, stage: Stage, command: &mut (impl Future<Output = T> + Unpin)) {
        self.disk.hold();
        let there = async {
            loop {
                self.disk.sync_waits().await;
                let versions = operations::connector(&self.host.view(), connector).unwrap().unwrap();
                if versions.generations.last().unwrap().stage == stage {
                    return;
                }
                self.disk.let_one_pass();
            }
        };
        tokio::select! {
            biased;
            () = there => {}
            _ = command => panic!("it ended before it was {}", stage.word()),
        }
    }

    /// The configuration file with one more channel, which has settings of its own, or without it.
    pub fn configure(&self, more: Option<(&str, &str)>) -> Result<PathBuf> {
        let setup = setup(&self.provider)?;
        let setup = match more {
            Some((name, settings)) => {
                from_file(setup.channel(name, "versions", &self.provider.url(), settings, &secrets())?)
            }
            None => setup,
        };
        setup.write(self.folder.path())
    }

    /// The configuration file with one more channel, of the guest `hostile`, which may call the provider.
    pub fn add_caller(&self, name: &str) -> Result<PathBuf> {
        let (url, settings) = (self.provider.url(), format!("do = \"only-calls\", target = {:?}", self.provider.url()));
        let more = from_file(setup(&self.provider)?.guest(name, "hostile", &settings)?);
        let granted = format!("http = [{url:?}, \"http://ungranted.example\"]\nprivate-addresses = [{url:?}]");
        more.replaced("http = [\"http://127.0.0.1:1\", \"http://ungranted.example\"]", &granted)
            .write(self.folder.path())
    }

    /// Returns once nothing more is appended.
    pub async fn settled(&self) -> Result<()> {
        let (mut applied, mut quiet) = (self.host.store.applied(), 0);
        while quiet < 50 {
            self.api.get("/healthz").await?;
            let now = self.host.store.applied();
            quiet = if now == applied { quiet + 1 } else { 0 };
            applied = now;
        }
        Ok(())
    }

    /// Parks a delivery that can be handled.
    pub async fn park(&self, id: &str) -> Result<String> {
        self.park_on(CHANNEL, &webhook(id, CUSTOMER, "parked")).await
    }

    /// Parks a delivery of a channel.
    pub async fn park_on(&self, channel: &str, webhook: &Webhook) -> Result<String> {
        let channel: ChannelId = channel.parse()?;
        let serving = self.host.channels.get(&channel).and_then(|channel| channel.serving());
        let (generation, _) = serving.context("the channel is served")?;
        let fact = Fact::DeliveryParked {
            channel: channel.clone(),
            source: generation.source(),
            request: RawRequest {
                method: String::from("POST"),
                url: format!("http://{}/hooks/{channel}", self.address),
                headers: webhook.headers().iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
                body: webhook.body.clone().into_bytes(),
                received_at: Millis(1),
                concealed: false,
                concealed_body: false,
            },
            problem: Problem { message: String::from("on purpose"), code: None },
            verified: true,
        };
        match self.host.append(Actor::Channel(channel), fact).await?.outcome {
            Outcome::Parked { parked } => Ok(parked.to_string()),
            other => anyhow::bail!("{other:?}"),
        }
    }

    pub async fn stop(self) -> Result<()> {
        let Self { host, stop, stopped, .. } = self;
        drop(host);
        let _ = stop.send(());
        stopped.await?
    }
}

fn setup(provider: &Provider) -> Result<Setup> {
    Ok(from_file(Setup::new().channel(CHANNEL, "versions", &provider.url(), "", &secrets())?))
}

fn secrets() -> [(&'static str, &'static str); 1] {
    [("app-secret", "APP_SECRET")]
}

/// Tests of one process cannot have an environment of their own.
fn from_file(setup: Setup) -> Setup {
    setup.replaced("{ env = \"APP_SECRET\" }", "{ file = \"app-secret\" }")
}

/// Returns once something is so. Asking is the only way to see it.
pub async fn until<F: Future<Output = Result<bool>>>(what: &str, is_so: impl Fn() -> F) -> Result<()> {
    let asked = async {
        while !is_so().await? {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.with_context(|| format!("never: {what}"))?
}
