//! Files: the host carries them, under the channel's grants, and no more than it may.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use jackfield_core::event::Media;
use jackfield_sandbox::{Call, CallErrorKind, Channel, Failure, Fetched, Secret, Upload};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::fixture::{hostile, online, sandbox};
use crate::server::{Answer, Server, ok};

fn sum(content: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, content).as_ref())
}

fn attachment(wish: &Value) -> Media {
    Media {
        id: Some("file-1".to_owned()),
        url: None,
        mime: None,
        filename: Some("../a.png".to_owned()),
        size: None,
        sha256: None,
        caption: Some(wish.to_string()),
    }
}

/// Fetches what the wish says; the answer, and what came.
async fn fetch(channel: &Channel, wish: Value) -> (Call<Fetched>, Vec<u8>) {
    let mut sink = Vec::new();
    let call = channel.fetch_media(attachment(&wish), &mut sink).await.unwrap();
    (call, sink)
}

async fn bound(server: &Server) -> Channel {
    hostile().await.bind(online("files", &server.origin)).unwrap()
}

fn denied(call: &Call<Fetched>) -> &str {
    match &call.result {
        Err(Failure::Misconfigured(problem)) => &problem.message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_is_fetched_by_the_host_with_the_channels_credential() {
    let server = Server::start(|_| Answer::Bytes(ok("content-type: image/png; x=y\r\n", "the picture"))).await;
    let mut binding = online("files", &server.origin);
    binding.secrets.insert("path-key".to_owned(), Secret::new("12345:path-value"));
    binding.secrets.insert("bearer-key".to_owned(), Secret::new("bearer-value"));
    let channel = hostile().await.bind(binding).unwrap();
    let url = format!("{}/bot{{path-key}}/file", server.origin);
    let (call, content) = fetch(&channel, json!({"url": url, "headers": [["x-mine", "1"]]})).await;
    assert_eq!(content, b"the picture");
    let fetched = call.result.unwrap();
    let (mime, filename) = (Some("image/png".to_owned()), Some("a.png".to_owned()));
    assert_eq!(fetched, Fetched { mime, filename, size: 11, sha256: sum(b"the picture") });
    assert_eq!((call.effects.usage.http_requests, call.effects.usage.http_response_bytes), (1, 11));
    let sent = &server.requests()[0];
    assert!(sent.starts_with("GET /bot12345:path-value/file HTTP"), "{sent}");
    assert!(sent.contains("authorization: Bearer bearer-value\r\n") && sent.contains("x-mine: 1\r\n"), "{sent}");
}

#[tokio::test]
async fn a_connector_may_ask_first_where_a_file_is() {
    let server = Server::start(|request| match request.contains("/ask") {
        true => {
            let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
            Answer::Bytes(ok("", format!("http://{host}/allowed/real")))
        }
        false => Answer::Bytes(ok("", "found")),
    })
    .await;
    let (call, content) = fetch(&bound(&server).await, json!({"ask": server.url("ask"), "mime": "text/plain"})).await;
    assert_eq!((content.as_slice(), call.result.unwrap().mime.as_deref()), (&b"found"[..], Some("text/plain")));
    assert_eq!(call.effects.usage.http_requests, 2);
}

#[tokio::test]
async fn a_file_that_is_here_already_is_written_as_it_is() {
    let server = Server::start(|_| Answer::Bytes(ok("", ""))).await;
    let (call, content) = fetch(&bound(&server).await, json!({"inline": "mail", "filename": "a.eml"})).await;
    assert_eq!((content.as_slice(), call.result.unwrap().sha256), (&b"mail"[..], sum(b"mail")));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_file_from_where_nothing_is_granted_is_not_fetched() {
    let server = Server::start(|_| Answer::Bytes(ok("", "secret"))).await;
    let channel = bound(&server).await;
    let port = server.origin.rsplit(':').next().unwrap();
    for url in [
        format!("{}/other", server.origin),
        format!("{}/allowed/../other", server.origin),
        format!("http://localhost:{port}/allowed/x"),
        format!("http://[::ffff:127.0.0.1]:{port}/allowed/x"),
        format!("http://user@127.0.0.1:{port}/allowed/x"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "/etc/passwd".to_owned(),
    ] {
        let (call, content) = fetch(&channel, json!({"url": url})).await;
        assert!(denied(&call).contains("refused"), "{url}: {:?}", call.result);
        assert_eq!((content.len(), call.effects.usage.denials), (0, 1), "{url}");
    }
    let wish = json!({"url": "file:///etc/passwd"});
    let error = channel.fetch_media(attachment(&wish), &mut Vec::new()).await.unwrap_err();
    assert!(error.message.contains("its URL is none"), "{error}");
    let (call, _) = fetch(&channel, json!({"url": server.url("x"), "method": "DELETE"})).await;
    denied(&call);
    let (call, _) = fetch(&channel, json!({"url": server.url("x"), "headers": [["x-forwarded-for", "1"]]})).await;
    denied(&call);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_file_at_a_private_address_needs_the_grant_for_it() {
    let server = Server::start(|_| Answer::Bytes(ok("", "secret"))).await;
    let port = server.origin.rsplit(':').next().unwrap();
    for target in [server.origin.clone(), format!("http://localhost:{port}")] {
        let mut binding = online("files", &target);
        binding.grants.private_addresses.clear();
        let channel = hostile().await.bind(binding).unwrap();
        let (call, _) = fetch(&channel, json!({"url": format!("{target}/allowed/x")})).await;
        assert!(denied(&call).contains("not a public address"), "{:?}", call.result);
        assert_eq!(call.effects.usage.denials, 1);
    }
    assert!(server.requests().is_empty());
}

/// A server that sends everybody elsewhere.
async fn redirecting(location: String) -> Server {
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    Server::start(move |_| Answer::Bytes(answer.clone())).await
}

#[tokio::test]
async fn a_redirect_to_a_private_or_ungranted_address_is_not_followed() {
    let inside = Server::start(|_| Answer::Bytes(ok("", "inside"))).await;
    for location in [
        inside.url("x"),
        "http://169.254.169.254/latest".to_owned(),
        "gopher://x/".to_owned(),
        "//evil.example/".to_owned(),
    ] {
        let server = redirecting(location.clone()).await;
        let (call, content) = fetch(&bound(&server).await, json!({"url": server.url("x")})).await;
        denied(&call);
        assert!(content.is_empty() && server.requests().len() == 1, "{location}");
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_neither_tells_a_path_credential_nor_gets_one() {
    let key = "12345:path-value";
    for location in [
        format!("/bot{key}//x"),
        format!("/bot{key}%2fx"),
        format!("/elsewhere/{key}"),
        "/bot{path-key}/stolen".to_owned(),
        "/bot%7Bpath-key%7D/stolen".to_owned(),
    ] {
        let server = redirecting(location.clone()).await;
        let mut binding = online("files", &server.origin);
        binding.secrets.insert("path-key".to_owned(), Secret::new(key));
        let channel = hostile().await.bind(binding).unwrap();
        let (call, _) = fetch(&channel, json!({"url": format!("{}/bot{{path-key}}/file", server.origin)})).await;
        let told = format!("{:?} {:?}", call.result, call.effects.log);
        assert!(!told.contains(key) && !told.contains("path-value"), "{told}");
        denied(&call);
        assert_eq!(server.requests().len(), 1, "{location}");
    }
}

#[tokio::test]
async fn a_granted_redirect_is_followed_without_the_credential_of_the_first_server() {
    let other = Server::start(|_| Answer::Bytes(ok("", "moved here"))).await;
    let server = redirecting(format!("{}/moved", other.origin)).await;
    let mut binding = online("files", &server.origin);
    binding.config["second"] = Value::from(other.origin.as_str());
    binding.grants.http.push(other.origin.parse().unwrap());
    binding.grants.private_addresses.push(other.origin.parse().unwrap());
    binding.secrets.insert("bearer-key".to_owned(), Secret::new("bearer-value"));
    let channel = hostile().await.bind(binding).unwrap();
    let (call, content) = fetch(&channel, json!({"url": server.url("x"), "headers": [["x-mine", "1"]]})).await;
    assert_eq!(content, b"moved here", "{:?}", call.result);
    assert!(server.requests()[0].contains("Bearer bearer-value"));
    let second = &other.requests()[0];
    assert!(!second.contains("bearer-value") && !second.contains("x-mine"), "{second}");
}

#[tokio::test]
async fn redirects_without_end_end() {
    let server = redirecting("/allowed/again".to_owned()).await;
    let (call, _) = fetch(&bound(&server).await, json!({"url": server.url("x")})).await;
    assert!(denied(&call).contains("more than 3 times"));
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_file_over_the_bound_is_refused_whether_its_size_is_told_or_not() {
    let long = Server::start(|_| Answer::Bytes(ok("", vec![b'x'; 5_000]))).await;
    let chunked = Server::start(|_| {
        let piece = format!("3E8\r\n{}\r\n", "x".repeat(1_000)).repeat(5);
        Answer::Bytes(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{piece}0\r\n\r\n").into_bytes())
    })
    .await;
    for server in [long, chunked] {
        let mut binding = online("files", &server.origin);
        binding.limits.media_bytes = 4 << 10;
        let channel = hostile().await.bind(binding).unwrap();
        let (call, content) = fetch(&channel, json!({"url": server.url("x")})).await;
        match call.result {
            Err(Failure::Rejected(problem)) => assert_eq!(problem.message, "The file has more than 4 KiB."),
            other => panic!("{other:?}"),
        }
        assert!(content.len() <= 4 << 10);
        // Told beforehand, it is not even asked for.
        let (call, _) = fetch(&channel, json!({"url": server.url("x"), "size": 5_000})).await;
        assert!(matches!(call.result, Err(Failure::Rejected(_))));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_file_that_is_not_the_promised_one_is_refused() {
    let server = Server::start(|_| Answer::Bytes(ok("", "abc"))).await;
    let channel = bound(&server).await;
    for wish in [json!({"url": server.url("x"), "size": 4}), json!({"url": server.url("x"), "sha256": sum(b"abd")})] {
        let (call, _) = fetch(&channel, wish).await;
        assert!(matches!(call.result, Err(Failure::Retry { .. })), "{:?}", call.result);
    }
    let right = json!({"url": server.url("x"), "size": 3, "sha256": sum(b"abc").to_uppercase()});
    assert!(fetch(&channel, right).await.0.result.is_ok());
}

#[tokio::test]
async fn what_the_server_says_becomes_what_to_do() {
    for (status, headers, kind) in [
        ("404 Not Found", "", "rejected"),
        ("401 Unauthorized", "", "credentials"),
        ("429 Slow", "retry-after: 2\r\n", "rate-limited 2000"),
        ("503 Later", "", "retry"),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n").into_bytes();
        let server = Server::start(move |_| Answer::Bytes(answer.clone())).await;
        let (call, _) = fetch(&bound(&server).await, json!({"url": server.url("x")})).await;
        let told = match call.result.unwrap_err() {
            Failure::Rejected(_) => "rejected".to_owned(),
            Failure::Credentials(_) => "credentials".to_owned(),
            Failure::RateLimited { after_ms: Some(ms), .. } => format!("rate-limited {ms}"),
            Failure::Retry { .. } => "retry".to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(told, kind, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_drips_a_file_costs_its_time_and_no_more() {
    let server = Server::start(|_| Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx".to_vec())).await;
    let mut binding = online("files", &server.origin);
    binding.limits.media_wall = Duration::from_millis(300);
    let channel = hostile().await.bind(binding).unwrap();
    let (call, _) = fetch(&channel, json!({"url": server.url("x")})).await;
    assert!(matches!(call.result, Err(Failure::Retry { .. })), "{:?}", call.result);
}

#[tokio::test]
async fn files_on_their_way_are_bounded_and_hold_no_place_of_a_call() {
    let server = Server::start(|_| Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx".to_vec())).await;
    let mut binding = online("files", &server.origin);
    binding.limits.media_wall = Duration::from_millis(500);
    binding.limits.queue = Duration::from_millis(20);
    (binding.limits.media_concurrency, binding.limits.concurrency) = (1, 1);
    let channel = hostile().await.bind(binding).unwrap();
    let wish = attachment(&json!({"url": server.url("x")}));
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let first = channel.fetch_media(wish.clone(), &mut one);
    let second = channel.fetch_media(wish.clone(), &mut two);
    let (first, second, call) = tokio::join!(first, second, async { channel.poll(None).await });
    assert!(matches!(first.unwrap().result, Err(Failure::Retry { .. })));
    assert_eq!(second.unwrap_err().kind, CallErrorKind::Busy);
    assert!(call.unwrap().result.is_ok(), "a call waited for a file");
}

#[tokio::test]
async fn what_this_host_does_not_know_is_unsupported() {
    let server = Server::start(|_| Answer::Bytes(ok("", ""))).await;
    let channel = bound(&server).await;
    let (call, _) = fetch(&channel, json!({"how": "other"})).await;
    assert!(matches!(call.result, Err(Failure::Unsupported(_))), "{:?}", call.result);
    let call = upload(&channel, &file(b"x"), json!({"how": "other"})).await;
    assert!(matches!(call.result, Err(Failure::Unsupported(_))), "{:?}", call.result);
}

#[tokio::test]
async fn without_the_interface_a_file_is_at_its_url() {
    let golden = include_bytes!("../../../../tests/golden/0.1/rust.wasm").to_vec();
    let server = Server::start(|_| Answer::Bytes(ok("", "plain"))).await;
    let mut binding = online("files", &server.origin);
    binding.config = json!({"target": server.origin});
    binding.grants.http = vec![server.origin.parse().unwrap()];
    let channel = sandbox().load(golden).await.unwrap().bind(binding).unwrap();
    let (mut media, mut sink) = (attachment(&json!({})), Vec::new());
    let call = channel.fetch_media(media.clone(), &mut sink).await.unwrap();
    assert!(matches!(call.result, Err(Failure::Unsupported(_))), "{:?}", call.result);
    media.url = Some(format!("{}/golden/file", server.origin));
    let call = channel.fetch_media(media, &mut sink).await.unwrap();
    assert!(call.result.is_ok() && sink == b"plain", "{:?}", call.result);
    let call = channel.upload_media(&file(b"x"), "key").await.unwrap();
    assert!(matches!(call.result, Err(Failure::Unsupported(_))), "{:?}", call.result);
}

fn file(content: &[u8]) -> Upload {
    Upload {
        kind: "image".to_owned(),
        filename: "a \"b\".png".to_owned(),
        mime: "image/png".to_owned(),
        size: u64::try_from(content.len()).unwrap(),
        sha256: sum(content),
        content: std::sync::Arc::new(Bytes::copy_from_slice(content)),
    }
}

async fn upload(channel: &Channel, file: &Upload, wish: Value) -> Call<Media> {
    channel.upload_media(file, &wish.to_string()).await.unwrap()
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn a_file_is_uploaded_as_it_is() {
    let server = Server::start(|_| Answer::Bytes(ok("", "media-7"))).await;
    let mut binding = online("files", &server.origin);
    binding.secrets.insert("bearer-key".to_owned(), Secret::new("bearer-value"));
    let channel = hostile().await.bind(binding).unwrap();
    let call = upload(&channel, &file(b"content"), json!({"url": server.url("up"), "how": "bytes"})).await;
    assert_eq!(call.result.unwrap().id.as_deref(), Some("media-7"));
    assert_eq!((call.effects.usage.http_requests, call.effects.usage.http_request_bytes), (1, 7));
    let sent = &server.requests()[0];
    for part in ["POST /allowed/up HTTP", "content-type: image/png\r\n", "content-length: 7\r\n", "Bearer bearer-value"]
    {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    assert_eq!(body(sent), "content");
}

#[tokio::test]
async fn a_file_is_uploaded_in_a_form() {
    let server = Server::start(|_| Answer::Bytes(ok("", "media-8"))).await;
    let call = upload(&bound(&server).await, &file(b"content"), json!({"url": server.url("up"), "how": "form"})).await;
    assert_eq!(call.result.unwrap().id.as_deref(), Some("media-8"));
    let sent = &server.requests()[0];
    let boundary = sent.split_once("boundary=").unwrap().1.split("\r\n").next().unwrap();
    let expected = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"messaging_product\"\r\n\r\nwhats\"app\r\n\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a %22b%22.png\"\r\ncontent-type: image/png\r\n\r\ncontent\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"last\"\r\n\r\n1\r\n--{boundary}--\r\n"
    );
    assert_eq!(body(sent), expected);
}

#[tokio::test]
async fn a_file_is_uploaded_in_pieces() {
    let server = Server::start(|_| Answer::Bytes(ok("", "media-9"))).await;
    let content: Vec<u8> = (0..2_500_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let call = upload(&bound(&server).await, &file(&content), json!({"url": server.url("up"), "how": "pieces"})).await;
    assert_eq!(call.result.unwrap().id.as_deref(), Some("media-9"));
    let sent = server.requests();
    assert_eq!(sent.iter().map(|request| body(request).len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
    assert_eq!(sent.iter().map(|request| body(request)).collect::<String>().as_bytes(), content);
}

#[tokio::test]
async fn a_refused_upload_is_what_the_connector_makes_of_it_and_shows_no_secret() {
    let answer = b"HTTP/1.1 400 Bad\r\ncontent-length: 16\r\n\r\nbad bearer-value".to_vec();
    let server = Server::start(move |_| Answer::Bytes(answer.clone())).await;
    let mut binding = online("files", &server.origin);
    binding.secrets.insert("bearer-key".to_owned(), Secret::new("bearer-value"));
    let channel = hostile().await.bind(binding).unwrap();
    let call = upload(&channel, &file(b"x"), json!({"url": server.url("up"), "how": "bytes"})).await;
    match call.result {
        Err(Failure::Retry { problem, .. }) => assert_eq!(problem.message, "400: bad [redacted]"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_goes_only_where_it_is_granted() {
    let server = Server::start(|_| Answer::Bytes(ok("", "stolen"))).await;
    let channel = bound(&server).await;
    for url in [format!("{}/other", server.origin), "https://evil.example/allowed/x".to_owned()] {
        let call = upload(&channel, &file(b"x"), json!({"url": url, "how": "bytes"})).await;
        assert!(matches!(call.result, Err(Failure::Misconfigured(_))), "{:?}", call.result);
        assert_eq!(call.effects.usage.denials, 1);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn transfers_without_end_end() {
    let server = Server::start(|_| Answer::Bytes(ok("", "again"))).await;
    let call = upload(&bound(&server).await, &file(b"x"), json!({"url": server.url("up"), "how": "endless"})).await;
    match call.result {
        Err(Failure::Rejected(problem)) => assert!(problem.message.contains("more than 100 transfers"), "{problem:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.requests().len(), 100);
}

#[tokio::test]
async fn a_context_or_an_attachment_that_breaks_the_contract_is_refused() {
    let server = Server::start(|_| Answer::Bytes(ok("", ""))).await;
    let channel = bound(&server).await;
    let huge = json!({"url": server.url("up"), "how": "bytes", "context_bytes": (16 << 10) + 1});
    let error = channel.upload_media(&file(b"x"), &huge.to_string()).await.unwrap_err();
    assert_eq!(error.message, "The context of a transfer has more than 16 KiB.");
    let error = channel.upload_media(&file(b"x"), &json!({"how": "nothing"}).to_string()).await.unwrap_err();
    assert!(error.message.contains("neither an id nor a URL"), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_file_that_shrank_meanwhile_is_not_sent_as_if_it_were_whole() {
    let server = Server::start(|_| Answer::Bytes(ok("", "media"))).await;
    let shrunk = Upload { size: 100, ..file(b"short") };
    let call = upload(&bound(&server).await, &shrunk, json!({"url": server.url("up"), "how": "bytes"})).await;
    assert!(matches!(call.result, Err(Failure::Retry { .. })), "{:?}", call.result);
}
