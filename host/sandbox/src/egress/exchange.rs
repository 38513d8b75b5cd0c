//! One request of a guest and its response.

use std::error::Error as StdError;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Error as ClientError;
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::client::ConnectTimeout;
use super::headers::is_forbidden;
use super::inject::{Outgoing, Unusable};
use super::origin::Origin;
use super::policy::{Allowed, Denied};
use super::record::Record;
use super::resolver::Unresolved;
use crate::binding::ChannelBinding;

/// From the first byte of the request to the last of the response. The call's wall time is over it.
const WHOLE: Duration = Duration::from_secs(15);

/// Between two pieces of a body.
pub(super) const BETWEEN: Duration = Duration::from_secs(10);

/// Headers of a request.
const REQUEST_HEADERS: usize = 64;

/// Bytes of a request's path and query.
const TARGET_BYTES: usize = 8 << 10;

/// Checks, completes and sends a request, and gives back the whole response without secrets.
pub(super) async fn run(
    bound: &ChannelBinding,
    record: &Record,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let options = options.unwrap_or_default();
    let deadline = Instant::now() + WHOLE;
    let denied = |Denied(reason): Denied| {
        record.denied();
        record.note(&format!("An HTTP request was refused: {reason}."));
        Error::HttpRequestDenied
    };
    let (mut head, body) = request.into_parts();
    let (origin, rule, path) = permit(bound, &head).map_err(denied)?;
    let body = collect_request(bound, record, body, deadline).await?;
    complete(bound, &origin, path, &mut head).map_err(denied)?;
    let request = Request::from_parts(head, Full::new(body).map_err(|never| match never {}).boxed_unsync());

    record.leaves();
    let first_byte = options.first_byte_timeout.map_or(deadline, |limit| deadline.min(Instant::now() + limit));
    let response = match timeout_at(first_byte, bound.client.send(request, rule.private)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(unsent_or_lost(record, &error)),
        Err(_) => return Err(Error::HttpResponseTimeout),
    };
    let between = options.between_bytes_timeout.map_or(BETWEEN, |limit| limit.min(BETWEEN));
    receive(bound, record, response, deadline, between).await
}

/// Whether the request may be made, where to, and with which path (placeholders spelled with braces).
pub(super) fn permit<'a>(
    bound: &'a ChannelBinding,
    head: &http::request::Parts,
) -> Result<(Origin, &'a Allowed, String), Denied> {
    if head.headers.len() > REQUEST_HEADERS
        || head.uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET_BYTES)
    {
        return Err(Denied("it has too many headers or too long a path".to_owned()));
    }
    // wasi:http refuses these when the guest sets them; this is the second lock on the door. `host` was set by wasi:http itself.
    if let Some(name) = head.headers.keys().find(|name| is_forbidden(name) && *name != HOST) {
        return Err(Denied(format!("a guest may not set the header `{name}`")));
    }
    let origin =
        Origin::from_uri(&head.uri).ok_or_else(|| Denied("its URL has no proper scheme, host and port".to_owned()))?;
    let path = bound.spell_placeholders(head.uri.path());
    let rule = bound.policy.check(&origin, &head.method, &path)?;
    Ok((origin, rule, path))
}

/// The whole body, in bounds. Nothing is sent before it is complete, so a guest that dies in the middle has sent nothing.
async fn collect_request(
    bound: &ChannelBinding,
    record: &Record,
    body: WasiBody,
    deadline: Instant,
) -> Result<Bytes, Error> {
    let limit = bound.limits.http_body_bytes;
    collect(body, &record.request_bytes, limit, deadline, WHOLE).await.map_err(|broken| match broken {
        Broken::TooLarge => Error::HttpRequestBodySize(u64::try_from(limit).ok()),
        Broken::TooSlow => Error::ConnectionWriteTimeout,
        Broken::Incomplete => Error::HttpProtocolError,
    })
}

/// Why a body did not become whole.
pub(super) enum Broken {
    TooLarge,
    TooSlow,
    Incomplete,
}

/// A whole body. `total` counts what all bodies of the call in this direction have, and `limit` is over it.
pub(super) async fn collect<B>(
    mut body: B,
    total: &AtomicUsize,
    limit: usize,
    deadline: Instant,
    between: Duration,
) -> Result<Bytes, Broken>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut collected = BytesMut::new();
    loop {
        let frame = match timeout_at(deadline, timeout(between, body.frame())).await {
            Ok(Ok(Some(Ok(frame)))) => frame,
            Ok(Ok(None)) => return Ok(collected.freeze()),
            Ok(Ok(Some(Err(_)))) => return Err(Broken::Incomplete),
            Ok(Err(_)) | Err(_) => return Err(Broken::TooSlow),
        };
        // Trailers are dropped: no provider uses them, and they would have to be searched for secrets too.
        if let Ok(data) = frame.into_data() {
            if total.fetch_add(data.len(), Ordering::Relaxed) + data.len() > limit {
                return Err(Broken::TooLarge);
            }
            collected.extend_from_slice(&data);
        }
    }
}

