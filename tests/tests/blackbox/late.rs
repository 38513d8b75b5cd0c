//! Requests whose heads came while they were allowed, and whose bodies come when they are not any more.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jackfield_tests::host::{Host, Setup, WHATSAPP};
use jackfield_tests::provider::Provider;
use jackfield_tests::versions::version;
use jackfield_tests::webhooks::{meta, whatsapp_text};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request of which everything is there but the last byte, and that byte.
struct Held(TcpStream, u8);

impl Held {
    /// Sends all but the end, once the host reads the body.
    async fn begin(host: &Host, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Self> {
        let address = host.api.base().strip_prefix("http://").context("plain HTTP")?;
        let mut stream = TcpStream::connect(address).await?;
        let mut head =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nexpect: 100-continue\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).await?;
        let mut told = [0; 25];
        stream.read_exact(&mut told).await?;
        ensure!(told.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&told));
        let (last, rest) = body.split_last().context("a body")?;
        stream.write_all(rest).await?;
        Ok(Self(stream, *last))
    }

    /// Sends the end; the answer.
    async fn end(mut self) -> Result<String> {
        self.0.write_all(&[self.1]).await?;
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

#[tokio::test]
async fn a_revoked_key_does_nothing_that_it_began_before() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana", "w1", "hello"))).await?;
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    let thief = host.api.post("/v1/keys", &json!({ "name": "thief", "role": "admin" })).await?.json();
    let bearer = format!("Bearer {}", thief["key"].as_str().context("a key")?);
    let (json, wasm) = (("content-type", "application/json"), ("content-type", "application/wasm"));
    let key = json!({ "name": "successor", "role": "admin" }).to_string();
    let message = json!({ "text": "pay here" }).to_string();
    let component = version("good-b")?;
    let requests: [(String, (&str, &str), &[u8]); 4] = [
        ("/v1/keys".to_owned(), json, key.as_bytes()),
        (format!("/v1/customers/{customer}/messages"), json, message.as_bytes()),
        ("/v1/connectors/other/generations".to_owned(), wasm, &component),
        ("/v1/files".to_owned(), ("content-type", "text/plain"), b"a file"),
    ];
    let mut held = Vec::new();
    for (path, kind, body) in &requests {
        held.push(Held::begin(&host, path, &[("authorization", &bearer), *kind], body).await?);
    }
    let id = thief["id"].as_str().context("an id")?;
    let revoked = host.api.post(&format!("/v1/keys/{id}/revoke"), &json!({})).await?;
    ensure!(revoked.status.is_success(), "{}", revoked.text());
    for (held, (path, ..)) in held.into_iter().zip(&requests) {
        let answer = held.end().await?;
        ensure!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("revoked"), "{path}: {answer}");
    }
    let keys = host.api.read("/v1/keys").await?;
    ensure!(!keys.to_string().contains("successor"), "{keys}");
    ensure!(host.api.get("/v1/connectors/other").await?.status == 404);
    ensure!(provider.messages().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_webhook_whose_body_comes_after_its_channel_was_paused_is_not_taken() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    let webhook = meta(&whatsapp_text("6281234567890", "Ana", "w1", "hello"));
    let held = Held::begin(&host, &format!("/hooks/{WHATSAPP}"), &webhook.headers(), webhook.body.as_bytes()).await?;
    let paused = host.api.post(&format!("/v1/channels/{WHATSAPP}/pause"), &json!({})).await?;
    ensure!(paused.status.is_success(), "{}", paused.text());
    let answer = held.end().await?;
    ensure!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("paused"), "{answer}");
    ensure!(host.api.read("/v1/customers").await?["items"] == json!([]));
    Ok(())
}

