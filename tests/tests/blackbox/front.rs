//! Clients that are silent, slow or many, at the front door: they hurt nobody but themselves.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Method;
use jackfield_tests::client::Client;
use jackfield_tests::events::Feed;
use jackfield_tests::host::{Home, Host, Setup, TELEGRAM, WHATSAPP, command};
use jackfield_tests::paths;
use jackfield_tests::provider::Provider;
use jackfield_tests::webhooks::{Webhook, meta, telegram, telegram_text, whatsapp_text};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any of the host's own time-outs that are waited for here.
const ENOUGH: Duration = Duration::from_secs(60);

async fn shop() -> Result<(Host, Provider)> {
    let provider = Provider::agreeable().await?;
    Ok((Host::start(&Setup::shop(&provider.url())?).await?, provider))
}

async fn connect(host: &Host) -> Result<TcpStream> {
    let address = host.api.base().strip_prefix("http://").context("plain HTTP")?;
    Ok(TcpStream::connect(address).await?)
}

/// Everything that comes until the host closes the connection.
async fn rest(stream: &mut TcpStream) -> Result<String> {
    let mut read = Vec::new();
    let ended = tokio::time::timeout(ENOUGH, stream.read_to_end(&mut read)).await.context("it stays open")?;
    // A connection that is reset is closed, too.
    drop(ended);
    Ok(String::from_utf8_lossy(&read).into_owned())
}

#[tokio::test]
async fn silent_connections_leave_the_operator_webhooks_and_health_in() -> Result<()> {
    let provider = Provider::agreeable().await?;
    let setup = Setup::shop(&provider.url())?.replaced("[server]\n", "[server]\nconnections = 50\n");
    let host = Host::start(&setup).await?;
    let mut silent = Vec::new();
    for n in 0..60 {
        silent.push(connect(&host).await?);
        // Clients without a pool: each request is a connection of its own, among the silent ones.
        let fresh = Client::new(host.api.base(), Some(&host.key));
        match n % 3 {
            0 => ensure!(fresh.get("/healthz").await?.status == 200),
            1 => ensure!(fresh.get("/v1/channels").await?.status == 200),
            _ => host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", &format!("w{n}"), "hello"))).await?,
        }
    }
    assert_eq!(rest(&mut silent[0]).await?, "", "the oldest gave way");
    Ok(())
}

#[tokio::test]
async fn a_connection_without_a_complete_first_head_is_closed() -> Result<()> {
    let (host, _provider) = shop().await?;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // HTTP/2: the preface and empty settings, and then nothing that would be a request.
    let settings = [preface.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    let beginnings: [&[u8]; 5] = [b"", b"PRI * HT", b"GET /healthz HT", preface, &settings];
    let mut streams = Vec::new();
    for beginning in beginnings {
        let mut stream = connect(&host).await?;
        stream.write_all(beginning).await?;
        streams.push(stream);
    }
    for mut stream in streams {
        rest(&mut stream).await?;
    }
    Ok(())
}

/// Begins a webhook and waits until the host reads its body.
async fn begin(host: &Host, channel: &str) -> Result<TcpStream> {
    let mut stream = connect(host).await?;
    let head = format!(
        "POST /hooks/{channel} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut told = [0; 25];
    stream.read_exact(&mut told).await?;
    ensure!(told.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&told));
    Ok(stream)
}

#[tokio::test]
async fn bodies_that_drip_on_one_channel_refuse_no_webhook_of_another_nor_of_their_own() -> Result<()> {
    let provider = Provider::agreeable().await?;
    // As many places for calls as there are bodies that drip.
    let setup = Setup::shop(&provider.url())?.with(&format!("[channels.{TELEGRAM}.limits]\nwebhooks = 40"));
    let host = Host::start(&setup).await?;
    let mut dripping = Vec::new();
    for _ in 0..40 {
        let mut stream = begin(&host, TELEGRAM).await?;
        stream.write_all(b"1\r\n{\r\n").await?;
        dripping.push(stream);
    }
    for n in 0..20 {
        host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", &format!("w{n}"), "hello"))).await?;
        host.take(TELEGRAM, &telegram(&telegram_text(77, n, "hello"))).await?;
    }
    let answer = rest(&mut dripping[0]).await?;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("urn:jackfield:problem:timeout"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn one_channel_takes_a_part_of_the_room_for_bodies_only() -> Result<()> {
    let (host, _provider) = shop().await?;
    // 40 times 3.9 MiB would be more than all the room there is.
    let size = (4 << 20) - (100 << 10);
    let mut large = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let mut stream = begin(&host, TELEGRAM).await?;
        large.spawn(async move {
            let chunk = [format!("{size:x}\r\n").as_bytes(), &vec![b' '; size]].concat();
            // The host may refuse it in the middle.
            drop(stream.write_all(&chunk).await);
            rest(&mut stream).await
        });
    }
    for n in 0..20 {
        host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", &format!("w{n}"), "hello"))).await?;
    }
    // The room of a channel is 32 MiB, which is room for 8 of them. Those wait for the end of their bodies.
    for _ in 0..32 {
        let answer = large.join_next().await.context("one of 40")??;
        let answer = answer?;
        // On a busy machine some come too slowly before they are refused.
        let is_refused = answer.starts_with("HTTP/1.1 503 ") || answer.starts_with("HTTP/1.1 408 ");
        assert!(answer.is_empty() || is_refused, "{answer}");
    }
    Ok(())
}

/// A key with a role, and a client with it.
async fn key(host: &Host, role: &str) -> Result<(String, String)> {
    let made = host.api.post("/v1/keys", &json!({ "name": role, "role": role })).await?.json();
    let text = |name: &str| made[name].as_str().map(str::to_owned).with_context(|| made.to_string());
    Ok((text("id")?, text("key")?))
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked_and_tells_nothing_that_came_after_that() -> Result<()> {
    let (host, _provider) = shop().await?;
    let (id, operator) = key(&host, "operator").await?;
    let mut feed = Feed::open(host.api.base(), &operator, "/v1/events?types=message.received", None).await?;
    let log = format!("/v1/channels/{WHATSAPP}/log");
    let mut log = Feed::open(host.api.base(), &operator, &log, None).await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "before", "hello"))).await?;
    assert!(feed.next().await?.is_some_and(|event| event.data["message"]["external_id"] == "before"));
    let revoked = host.api.post(&format!("/v1/keys/{id}/revoke"), &json!({})).await?;
    ensure!(revoked.status == 200, "{}", revoked.text());
    host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "after", "TOP SECRET"))).await?;
    assert!(feed.next().await?.is_none());
    while let Some(line) = log.next().await? {
        assert!(!line.data.to_string().contains("TOP SECRET"));
    }
    Ok(())
}

