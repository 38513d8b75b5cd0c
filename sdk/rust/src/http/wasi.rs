//! The client over `wasi:http`.

use super::{Error, Request, Response};
use crate::bindings::wasi::http::outgoing_handler::{self, ErrorCode, OutgoingRequest, RequestOptions};
use crate::bindings::wasi::http::types::{Fields, IncomingResponse, Method, OutgoingBody, Scheme};
use crate::bindings::wasi::io::streams::StreamError;

/// What `wasi:io` takes in one write.
const CHUNK: usize = 4096;

pub fn send(request: &Request) -> Result<Response, Error> {
    let outgoing = outgoing(request)?;
    let body = outgoing.body().map_err(|()| denied("the body"))?;
    let pending = outgoing_handler::handle(outgoing, Some(options(request)?)).map_err(|code| classify(&code))?;
    // A body that cannot be written is no verdict: the answer, or the reason that there is none, is.
    let _ = write(body, &request.body);
    pending.subscribe().block();
    match pending.get() {
        Some(Ok(Ok(response))) => read(&response, request.cap),
        Some(Ok(Err(code))) => Err(classify(&code)),
        Some(Err(())) | None => Err(Error::Unanswered("the host lost the answer".into())),
    }
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, Error> {
    let headers = Fields::new();
    for (name, value) in &request.headers {
        headers.append(name, value.as_bytes()).map_err(|_| denied("a header"))?;
    }
    let (scheme, authority, path) = split(&request.url).ok_or_else(|| denied("the URL"))?;
    let outgoing = OutgoingRequest::new(headers);
    outgoing.set_method(&method(&request.method)).map_err(|()| denied("the method"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| denied("the scheme"))?;
    outgoing.set_authority(Some(authority)).map_err(|()| denied("the authority"))?;
    outgoing.set_path_with_query(Some(&path)).map_err(|()| denied("the path"))?;
    Ok(outgoing)
}

fn options(request: &Request) -> Result<RequestOptions, Error> {
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX);
    options.set_connect_timeout(Some(nanoseconds)).map_err(|()| denied("the time-out"))?;
    options.set_first_byte_timeout(Some(nanoseconds)).map_err(|()| denied("the time-out"))?;
    options.set_between_bytes_timeout(Some(nanoseconds)).map_err(|()| denied("the time-out"))?;
    Ok(options)
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
    let broken = || Error::Unanswered("the request's body could not be written".into());
    if !bytes.is_empty() {
        // The stream is a child of the body and has to be gone before the body is finished.
        let stream = body.write().map_err(|()| broken())?;
        for chunk in bytes.chunks(CHUNK) {
            stream.blocking_write_and_flush(chunk).map_err(|_| broken())?;
        }
    }
    OutgoingBody::finish(body, None).map_err(|_| broken())
}

fn read(response: &IncomingResponse, cap: usize) -> Result<Response, Error> {
    let cut = |why: &str| Error::Unanswered(why.into());
    let status = response.status();
    let headers = response.headers().entries();
    let incoming = response.consume().map_err(|()| cut("the answer's body was lost"))?;
    let stream = incoming.stream().map_err(|()| cut("the answer's body was lost"))?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(bytes) if body.len() + bytes.len() > cap => return Err(cut("the answer is too large")),
            Ok(bytes) if body.is_empty() => body = bytes,
            Ok(bytes) => body.extend_from_slice(&bytes),
            Err(StreamError::Closed) => return Ok(Response { status, headers, body }),
            Err(StreamError::LastOperationFailed(_)) => return Err(cut("the answer broke off")),
        }
    }
}

/// Scheme, authority, and path with query.
fn split(url: &str) -> Option<(Scheme, &str, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    (!authority.is_empty()).then(|| (scheme, authority, [slash, path].concat()))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        other => Method::Other(other.into()),
    }
}

fn denied(what: &str) -> Error {
    Error::Denied(format!("{what} is not acceptable"))
}

fn classify(code: &ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied => Error::Denied("this origin, method or path is not granted".into()),
        ErrorCode::DestinationIpProhibited => Error::Denied("the address is prohibited".into()),
        ErrorCode::HttpRequestMethodInvalid => denied("the method"),
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestUriTooLong => denied("the URL"),
        ErrorCode::HttpRequestHeaderSectionSize(_) | ErrorCode::HttpRequestHeaderSize(_) => {
            denied("the size of the headers")
        }
        ErrorCode::HttpRequestBodySize(_) => denied("the size of the body"),
        ErrorCode::ConfigurationError => denied("the host's configuration"),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => Error::Unsent("its name could not be resolved".into()),
        ErrorCode::DestinationNotFound | ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            Error::Unsent("there is no way to its address".into())
        }
        ErrorCode::ConnectionRefused => Error::Unsent("the connection was refused".into()),
        ErrorCode::ConnectionTimeout => Error::Unsent("no connection came about in time".into()),
        ErrorCode::ConnectionLimitReached => Error::Unsent("too many connections are open".into()),
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            Error::Unsent("no secure connection came about".into())
        }
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => Error::Unanswered("time ran out".into()),
        ErrorCode::ConnectionTerminated => Error::Unanswered("the connection broke".into()),
        // Whatever is not known to have happened before the first byte may have happened after the last.
        _ => Error::Unanswered("the exchange failed".into()),
    }
}
