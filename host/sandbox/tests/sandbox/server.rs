//! The other end: an HTTP server on loopback that answers, byte for byte, what a test tells it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with a request.
pub enum Answer {
    /// Write this and go on.
    Bytes(Vec<u8>),
    /// Write this and close.
    Last(Vec<u8>),
    /// Write this and never anything more.
    Stall(Vec<u8>),
}

/// A running server.
pub struct Server {
    /// Its origin.
    pub origin: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts one. `answer` sees a whole request, head and body.
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), answer.clone()));
            }
        });
        Self { origin, requests }
    }

    /// Everything that came, each as it stood on the wire.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A URL below what the guest's manifest asks for.
    pub fn url(&self, path: &str) -> String {
        format!("{}/allowed/{path}", self.origin)
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, answer: Arc<impl Fn(&str) -> Answer>) {
    while let Some(request) = read(&mut stream).await {
        let answered = answer(&request);
        seen.lock().unwrap().push(request);
        let (bytes, goes_on) = match answered {
            Answer::Bytes(bytes) => (bytes, true),
            Answer::Last(bytes) => (bytes, false),
            Answer::Stall(bytes) => {
                let _ = stream.write_all(&bytes).await;
                tokio::time::sleep(Duration::from_secs(3600)).await;
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() || !goes_on {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A response of 200 with these headers (each ended by CRLF) and this body.
pub fn ok(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
