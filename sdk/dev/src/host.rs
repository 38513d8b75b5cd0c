//! A client of a host that runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

/// How long an answer may take: a host compiles JavaScript and Python for some fifteen seconds.
const TIME: Duration = Duration::from_secs(120);

/// Bytes of an answer.
const BYTES: usize = 4 << 20;

/// A host.
#[derive(Clone)]
pub struct Host {
    url: String,
    key: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Host {
    /// The host at a URL, asked with a key.
    pub fn new(url: &str, key: &str) -> Result<Self> {
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

    /// Uploads a component as the next generation of a connector. What the host made of it, on one line.
    pub async fn upload(&self, connector: &str, component: Vec<u8>) -> Result<String> {
        let request = Request::post(format!("{}/v1/connectors/{connector}/generations", self.url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/wasm")
            .body(Full::new(Bytes::from(component)))
            .context("the host's URL, or the key, is none")?;
        let (status, body) = self.send(request).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status.is_success() {
            true => Ok(accepted(&answer)),
            false => bail!("the host refused it with {status}: {}", reason(&answer)),
        }
    }

    /// Posts a webhook to a channel, as the provider would. The host's status.
    pub async fn replay(&self, channel: &str, headers: &[(String, Vec<u8>)], body: Vec<u8>) -> Result<StatusCode> {
        let mut request = Request::post(format!("{}/hooks/{channel}", self.url));
        for (name, value) in headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        let request = request.body(Full::new(Bytes::from(body))).context("the host's URL is none")?;
        Ok(self.send(request).await?.0)
    }

    /// The channels that use a connector.
    pub async fn channels(&self, connector: &str) -> Result<Vec<String>> {
        let request = self.get(&format!("/v1/connectors/{connector}"), None)?;
        let (status, body) = self.send(request).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            bail!("the host answered with {status}: {}", reason(&answer));
        }
        let channels = answer["channels"].as_array().into_iter().flatten();
        Ok(channels.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Follows what a channel's connector logs, until the host ends the stream. `line` gets each line; `last` is the number of the last
    /// one, which the next call goes on behind.
    pub async fn follow(&self, channel: &str, last: &mut Option<String>, line: impl Fn(String)) -> Result<()> {
        let request = self.get(&format!("/v1/channels/{channel}/log?lines=0"), last.as_deref())?;
        let mut response = self.client.request(request).await.context("the host does not answer")?;
        if !response.status().is_success() {
            bail!("the host answered with {}", response.status());
        }
        let mut text = Vec::new();
        while let Some(frame) = response.frame().await {
            text.extend_from_slice(frame?.data_ref().map_or(&[], |data| data));
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let whole: Vec<u8> = text.drain(..=end).collect();
                let whole = String::from_utf8_lossy(&whole);
                if let Some(id) = whole.strip_prefix("id: ") {
                    *last = Some(id.trim().to_owned());
                } else if let Some(data) = whole.strip_prefix("data: ") {
                    line(logged(channel, &serde_json::from_str(data).unwrap_or_default()));
                }
            }
        }
        Ok(())
    }

    fn get(&self, path: &str, last: Option<&str>) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::get(format!("{}{path}", self.url));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.body(Full::default()).context("the host's URL, or the key, is none")
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let answer = async {
            let response = self.client.request(request).await;
            let response = response.with_context(|| format!("the host does not answer at {}", self.url))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BYTES).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("the answer of {} cannot be read: {error}", self.url))?;
            Ok((status, body.to_bytes()))
        };
        let answer = tokio::time::timeout(TIME, answer).await;
        answer.with_context(|| format!("{} took longer than {} s to answer", self.url, TIME.as_secs()))?
    }
}

fn accepted(answer: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = answer.get("generation").map_or_else(|| "?".to_owned(), plain);
    let stage = answer.get("stage").map_or_else(|| "accepted".to_owned(), plain);
    let missing = answer.get("missing").and_then(Value::as_array).into_iter().flatten();
    let wants = missing.filter_map(|one| one.get("message")?.as_str()).map(|message| format!(" {message}"));
    format!("generation {number}: {stage}{}", wants.collect::<String>())
}

/// A line of a channel's log.
fn logged(channel: &str, line: &Value) -> String {
    let part = |name: &str| line[name].as_str().unwrap_or("?");
    format!("{channel} {} {}: {}", part("function"), part("level"), part("message"))
}

/// What a problem document (RFC 9457) says.
fn reason(answer: &Value) -> String {
    let told = ["detail", "title"].into_iter().find_map(|name| answer.get(name)?.as_str());
    told.unwrap_or("it does not say why").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_become_lines() {
        assert_eq!(accepted(&json!({"generation": 7, "stage": "active"})), "generation 7: active");
        let waits = json!({"generation": 8, "stage": "pending-approval", "missing": [{"message": "Grant it."}]});
        assert_eq!(accepted(&waits), "generation 8: pending-approval Grant it.");
        assert_eq!(accepted(&json!({})), "generation ?: accepted");
        let line = json!({"at": "x", "level": "warn", "function": "receive", "message": "No."});
        assert_eq!(logged("shop", &line), "shop receive warn: No.");
        assert_eq!(reason(&json!({"title": "Bad", "detail": "It is unsigned."})), "It is unsigned.");
        assert_eq!(reason(&Value::Null), "it does not say why");
    }
}