/// Puts the credentials in and sets what the host sets. The URL is built from the checked origin, not from the guest's text.
pub(super) fn complete(
    bound: &ChannelBinding,
    origin: &Origin,
    path: String,
    head: &mut http::request::Parts,
) -> Result<(), Denied> {
    let query = head.uri.query().map(str::to_owned);
    for name in [HOST, CONTENT_LENGTH, ACCEPT_ENCODING] {
        head.headers.remove(name);
    }
    // What comes back has to be readable, or secrets could not be found in it.
    head.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    head.headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("Jackfield/", env!("CARGO_PKG_VERSION"))));

    let mut outgoing = Outgoing { path, query, headers: &mut head.headers };
    for credential in bound.credentials.iter().filter(|credential| credential.origins.contains(origin)) {
        credential.inject(&mut outgoing).map_err(|Unusable(reason)| Denied(reason))?;
    }
    let Outgoing { path, query, .. } = outgoing;
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let target = PathAndQuery::try_from(target).map_err(|_| Denied("its path is not one of a URL".to_owned()))?;
    head.uri = format!("{origin}{target}").parse::<Uri>().map_err(|_| Denied("its URL is not one".to_owned()))?;
    head.version = http::Version::HTTP_11;
    head.extensions.clear();
    Ok(())
}

/// An error of the client before a response began: either nothing was sent for certain, or nobody knows.
fn unsent_or_lost(record: &Record, error: &ClientError) -> Error {
    if !error.is_connect() {
        record.note("The connection was lost after an HTTP request was sent, and before its answer came.");
        return Error::ConnectionTerminated;
    }
    record.never_left();
    let (meaning, reason) = no_connection(error);
    if matches!(meaning, Error::DestinationIpProhibited) {
        record.denied();
    }
    record.note(&format!("An HTTP request was not sent: {reason}."));
    meaning
}

/// Why there was no connection.
pub(super) fn no_connection(error: &ClientError) -> (Error, String) {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut last = error.to_string();
    while let Some(at) = cause {
        if at.is::<ConnectTimeout>() {
            return (Error::ConnectionTimeout, at.to_string());
        }
        if let Some(unresolved) = at.downcast_ref::<Unresolved>() {
            let meaning = match unresolved {
                Unresolved::Prohibited { .. } => Error::DestinationIpProhibited,
                Unresolved::Unknown { .. } => Error::DestinationNotFound,
                Unresolved::Failed { .. } => Error::DnsError { rcode: None, info_code: None },
            };
            return (meaning, unresolved.to_string());
        }
        if let Some(tls) = at.downcast_ref::<rustls::Error>() {
            let meaning = match tls {
                rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                    Error::TlsCertificateError
                }
                _ => Error::TlsProtocolError,
            };
            return (meaning, tls.to_string());
        }
        if let Some(io) = at.downcast_ref::<std::io::Error>() {
            match io.kind() {
                ErrorKind::ConnectionRefused => {
                    return (Error::ConnectionRefused, "the connection was refused".to_owned());
                }
                ErrorKind::TimedOut => {
                    return (Error::ConnectionTimeout, "the connection was not made in time".to_owned());
                }
                _ => {}
            }
            // An I/O error often wraps the real one without naming it as its source.
            if let Some(inner) = io.get_ref() {
                cause = Some(inner);
                continue;
            }
        }
        last = at.to_string();
        cause = at.source();
    }
    (Error::DestinationUnavailable, last)
}

/// The whole response, in bounds and without secrets.
async fn receive(
    bound: &ChannelBinding,
    record: &Record,
    response: Response<Incoming>,
    deadline: Instant,
    between: Duration,
) -> Result<Response<WasiBody>, Error> {
    let (mut head, body) = response.into_parts();
    if let Some(coding) = head.headers.get(CONTENT_ENCODING)
        && coding != "identity"
    {
        return Err(Error::HttpResponseContentCoding(coding.to_str().ok().map(str::to_owned)));
    }
    let body = collect_response(bound, record, body, deadline, between).await?;
    let body = match bound.redactor.bytes(&body) {
        Some(redacted) => Bytes::from(redacted),
        None => body,
    };
    head.headers = redact_headers(bound, head.headers, body.len());
    head.extensions.clear();
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::from_parts(head, body))
}

async fn collect_response(
    bound: &ChannelBinding,
    record: &Record,
    body: Incoming,
    deadline: Instant,
    between: Duration,
) -> Result<Bytes, Error> {
    let limit = bound.limits.http_body_bytes;
    collect(body, &record.response_bytes, limit, deadline, between).await.map_err(|broken| match broken {
        Broken::TooLarge => Error::HttpResponseBodySize(u64::try_from(limit).ok()),
        Broken::TooSlow => Error::HttpResponseTimeout,
        Broken::Incomplete => Error::HttpResponseIncomplete,
    })
}

pub(super) fn redact_headers(bound: &ChannelBinding, headers: HeaderMap, body_length: usize) -> HeaderMap {
    let mut clean = HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            continue;
        }
        let value = match bound.redactor.bytes(value.as_bytes()).map(HeaderValue::from_maybe_shared) {
            Some(redacted) => redacted.unwrap_or(HeaderValue::from_static(crate::redact::REDACTED)),
            None => value.clone(),
        };
        clean.append(name.clone(), value);
    }
    clean.insert(CONTENT_LENGTH, HeaderValue::from(body_length));
    clean
}
