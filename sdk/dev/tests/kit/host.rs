//! What `jackfield-dev dev` says to a host, and what it makes of the answers.

use std::path::Path;
use std::sync::{Arc, Mutex};

use jackfield_dev::conformance::{self, Plan};
use jackfield_dev::host::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A host that gives one answer, and everything that it was told.
async fn host((status, body): (&'static str, &'static str)) -> (Host, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let book = told.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            while !is_whole(&bytes) {
                stream.read_buf(&mut bytes).await.unwrap();
            }
            book.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (Host::new(&url, "the-key").unwrap(), told)
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

const CREATED: (&str, &str) = ("201 Created", r#"{"generation": 3, "stage": "active"}"#);
const REFUSED: (&str, &str) = ("422 Unprocessable Content", r#"{"detail": "The component is not signed."}"#);

#[tokio::test]
async fn a_component_is_uploaded_as_the_next_generation() {
    let (host, told) = host(CREATED).await;
    assert_eq!(host.upload("door-bell", b"\0asm".to_vec()).await.unwrap(), "generation 3: active");
    let request = told.lock().unwrap()[0].to_lowercase();
    assert!(request.starts_with("post /v1/connectors/door-bell/generations http/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: bearer the-key\r\n"), "{request}");
    assert!(request.contains("content-type: application/wasm\r\n"), "{request}");
    assert!(request.ends_with("\0asm"));
}

#[tokio::test]
async fn a_refusal_says_what_the_host_said() {
    let (host, _) = host(REFUSED).await;
    let error = host.upload("door-bell", Vec::new()).await.unwrap_err().to_string();
    assert!(error.contains("422") && error.contains("The component is not signed."), "{error}");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named() {
    let host = Host::new("http://127.0.0.1:1", "the-key").unwrap();
    let error = format!("{:#}", host.upload("door-bell", Vec::new()).await.unwrap_err());
    assert!(error.contains("does not answer at http://127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_fixture_is_replayed_as_the_provider_would_send_it() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors/telegram/fixtures");
    let plan = Plan::read(&fixtures).unwrap();
    let file = fixtures.join("updates.json");
    let requests = conformance::replay(&plan, &file, std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(requests.len(), 35, "each element is a delivery of its own");

    let (host, told) = host(CREATED).await;
    let first = requests.into_iter().next().unwrap();
    assert_eq!(host.replay("tg-main", &first.headers, first.body).await.unwrap(), 201);
    let request = told.lock().unwrap()[0].to_lowercase();
    assert!(request.starts_with("post /hooks/tg-main http/1.1\r\n"), "{request}");
    assert!(request.contains("x-telegram-bot-api-secret-token: an-agreed-word\r\n"), "{request}");
    assert!(!request.contains("authorization"), "a provider has no key");
}

const LOG: &str = ": open\n\nid: 4\ndata: {\"at\": \"x\", \"level\": \"info\", \"function\": \"receive\", \"message\": \"hello\"}\n\n\
                   id: 5\ndata: {\"at\": \"x\", \"level\": \"error\", \"function\": \"poll\", \"message\": \"It trapped.\"}\n\n";

#[tokio::test]
async fn the_log_of_a_channel_is_followed_from_where_it_broke_off() {
    let (host, told) = host(("200 OK", LOG)).await;
    let (mut last, lines) = (None, Mutex::new(Vec::new()));
    for _ in 0..2 {
        host.follow("tg-main", &mut last, |line| lines.lock().unwrap().push(line)).await.unwrap();
    }
    assert_eq!(lines.lock().unwrap()[..2], ["tg-main receive info: hello", "tg-main poll error: It trapped."]);
    let told = told.lock().unwrap();
    assert!(told[0].to_lowercase().starts_with("get /v1/channels/tg-main/log?lines=0 "), "{}", told[0]);
    assert!(told[1].to_lowercase().contains("last-event-id: 5\r\n"), "{}", told[1]);
}

#[tokio::test]
async fn the_channels_of_a_connector_are_those_that_the_host_says() {
    let (host, _) = host(("200 OK", r#"{"name": "door-bell", "channels": ["a", "b"]}"#)).await;
    assert_eq!(host.channels("door-bell").await.unwrap(), ["a", "b"]);
}
