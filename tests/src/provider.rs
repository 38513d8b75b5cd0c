//! A stand-in for a provider's API, on loopback: it writes down what it is sent and answers by script.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A request that the stand-in was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers; names are lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Seen {
    /// The body as JSON; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it is a message, and no question who somebody is.
    fn is_message(&self) -> bool {
        self.method == "POST" && !self.path.ends_with("/getChat")
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Script {
    /// This.
    Answer {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// Close the connection once the request has been read: the sender cannot know.
    HangUp,
    /// Never answer.
    Silence,
    /// Answer once this is true.
    Held(watch::Receiver<bool>, Box<Script>),
}

impl Script {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", String::from("application/json"))];
        Self::Answer { status, headers, body: body.to_string() }
    }
}

type Responder = Box<dyn Fn(&Seen, usize) -> Script + Send + Sync>;

struct Shared {
    seen: Mutex<Vec<Seen>>,
    script: Mutex<VecDeque<Script>>,
    usual: Responder,
    count: watch::Sender<usize>,
}

/// A running stand-in; it stops when it is dropped.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    /// A stand-in that answers with `usual` where nothing else was scripted.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(usual: impl Fn(&Seen, usize) -> Script + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            script: Mutex::default(),
            usual: Box::new(usual),
            count: watch::channel(0).0,
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    /// One that takes every message the way Meta's and Telegram's APIs do.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn agreeable() -> Result<Self> {
        Self::start(agree).await
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request with this.
    pub fn next(&self, script: Script) {
        self.shared.script.lock().unwrap_or_else(PoisonError::into_inner).push_back(script);
    }

    /// Everything it was sent so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The messages it was sent, without the questions who somebody is.
    #[must_use]
    pub fn messages(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(Seen::is_message).collect()
    }

    /// Waits until it was sent this many messages.
    ///
    /// # Errors
    /// When they do not come in ten seconds.
    pub async fn wait_for(&self, messages: usize) -> Result<Vec<Seen>> {
        let mut count = self.shared.count.subscribe();
        let come = async {
            while self.messages().len() < messages {
                if count.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), come)
            .await
            .map_err(|_| anyhow::anyhow!("{} of {messages} messages came: {:?}", self.messages().len(), self.seen()))?;
        Ok(self.messages())
    }
}

fn agree(seen: &Seen, number: usize) -> Script {
    let body = seen.json();
    if seen.path.contains("/bot") {
        let chat = body["chat_id"].clone();
        return match seen.path.rsplit('/').next().unwrap_or_default() {
            "getChat" => Script::json(200, &json!({ "ok": true, "result": { "id": chat, "first_name": "Budi" } })),
            _ => {
                let result = json!({ "message_id": 9000 + number, "date": 1_790_000_000, "chat": { "id": chat } });
                Script::json(200, &json!({ "ok": true, "result": result }))
            }
        };
    }
    if seen.method == "GET" {
        return Script::json(200, &json!({ "id": "1", "name": "Ana", "username": "ana.shop" }));
    }
    if body["messaging_product"] == "whatsapp" {
        let to = body["to"].as_str().unwrap_or_default();
        let answer = json!({ "messaging_product": "whatsapp", "contacts": [{ "input": to, "wa_id": to }],
            "messages": [{ "id": format!("wamid.out.{number}") }] });
        return Script::json(200, &answer);
    }
    let answer = json!({ "recipient_id": body["recipient"]["id"], "message_id": format!("mid.out.{number}") });
    Script::json(200, &answer)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A connection that breaks is the script's doing or the host's; both are seen elsewhere.
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned())).collect(),
        body: body.collect().await?.to_bytes(),
    };
    // Scripts are for messages; a question who somebody is gets the usual answer.
    let scripted =
        if seen.is_message() { shared.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front() } else { None };
    let number = {
        let mut all = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(seen.clone());
        all.iter().filter(|s| s.is_message()).count()
    };
    shared.count.send_replace(number);
    let mut script = scripted.unwrap_or_else(|| (shared.usual)(&seen, number));
    while let Script::Held(mut gate, then) = script {
        gate.wait_for(|is_open| *is_open).await?;
        script = *then;
    }
    match script {
        Script::Answer { status, headers, body } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(Bytes::from(body)))?)
        }
        Script::HangUp => anyhow::bail!("the script says to hang up"),
        Script::Silence | Script::Held(..) => std::future::pending().await,
    }
}
