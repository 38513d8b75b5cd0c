//! JSON over HTTP, as an API client does it.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client of one host.
#[derive(Clone)]
pub struct Client {
    base: String,
    key: Option<String>,
    pool: Pooled<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the host at `base`, such as `http://127.0.0.1:8480`.
    #[must_use]
    pub fn new(base: &str, key: Option<&str>) -> Self {
        let pool = Pooled::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self { base: base.to_owned(), key: key.map(str::to_owned), pool }
    }

    /// The host's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same client with another key.
    #[must_use]
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).context("the request is not one")?;
        let response = self.pool.request(request).await.with_context(|| format!("no answer to {path}"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.with_context(|| format!("the answer to {path} broke off"))?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Reads something.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Reads something that has to be there.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn read(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        ensure!(answer.status == StatusCode::OK, "{path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    /// The one customer with an address such as `phone:+6281…`.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub async fn customer_with(&self, identity: &str) -> Result<String> {
        let found = self.read(&format!("/v1/customers?identity={}", identity.replace('+', "%2B"))).await?;
        let items = found["items"].as_array().cloned().unwrap_or_default();
        ensure!(items.len() == 1, "{} customers have {identity}: {found}", items.len());
        items[0]["id"].as_str().map(str::to_owned).context("a customer has an id")
    }
}
