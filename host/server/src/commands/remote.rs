//! A client of a host that runs, for the few commands that need one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
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

    /// Sends a component.
    pub(super) async fn upload(&self, path: &str, component: Vec<u8>) -> anyhow::Result<Value> {
        self.send(Method::POST, path, "application/wasm", component.into()).await
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: Bytes) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.url);
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .with_context(|| format!("{url} is not an URL"))?;
        let answer = async {
            let response =
                self.client.request(request).await.with_context(|| format!("the host does not answer at {url}"))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BYTES).collect().await;
            let body = body.map_err(|e| anyhow::anyhow!("the answer of {url} cannot be read: {e}"))?.to_bytes();
            let value: Value = serde_json::from_slice(&body).unwrap_or_default();
            match status.is_success() {
                true => Ok(value),
                false => {
                    bail!("the host answered {status}: {}", value["detail"].as_str().unwrap_or("without a reason"))
                }
            }
        };
        tokio::time::timeout(TIME, answer)
            .await
            .with_context(|| format!("the host took longer than 120 s to answer at {url}"))?
    }
}