#[tokio::test]
async fn a_key_opens_a_bounded_number_of_streams_and_another_key_is_not_held_up() -> Result<()> {
    let (host, _provider) = shop().await?;
    let (_, reader) = key(&host, "reader").await?;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(Feed::open(host.api.base(), &reader, "/v1/events", None).await?);
    }
    assert!(Feed::open(host.api.base(), &reader, "/v1/events", None).await.is_err());
    Feed::open(host.api.base(), &host.key, "/v1/events", None).await?;
    Ok(())
}

#[tokio::test]
async fn one_fact_with_many_events_comes_in_pages_and_nothing_is_missed_or_doubled() -> Result<()> {
    use jackfield_tests::webhooks::{whatsapp_message, whatsapp_value};
    let (host, _provider) = shop().await?;
    let messages: Vec<Value> = (0..450).map(|n| whatsapp_message("62811", &format!("w{n}"), "hello")).collect();
    let contacts = json!([{ "profile": { "name": "Ana" }, "wa_id": "62811" }]);
    host.take(WHATSAPP, &meta(&whatsapp_value(json!({ "contacts": contacts, "messages": messages })))).await?;
    let mut feed = Feed::open(host.api.base(), &host.key, "/v1/events?after=0&types=message.received", None).await?;
    let mut seen = Vec::new();
    for n in 0..450 {
        if n == 220 {
            // Between two pages, and in the middle of the fact.
            let last: Option<&(String, Value)> = seen.last();
            let last = last.map(|(id, _)| id.clone());
            feed = Feed::open(host.api.base(), &host.key, "/v1/events?types=message.received", last.as_deref()).await?;
        }
        let event = feed.next().await?.context("an event")?;
        seen.push((event.id, event.data["message"]["external_id"].clone()));
    }
    let ids: Vec<Value> = seen.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, (0..450).map(|n| json!(format!("w{n}"))).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn an_event_beyond_the_end_of_the_journal_is_told_apart_from_silence() -> Result<()> {
    let (host, _provider) = shop().await?;
    let answer = host.api.send(Method::GET, "/v1/events", &[("last-event-id", "999999.3")], Bytes::new()).await?;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (409, &json!("unknown_event")), "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn a_channel_that_is_polled_has_no_webhook_and_parks_nothing() -> Result<()> {
    let path = paths::component("poller")?;
    let channel = format!("[connectors.poller]\npath = {path:?}\n[channels.polled]\nconnector = \"poller\"");
    let host = Host::start(&Setup::new().with(&channel)).await?;
    let answer = host.hook("polled", &Webhook { body: String::from("{}"), headers: vec![] }).await?;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("not_found")), "{}", answer.text());
    assert_eq!(host.api.read("/v1/parked").await?["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_reader_sees_that_something_is_parked_and_not_what() -> Result<()> {
    let setup = Setup::new().guest("dying", "hostile", "do = \"traps\"")?;
    let host = Host::start(&setup).await?;
    host.hook("dying", &Webhook { body: String::from("a private matter"), headers: vec![] }).await?;
    let (_, reader) = key(&host, "reader").await?;
    let reader = host.api.with_key(Some(&reader));
    let list = reader.read("/v1/parked").await?;
    let id = list["items"][0]["id"].as_str().context("something is parked")?.to_owned();
    assert!(!list.to_string().contains("a private matter"), "{list}");
    assert_eq!(reader.get(&format!("/v1/parked/{id}")).await?.status, 403);
    assert_eq!(host.api.read(&format!("/v1/parked/{id}")).await?["content"], "a private matter");
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_that_nothing_would_keep_is_refused() -> Result<()> {
    let (host, _provider) = shop().await?;
    let headers = [("content-type", "application/json"), ("idempotency-key", "order-4711")];
    for path in
        [format!("/v1/channels/{WHATSAPP}/pause"), String::from("/v1/reload"), String::from("/v1/parked/replay")]
    {
        let answer = host.api.send(Method::POST, &path, &headers, "{}").await?;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status.as_u16(), code), (400, json!("idempotency_unsupported")), "{path}");
    }
    assert_eq!(host.api.read(&format!("/v1/channels/{WHATSAPP}")).await?["state"], "active");
    Ok(())
}

