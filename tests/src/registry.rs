//! A registry of components: the program `docker-registry` on a free port and a folder of its own, and what it takes to push to one.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use http::{Method, StatusCode, header};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::paths;

/// Who may use a registry that is not open to everybody.
pub const USERNAME: &str = "ana";
/// Their password.
pub const PASSWORD: &str = "open sesame";
/// The two as `htpasswd -B` writes them.
const HTPASSWD: &str = "ana:$2b$04$4mW0xMHOgmcPbu/sHDEx6OFPI5lF/YOrvpM024JVGjSBVg/bfZmOm\n";

/// A certificate for 127.0.0.1 that nobody signed but itself, and its key.
pub const CERTIFICATE: &str = include_str!("../tls/cert.pem");
const KEY: &str = include_str!("../tls/key.pem");

/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Where components are pushed to.
pub const REPOSITORY: &str = "acme/versions";

/// A running registry. Dropping it ends the process.
pub struct Registry {
    /// Its name: `127.0.0.1:PORT`.
    pub name: String,
    client: Client,
    process: Child,
    folder: tempfile::TempDir,
}

impl Registry {
    /// One that is open to everybody.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn open() -> Result<Self> {
        Self::start(tempfile::tempdir()?, "").await
    }

    /// One that wants [`USERNAME`] and [`PASSWORD`].
    ///
    /// # Errors
    /// When it does not start.
    pub async fn guarded() -> Result<Self> {
        Self::start(tempfile::tempdir()?, "auth:\n  htpasswd:\n    realm: tests\n    path: htpasswd\n").await
    }

    /// The same with [`CERTIFICATE`], on another port. Nothing can be pushed to it any more.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn encrypted(mut self) -> Result<Self> {
        self.process.kill().await?;
        Self::start(self.folder, "  tls:\n    certificate: cert.pem\n    key: key.pem\n").await
    }

    async fn start(folder: tempfile::TempDir, settings: &str) -> Result<Self> {
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: data\nhttp:\n  addr: 127.0.0.1:0\n{settings}"
        );
        let files =
            [("config.yml", config.as_str()), ("htpasswd", HTPASSWD), ("cert.pem", CERTIFICATE), ("key.pem", KEY)];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text)?;
        }
        let mut command = Command::new(program()?);
        command.args(["serve", "config.yml"]).current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .context("docker-registry cannot be started; `cargo xtask test` fetches it where it is missing")?;
        let log = process.stderr.take().context("the log is piped")?;
        let name = address(log).await?;
        let client = Client::new(&format!("http://{name}"), None);
        Ok(Self { name, client, process, folder })
    }

    /// Ends it, as if its machine were gone.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Pushes a component, and gives the reference to it by its digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push(&self, component: &[u8]) -> Result<String> {
        self.blob(b"{}").await?;
        self.blob(component).await?;
        self.manifest(&manifest(&[layer("application/wasm", component)])).await
    }

    /// Pushes bytes.
    ///
    /// # Errors
    /// When the registry does not take them.
    pub async fn blob(&self, bytes: &[u8]) -> Result<()> {
        let begun = self.send(Method::POST, &format!("/v2/{REPOSITORY}/blobs/uploads/"), "", Bytes::new()).await?;
        ensure!(begun.0 == StatusCode::ACCEPTED, "no upload: {}", begun.0);
        let place = begun.1.strip_prefix(self.client.base()).unwrap_or(&begun.1);
        let path = format!("{place}&digest=sha256:{}", sha256(bytes));
        let taken = self.send(Method::PUT, &path, "application/octet-stream", Bytes::copy_from_slice(bytes)).await?;
        ensure!(taken.0 == StatusCode::CREATED, "{} bytes were not taken: {}", bytes.len(), taken.0);
        Ok(())
    }

    /// Pushes a manifest under the tag `latest`, and gives the reference to it by its digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn manifest(&self, manifest: &Value) -> Result<String> {
        let text = manifest.to_string();
        let kind = manifest["mediaType"].as_str().unwrap_or(MANIFEST);
        let path = format!("/v2/{REPOSITORY}/manifests/latest");
        let taken = self.send(Method::PUT, &path, kind, Bytes::from(text.clone())).await?;
        ensure!(taken.0 == StatusCode::CREATED, "the manifest was not taken: {}", taken.0);
        Ok(reference(&self.name, text.as_bytes()))
    }

    /// The status, and where the registry says that it goes on.
    async fn send(&self, method: Method, path: &str, kind: &str, body: Bytes) -> Result<(StatusCode, String)> {
        let who = format!("Basic {}", BASE64.encode(format!("{USERNAME}:{PASSWORD}").as_bytes()));
        let headers = [("content-type", kind), ("authorization", who.as_str())];
        let answer = self.client.send(method, path, &headers, body).await?;
        let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        Ok((answer.status, location.unwrap_or_default().to_owned()))
    }
}

/// The program, where `cargo xtask test` left it; otherwise that of the path.
fn program() -> Result<PathBuf> {
    let fetched = paths::programs()?.parent().context("target")?.join("docker-registry/usr/bin/docker-registry");
    Ok(if fetched.is_file() { fetched } else { "docker-registry".into() })
}

/// Reads the line that says where the registry listens.
async fn address(log: impl tokio::io::AsyncRead + Unpin + Send + 'static) -> Result<String> {
    let mut lines = BufReader::new(log).lines();
    let read = async {
        let mut said = String::new();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("listening on ") {
                return Ok(rest.split(['"', ' ', ',']).next().unwrap_or_default().to_owned());
            }
            said.push_str(&line);
        }
        bail!("the registry ended before it listened: {said}")
    };
    let address =
        tokio::time::timeout(Duration::from_secs(30), read).await.context("the registry never listened")??;
    // Whatever else it says must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(address)
}

/// A manifest of these layers.
#[must_use]
pub fn manifest(layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": format!("sha256:{}", sha256(b"{}")), "size": 2 },
        "layers": layers,
    })
}

/// What a manifest says of a layer.
#[must_use]
pub fn layer(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len() })
}

/// The reference to a manifest in a registry.
#[must_use]
pub fn reference(registry: &str, manifest: &[u8]) -> String {
    format!("{registry}/{REPOSITORY}@sha256:{}", sha256(manifest))
}

/// The sha256 of bytes, hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}
