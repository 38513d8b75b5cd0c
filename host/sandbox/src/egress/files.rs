//! Requests that the host makes for a connector, to fetch or give away a file. The same manifest, grants, address checks and
//! credentials hold for them as for the connector's own.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::client::Outbound;
use super::exchange::{BETWEEN, Broken, collect, complete, no_connection, permit, redact_headers};
use super::policy::Denied;
use super::record::Record;
use crate::binding::ChannelBinding;

/// Redirects that are followed for one file.
const REDIRECTS: usize = 3;

/// Bytes of the answer to a transfer.
const ANSWER_BYTES: usize = 1 << 20;

/// A request that a connector asks for, in a proper form. Nothing is said yet about whether it may be made.
#[derive(Clone, Debug)]
pub(crate) struct FileRequest {
    method: Method,
    url: Uri,
    pub(crate) headers: HeaderMap,
    spelling: Spelling,
}

/// Whose words a URL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// The connector's: names in braces stand for path credentials.
    Connector,
    /// A server's, in a redirect: braces are braces, or it could aim a credential.
    Server,
}

impl FileRequest {
    pub(crate) fn new(method: &str, url: &str, headers: Vec<(String, Vec<u8>)>) -> Result<Self, String> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| "its method is none".to_owned())?;
        // Braces stand for a credential; `Uri` takes them only escaped.
        let escaped = url.replace('{', "%7B").replace('}', "%7D");
        let escaped = escaped.split('#').next().unwrap_or_default();
        let url = escaped.parse::<Uri>().map_err(|_| "its URL is none".to_owned())?;
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| "it has a header whose name is none".to_owned())?;
            let value =
                HeaderValue::from_bytes(&value).map_err(|_| format!("its header `{name}` has a value that is none"))?;
            map.append(name, value);
        }
        Ok(Self { method, url, headers: map, spelling: Spelling::Connector })
    }

    /// The request that a redirect leads to.
    fn redirected(&self, location: &HeaderValue) -> Result<Self, TransferError> {
        let wrong = || TransferError::Denied("a redirect leads to what is no URL".to_owned());
        let text = location.to_str().map_err(|_| wrong())?;
        let target = match text.starts_with('/') && !text.starts_with("//") {
            true => {
                let scheme = self.url.scheme_str().ok_or_else(wrong)?;
                let authority = self.url.authority().ok_or_else(wrong)?;
                format!("{scheme}://{authority}{text}")
            }
            false => text.to_owned(),
        };
        let mut next = Self::new(self.method.as_str(), &target, Vec::new()).map_err(|_| wrong())?;
        next.spelling = Spelling::Server;
        let same = next.url.scheme() == self.url.scheme() && next.url.authority() == self.url.authority();
        // What was meant for one server is not told to another.
        match same {
            true => next.headers = self.headers.clone(),
            false => next.headers.extend(self.headers.get(ACCEPT).map(|value| (ACCEPT, value.clone()))),
        }
        Ok(next)
    }
}

/// Why a file did not get through.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// It may not be asked for.
    Denied(String),
    /// Nothing was sent.
    Unreached(String),
    /// In the middle.
    Lost(String),
    /// Over the bound.
    TooLarge,
    /// On this side.
    Local(io::Error),
}

/// What came of a download.
#[derive(Debug)]
pub(crate) enum Downloaded {
    File {
        size: u64,
        sha256: String,
        /// As the server said.
        mime: Option<String>,
    },
    /// Not 2xx. The wait is the server's, if it named one.
    Status { status: u16, retry_after: Option<Duration> },
}

/// What a provider said to a transfer; without secrets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// Fetches a file into `sink`, piece by piece.
pub(crate) async fn download<W>(
    bound: &ChannelBinding,
    record: &Record,
    mut wanted: FileRequest,
    deadline: Instant,
    sink: &mut W,
) -> Result<Downloaded, TransferError>
where
    W: AsyncWrite + Unpin + Send + ?Sized,
{
    let mut redirects = 0;
    loop {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let response = send(bound, record, &wanted, body, deadline).await?;
        let status = response.status();
        if status.is_success() {
            return save(bound, record, response, deadline, sink).await;
        }
        match response.headers().get(LOCATION) {
            Some(location) if status.is_redirection() && matches!(wanted.method, Method::GET | Method::HEAD) => {
                redirects += 1;
                if redirects > REDIRECTS {
                    return Err(TransferError::Denied(format!("it was redirected more than {REDIRECTS} times")));
                }
                wanted = wanted.redirected(location)?;
            }
            _ => {
                let seconds =
                    response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
                let retry_after = seconds.map(Duration::from_secs);
                return Ok(Downloaded::Status { status: status.as_u16(), retry_after });
            }
        }
    }
}