#[tokio::test]
async fn files_that_clients_bring_share_a_quota_and_the_same_content_counts_once() -> Result<()> {
    let home = Home::new(&Setup::new().with("[files]\nquota-mib = 1")).await?;
    let host = home.start().await?;
    async fn bring(host: &Host, letter: u8) -> Result<u16> {
        let answer = host.api.send(Method::POST, "/v1/files", &[], vec![letter; 600 << 10]).await?;
        Ok(answer.status.as_u16())
    }
    assert_eq!((bring(&host, b'a').await?, bring(&host, b'b').await?), (201, 507));
    host.stop().await?;
    let host = home.start().await?;
    assert_eq!(bring(&host, b'b').await?, 507, "it is counted across a restart");
    let answer = host.api.send(Method::POST, "/v1/files", &[], vec![b'c'; 300 << 10]).await?;
    assert_eq!(answer.status, 201, "what did not fit took nothing: {}", answer.text());
    Ok(())
}

#[tokio::test]
async fn a_file_is_kept_by_clients_and_read_in_parts() -> Result<()> {
    let (host, _provider) = shop().await?;
    host.take(WHATSAPP, &meta(&whatsapp_text("62811", "Ana", "w1", "hello"))).await?;
    let customer = host.api.customer_with("whatsapp:62811").await?;
    let brought = host.api.send(Method::POST, "/v1/files", &[], "0123456789").await?.json();
    let part = json!({ "type": "image", "file": brought["sha256"], "mime": "image/png" });
    let sent = host.api.post(&format!("/v1/customers/{customer}/messages"), &json!({ "parts": [part] })).await?;
    let message = sent.json()["message_id"].as_str().with_context(|| sent.text())?.to_owned();
    let path = format!("/v1/messages/{message}/attachments/0");
    let get = async |headers: &[(&str, &str)]| host.api.send(Method::GET, &path, headers, Bytes::new()).await;
    let whole = get(&[]).await?;
    let header = |name: &str| whole.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((whole.status.as_u16(), whole.text().as_str()), (200, "0123456789"));
    assert!(header("cache-control").contains("immutable"), "{:?}", whole.headers);
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    let tag = header("etag");
    let again = get(&[("if-none-match", tag)]).await?;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let some = get(&[("range", "bytes=2-4")]).await?;
    assert_eq!((some.status.as_u16(), some.text().as_str()), (206, "234"));
    assert_eq!(some.headers["content-range"], "bytes 2-4/10");
    assert_eq!(get(&[("range", "bytes=10-")]).await?.status, 416);
    assert_eq!(host.api.get("/v1/inbox").await?.headers["cache-control"], "no-store", "and nothing else is kept");
    Ok(())
}

#[tokio::test]
async fn a_host_that_starts_lives_and_says_that_it_is_not_ready() -> Result<()> {
    // A registry that takes the connection and never answers keeps the host from getting ready.
    let registry = TcpListener::bind("127.0.0.1:0").await?;
    let name = registry.local_addr()?;
    let setup = Setup::new().with(&format!(
        "[registries.\"{name}\"]\ninsecure = true\n[connectors.late]\noci = \"{name}/acme/late@sha256:{}\"",
        "0".repeat(64)
    ));
    let folder = tempfile::tempdir()?;
    let config = setup.write(folder.path())?;
    let mut process = command(&["serve", "--config", &config.to_string_lossy()])?
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()?;
    let mut lines = BufReader::new(process.stderr.take().context("the log")?).lines();
    let address = async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, address)) = line.split_once("address=") {
                return anyhow::Ok(address.trim().to_owned());
            }
        }
        anyhow::bail!("the host ended")
    };
    let address = tokio::time::timeout(ENOUGH, address).await??;
    let (_asked, _) = tokio::time::timeout(ENOUGH, registry.accept()).await??;
    let api = Client::new(&format!("http://{address}"), None);
    assert_eq!(api.get("/healthz").await?.status, 200);
    for path in ["/readyz", "/hooks/shop", "/v1/inbox"] {
        let answer = api.get(path).await?;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("starting")), "{path}");
        assert!(answer.headers.contains_key("retry-after"));
    }
    process.kill().await?;
    Ok(())
}
