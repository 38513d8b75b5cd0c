//! The provider on loopback: it answers as the plan says, or makes trouble.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::plan::Answer;

/// Bytes of a request that are read.
const REQUEST_BYTES: usize = 8 << 20;

/// What the provider does.
#[derive(Clone, Debug)]
pub(super) enum Mood {
    /// The first answer that fits; 404 if none does.
    Answers(Vec<Answer>),
    /// Always this.
    Always(Box<Answer>),
    /// It takes the request, and never answers.
    Silent,
    /// It begins an answer and hangs up in the middle.
    CutsOff,
    /// It takes the request and hangs up.
    HangsUp,
}

impl Mood {
    /// The same, of a provider that is at `origin`.
    fn at(self, origin: &str) -> Self {
        let at = |answer: Answer| answer.filled("{origin}", origin);
        match self {
            Self::Answers(answers) => Self::Answers(answers.into_iter().map(at).collect()),
            Self::Always(answer) => Self::Always(Box::new(at(*answer))),
            other => other,
        }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// A provider that runs until it is dropped.
pub(super) struct Provider {
    /// Its origin.
    pub(super) origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Provider {
    /// Starts one.
    pub(super) async fn start(mood: Mood) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mood, book) = (Arc::new(mood.at(&origin)), seen.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, mood.clone(), book.clone()));
            }
        });
        Ok(Self { origin, seen, task })
    }

    /// Nobody is there: an origin whose connections are refused.
    pub(super) async fn absent() -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(format!("http://{}", listener.local_addr()?))
    }

    /// Everything that came.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Reply = Response<BoxBody<Bytes, io::Error>>;

async fn serve(stream: TcpStream, mood: Arc<Mood>, seen: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(|request| answer(request, mood.clone(), seen.clone()));
    // An error here is the trouble that was wanted, or a guest that went away.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, mood: Arc<Mood>, seen: Arc<Mutex<Vec<Seen>>>) -> Result<Reply, io::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, REQUEST_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let request = Seen { method: head.method.to_string(), path, body: body.to_vec() };
    let reply = match &*mood {
        Mood::Answers(answers) => {
            let fits = |answer: &&Answer| {
                answer.method.as_ref().is_none_or(|method| *method == request.method)
                    && request.path.starts_with(&answer.path)
            };
            answers.iter().find(fits).map_or_else(no_answer, whole)
        }
        Mood::Always(answer) => whole(answer),
        Mood::Silent => {
            record(&seen, request);
            return std::future::pending().await;
        }
        Mood::CutsOff => cut_off(),
        Mood::HangsUp => Err(io::Error::other("it hangs up")),
    };
    record(&seen, request);
    reply
}

fn record(seen: &Mutex<Vec<Seen>>, request: Seen) {
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
}

fn whole(answer: &Answer) -> Result<Reply, io::Error> {
    let mut response = Response::builder().status(answer.status);
    if !answer.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        response = response.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(full(answer.body.clone())).map_err(io::Error::other)
}

fn no_answer() -> Result<Reply, io::Error> {
    let mut response = Response::new(full("the plan of the conformance kit has no answer to this".to_owned()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}

fn cut_off() -> Result<Reply, io::Error> {
    let frames = [Ok(Frame::data(Bytes::from_static(b"{\"id\": \"half"))), Err(io::Error::other("it hangs up"))];
    let body = BodyExt::boxed(StreamBody::new(stream::iter(frames)));
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, 1_000)
        .body(body)
        .map_err(io::Error::other)
}

fn full(body: String) -> BoxBody<Bytes, io::Error> {
    Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {}).boxed()
}