/// Makes a request with a body, and returns its whole answer.
pub(crate) async fn transfer(
    bound: &ChannelBinding,
    record: &Record,
    wanted: FileRequest,
    body: impl Body<Data = Bytes, Error = io::Error> + Send + 'static,
    deadline: Instant,
) -> Result<Answer, TransferError> {
    let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    record.request_bytes.fetch_add(length, Ordering::Relaxed);
    let response = send(bound, record, &wanted, body.boxed_unsync(), deadline).await?;
    let (head, body) = response.into_parts();
    readable(&head.headers)?;
    let total = AtomicUsize::new(0);
    let body = collect(body, &total, ANSWER_BYTES, deadline, BETWEEN).await.map_err(|broken| {
        TransferError::Lost(match broken {
            Broken::TooLarge => "the answer is too large".to_owned(),
            Broken::TooSlow => "the answer took too long".to_owned(),
            Broken::Incomplete => "the answer broke off".to_owned(),
        })
    })?;
    record.response_bytes.fetch_add(body.len(), Ordering::Relaxed);
    let body = bound.redactor.bytes(&body).unwrap_or_else(|| body.to_vec());
    let headers = redact_headers(bound, head.headers, body.len());
    let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    Ok(Answer { status: head.status.as_u16(), headers, body })
}

/// One request, checked and completed like any of the connector's own.
async fn send(
    bound: &ChannelBinding,
    record: &Record,
    wanted: &FileRequest,
    body: Outbound,
    deadline: Instant,
) -> Result<Response<Incoming>, TransferError> {
    let denied = |Denied(reason): Denied| {
        record.denied();
        TransferError::Denied(reason)
    };
    let mut request = Request::new(body);
    *request.method_mut() = wanted.method.clone();
    *request.uri_mut() = wanted.url.clone();
    *request.headers_mut() = wanted.headers.clone();
    let (mut head, body) = request.into_parts();
    if wanted.spelling == Spelling::Server && bound.has_placeholder(head.uri.path()) {
        return Err(denied(Denied("a redirect leads to a path with the place of a credential".to_owned())));
    }
    let (origin, rule, path) = permit(bound, &head).map_err(denied)?;
    complete(bound, &origin, path, &mut head).map_err(denied)?;
    record.requests.fetch_add(1, Ordering::Relaxed);
    record.leaves();
    match timeout_at(deadline, bound.client.send(Request::from_parts(head, body), rule.private)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) if error.is_connect() => {
            record.never_left();
            let (meaning, reason) = no_connection(&error);
            match meaning {
                wasmtime_wasi_http::Error::DestinationIpProhibited => Err(denied(Denied(reason))),
                _ => Err(TransferError::Unreached(reason)),
            }
        }
        Ok(Err(_)) => Err(TransferError::Lost("the connection was lost".to_owned())),
        Err(_) => Err(TransferError::Lost("it took too long".to_owned())),
    }
}

async fn save<W>(
    bound: &ChannelBinding,
    record: &Record,
    response: Response<Incoming>,
    deadline: Instant,
    sink: &mut W,
) -> Result<Downloaded, TransferError>
where
    W: AsyncWrite + Unpin + Send + ?Sized,
{
    let limit = bound.limits.media_bytes;
    let (head, mut body) = response.into_parts();
    readable(&head.headers)?;
    if body.size_hint().lower() > length(limit) {
        return Err(TransferError::TooLarge);
    }
    let (mut sum, mut size) = (Context::new(&SHA256), 0_usize);
    loop {
        let frame = match timeout_at(deadline, timeout(BETWEEN, body.frame())).await {
            Ok(Ok(Some(Ok(frame)))) => frame,
            Ok(Ok(None)) => break,
            Ok(Ok(Some(Err(_)))) => return Err(TransferError::Lost("the connection broke off".to_owned())),
            Ok(Err(_)) | Err(_) => return Err(TransferError::Lost("it came too slowly".to_owned())),
        };
        if let Ok(data) = frame.into_data() {
            size = size.saturating_add(data.len());
            record.response_bytes.fetch_add(data.len(), Ordering::Relaxed);
            if size > limit {
                return Err(TransferError::TooLarge);
            }
            sum.update(&data);
            sink.write_all(&data).await.map_err(TransferError::Local)?;
        }
    }
    let mime = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Downloaded::File { size: length(size), sha256: hexadecimal(sum), mime })
}

/// Files are asked for as they are; a server that packs them all the same would have us keep something else.
fn readable(headers: &HeaderMap) -> Result<(), TransferError> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            Err(TransferError::Lost("the server packed its answer, though it was asked not to".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A number of bytes as the contract has it.
pub(crate) fn length(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

pub(crate) fn hexadecimal(sum: Context) -> String {
    HEXLOWER.encode(sum.finish().as_ref())
}
