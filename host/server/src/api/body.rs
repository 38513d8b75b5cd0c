//! The body of a request that a key let through. It may come long after its head, and the key may be revoked meanwhile: so it is looked
//! at again when the body is complete, before anybody acts on it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::keys::Revoked;

/// A body that fails at its end if its key is good no more.
pub(super) struct Vouched {
    body: Body,
    is_good: Box<dyn Fn() -> bool + Send>,
}

impl Vouched {
    /// The same body, at whose end `is_good` is asked. What is complete with its head is left alone.
    pub(super) fn body(body: Body, is_good: impl Fn() -> bool + Send + 'static) -> Body {
        match body.is_end_stream() {
            true => body,
            false => Body::new(Self { body, is_good: Box::new(is_good) }),
        }
    }
}

impl HttpBody for Vouched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match frame {
            None if !(self.is_good)() => Some(Err(axum::Error::new(Revoked))),
            frame => frame,
        })
    }

    // Never before the end was asked for: what looks at the key is the end.
    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