#[tokio::test]
async fn one_agents_requests_without_an_end_keep_neither_the_admin_nor_another_agent_out() -> Result<()> {
    let host = Host::start(&Setup::new()).await?;
    let mut keys = Vec::new();
    for name in ["greedy", "patient"] {
        let made = host.api.post("/v1/keys", &json!({ "name": name, "role": "agent" })).await?.json();
        keys.push(made["key"].as_str().context("a key")?.to_owned());
    }
    let bearer = format!("Bearer {}", keys[0]);
    let body = json!({ "text": "x".repeat(200) }).to_string();
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let mut held = Vec::new();
    for _ in 0..560 {
        // Those beyond the key's share are refused at once.
        match Held::begin(&host, "/v1/customers/cus_1/messages", &headers, body.as_bytes()).await {
            Ok(one) => held.push(one),
            Err(refused) => ensure!(refused.to_string().contains("503"), "{refused:#}"),
        }
    }
    ensure!(held.len() == 256, "{} are held", held.len());
    let patient = host.api.with_key(Some(&keys[1]));
    ensure!(patient.get("/v1/inbox").await?.status == 200);
    let id = host.api.read("/v1/keys").await?["items"][1]["id"].as_str().context("an id")?.to_owned();
    let revoked = host.api.post(&format!("/v1/keys/{id}/revoke"), &json!({})).await?;
    ensure!(revoked.status == 200, "{}", revoked.text());
    Ok(())
}

#[tokio::test]
async fn idle_connections_of_a_readers_key_keep_no_webhook_out() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let setup = Setup::shop(&provider.url())?.replaced("[server]\n", "[server]\nconnections = 50\n");
    let host = Host::start(&setup).await?;
    let made = host.api.post("/v1/keys", &json!({ "name": "idle", "role": "reader" })).await?.json();
    let key = made["key"].as_str().context("a key")?;
    let address = host.api.base().strip_prefix("http://").context("plain HTTP")?;
    let mut idle = Vec::new();
    for n in 0..120 {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!("GET /v1/channels HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await?;
        ensure!(&begun == b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&begun));
        idle.push(stream);
        // A client without a pool.
        let fresh = jackfield_tests::client::Client::new(host.api.base(), None);
        let webhook = meta(&whatsapp_text("6281234567890", "Ana", &format!("w{n}"), "hello"));
        let path = format!("/hooks/{WHATSAPP}");
        let answer = fresh.send(http::Method::POST, &path, &webhook.headers(), webhook.body.clone()).await?;
        ensure!(answer.status == 200, "after {n}: {}", answer.text());
    }
    Ok(())
}

#[tokio::test]
async fn readers_who_look_at_channels_with_much_to_send_keep_nobody_else_waiting() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let host = Host::start(&Setup::shop(&provider.url())?).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("6281234567890", "Ana", "w1", "hello"))).await?;
    let customer = host.api.customer_with("phone:+6281234567890").await?;
    host.api.post(&format!("/v1/channels/{WHATSAPP}/pause"), &json!({})).await?;
    let (path, body) = (format!("/v1/customers/{customer}/messages"), json!({ "text": "hi" }));
    for _ in 0..40 {
        for sent in futures_util::future::join_all((0..100).map(|_| host.api.post(&path, &body))).await {
            ensure!(sent?.status == 202);
        }
    }
    let key = host.api.post("/v1/keys", &json!({ "name": "reader", "role": "reader" })).await?.json();
    let reader = host.api.with_key(key["key"].as_str());
    let (tell, mut told) = tokio::sync::mpsc::channel(64);
    let flood: Vec<_> = (0..64)
        .map(|_| {
            let (reader, tell) = (reader.clone(), tell.clone());
            tokio::spawn(async move {
                while reader.get("/v1/channels").await.is_ok() {
                    // Nobody listens once the flood has begun.
                    let _ = tell.try_send(());
                }
            })
        })
        .collect();
    told.recv().await.context("an answer")?;
    let mut took = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        ensure!(host.api.get("/healthz").await?.status == 200);
        took.push(began.elapsed());
    }
    flood.iter().for_each(tokio::task::JoinHandle::abort);
    took.sort();
    ensure!(took[4] < Duration::from_millis(300), "{took:?}");
    Ok(())
}
