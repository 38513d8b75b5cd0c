//! From a connection to the router.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use tower_service::Service;

use super::pace::Paced;
use super::seats::{self, Seat};

/// What a connection asks. Each request is handed to the router that is in charge when it comes.
pub(super) struct Entrance {
    /// The router that is in charge.
    router: Arc<ArcSwap<Router>>,
    seat: Arc<Seat>,
}

impl Entrance {
    pub(super) fn new(router: Arc<ArcSwap<Router>>, seat: Arc<Seat>) -> Self {
        Self { router, seat }
    }
}

impl hyper::service::Service<Request<Incoming>> for Entrance {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let held = self.seat.request();
        let seat = Arc::clone(&self.seat);
        let mut request = request.map(|body| {
            let arriving = (!body.is_end_stream()).then(|| seat.body());
            Body::new(Paced::new(body, arriving))
        });
        request.extensions_mut().insert(seat);
        let mut router = Router::clone(&self.router.load());
        Box::pin(async move {
            let response = Service::call(&mut router, request).await?;
            Ok(response.map(|body| Body::new(Answer { body, _held: held })))
        })
    }
}

/// The body of an answer, during which the connection is in use.
struct Answer {
    body: Body,
    _held: seats::Request,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
