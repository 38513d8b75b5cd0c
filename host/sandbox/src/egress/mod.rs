//! Outgoing HTTP: every request of a guest passes through [`Hooks::send_request`], and there is no other way out.
//!
//! * [`origin`], [`policy`]: may this request be made?
//! * [`address`], [`resolver`]: may this address be connected to?
//! * [`inject`]: credentials go in.
//! * [`client`] holds the connections.
//! * [`files`]: requests that the host makes for a connector, to carry files.
//! * [`exchange`]: one request and its response, with time-outs, bounds, and secrets taken out of what comes back.

pub(crate) mod address;
pub(crate) mod client;
mod exchange;
pub(crate) mod files;
pub(crate) mod inject;
pub(crate) mod origin;
pub(crate) mod policy;
mod resolver;

use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderName, Request, Response};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::binding::Bound;
use crate::call::Usage;
use crate::redact::printable;

/// Headers that belong to the connection or that only the host may set, besides wasmtime's own list.
const FORBIDDEN: [HeaderName; 5] =
    [http::header::EXPECT, http::header::FORWARDED, http::header::TE, http::header::TRAILER, http::header::VIA];

/// What a guest may write at once into a body that is not on its way yet: so much lies in the host for each handle.
const BODY_CHUNK: usize = 64 << 10;

/// Lines that the host writes into the call's log about refused requests.
const NOTES: usize = 16;

/// What the requests of one call came to. Shared with the tasks that carry them.
#[derive(Debug, Default)]
pub(crate) struct Record {
    requests: AtomicU32,
    sent: AtomicU32,
    request_bytes: AtomicUsize,
    response_bytes: AtomicUsize,
    denials: AtomicU32,
    in_flight: AtomicU32,
    notes: Mutex<Vec<String>>,
}

impl Record {
    /// A request goes to the client. Until [`Self::never_left`] says otherwise it may have reached the other side.
    pub(crate) fn leaves(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// It is certain that not a byte of it was sent.
    pub(crate) fn never_left(&self) {
        self.sent.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request was refused.
    pub(crate) fn denied(&self) {
        self.denials.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what there was to a call's usage.
    pub(crate) fn add_to(&self, usage: &mut Usage) {
        let count = |n: &AtomicU32| n.load(Ordering::Relaxed);
        let size = |n: &AtomicUsize| u32::try_from(n.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        usage.add(&Usage {
            http_requests: count(&self.requests),
            http_sent: count(&self.sent),
            http_request_bytes: size(&self.request_bytes),
            http_response_bytes: size(&self.response_bytes),
            denials: count(&self.denials),
            ..Usage::default()
        });
    }

    /// A line for the call's log. `message` holds no secret.
    pub(crate) fn note(&self, message: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES {
            notes.push(printable(&message.chars().take(500).collect::<String>()));
        }
    }
}

/// One call's way out.
pub(crate) struct Hooks {
    bound: Arc<Bound>,
    online: bool,
    record: Option<Arc<Record>>,
}

impl Hooks {
    pub(crate) fn new(bound: Arc<Bound>, online: bool) -> Self {
        // Most calls make no request; they pay for no record.
        Self { bound, online, record: None }
    }

    pub(crate) fn add_to(&self, usage: &mut Usage) {
        if let Some(record) = &self.record {
            record.add_to(usage);
        }
    }

    /// Whether a request has not come to its end, or was not even begun since its body is not complete.
    pub(crate) fn has_request_in_flight(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.in_flight.load(Ordering::Relaxed) > 0)
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        let taken = self.record.as_ref().map(|record| {
            let mut notes = record.notes.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *notes)
        });
        taken.unwrap_or_default()
    }

    /// Whether this call may make one more request.
    fn admit(&self, record: &Record) -> bool {
        if !self.online {
            record.denied();
            record.note("An HTTP request was refused: this function of a connector calls nothing outside.");
            return false;
        }
        let allowed = self.bound.limits.http_requests;
        if usize::try_from(record.requests.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX) >= allowed {
            record.requests.fetch_sub(1, Ordering::Relaxed);
            record.denied();
            record.note(&format!("An HTTP request was refused: the call has made its {allowed} requests."));
            return false;
        }
        true
    }
}

/// A request on its way, as long as it is not dropped.
struct InFlight(Arc<Record>);

impl InFlight {
    fn new(record: &Arc<Record>) -> Self {
        record.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(record))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> wasmtime_wasi_http::ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let record = self.record.get_or_insert_default().clone();
        if !self.admit(&record) {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let bound = self.bound.clone();
        let in_flight = InFlight::new(&record);
        Box::new(async move {
            let _in_flight = in_flight;
            let response = exchange::run(&bound, &record, request, options).await?;
            let finished: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, finished))
        })
    }
}

pub(crate) fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || FORBIDDEN.contains(name) || name.as_str().starts_with("x-forwarded-")
}
