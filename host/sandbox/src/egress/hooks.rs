//! The one way out of a guest.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{HeaderName, Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::exchange;
use super::headers::is_forbidden;
use super::record::{InFlight, Record};
use crate::binding::ChannelBinding;
use crate::report::Usage;

/// What a guest may write at once into a body that is not on its way yet: so much lies in the host for each handle.
const BODY_CHUNK: usize = 64 << 10;

/// One call's way out.
pub(crate) struct Hooks {
    bound: Arc<ChannelBinding>,
    online: bool,
    record: Option<Arc<Record>>,
}

impl Hooks {
    pub(crate) fn new(bound: Arc<ChannelBinding>, online: bool) -> Self {
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
        self.record.as_ref().is_some_and(|record| record.has_request_in_flight())
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.record.as_ref().map(|record| record.take_notes()).unwrap_or_default()
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
