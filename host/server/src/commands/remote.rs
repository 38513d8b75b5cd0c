//! A client of a host that runs, for the few commands that need one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

/// How long an answer may take.
const TIME: Duration = Duration::from_secs(120);

/// Bytes of an answer.
const BYTES: usize = 4 << 20;

/// A host that runs.
pub(super) struct Remote {
    url: String,
    key: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Remote {
    pub(super) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { url, key: key.to_owned(), client: Client::builder(TokioExecutor::new()).build(https) })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, "application/json", Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, "application/json", Bytes::from(body.to_string())).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::DELETE, path, "application/json", Bytes::new()).await
    }

    /// Sends a component.
    pub(super) async fn upload(&self, path: &str, component: Vec<u8>) -> anyhow::Result<Value> {
        self.send(Method::POST, path, "application/wasm", component.into()).await
    }

    /// Reads a stream of server-sent events, each of which is one line of JSON, until the host ends it.
    pub(super) async fn follow(
        &self,
        path: &str,
        mut event: impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut response = self.request(Method::GET, path, "application/json", Bytes::new()).await?;
        if !response.status().is_success() {
            understood(response, path).await?;
            return Ok(());
        }
        let mut text = Vec::new();
        while let Some(frame) = response.frame().await {
            let frame = frame.with_context(|| format!("the stream of {path} broke off"))?;
            text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if let Some(data) = line.strip_prefix(b"data: ") {
                    event(serde_json::from_slice(data).context("the host sent what is not JSON")?)?;
                }
            }
        }
        Ok(())
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: Bytes) -> anyhow::Result<Value> {
        let answer = async { understood(self.request(method, path, kind, body).await?, path).await };
        tokio::time::timeout(TIME, answer)
            .await
            .with_context(|| format!("the host took longer than 120 s to answer at {path}"))?
    }

    async fn request(&self, method: Method, path: &str, kind: &str, body: Bytes) -> anyhow::Result<Response<Incoming>> {
        let url = format!("{}{path}", self.url);
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .with_context(|| format!("{url} is not an URL"))?;
        self.client.request(request).await.with_context(|| format!("the host does not answer at {url}"))
    }
}

/// What an answer says, or why it is none.
async fn understood(response: Response<Incoming>, path: &str) -> anyhow::Result<Value> {
    let status = response.status();
    let body = Limited::new(response.into_body(), BYTES).collect().await;
    let body = body.map_err(|e| anyhow::anyhow!("the answer of {path} cannot be read: {e}"))?.to_bytes();
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    match status.is_success() {
        true => Ok(value),
        false => bail!("the host answered {status}: {}", value["detail"].as_str().unwrap_or("without a reason")),
    }
}
