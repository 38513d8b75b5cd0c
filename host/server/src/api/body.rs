//! The body of a request that a key let through. It may come long after its head, and the key may be revoked meanwhile: so it is looked
//! at again when the body is complete, before anybody acts on it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::auth::Credential;
use crate::host::Host;
use crate::keys::Revoked;

/// A body that fails at its end if its key is good no more.
pub(super) struct Vouched {
    body: Body,
    host: Arc<Host>,
    credential: Credential,
}

impl Vouched {
    /// The same body. What is complete with its head is left alone.
    pub(super) fn body(body: Body, host: &Arc<Host>, credential: &Credential) -> Body {
        match body.is_end_stream() {
            true => body,
            false => Body::new(Self { body, host: Arc::clone(host), credential: credential.clone() }),
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
            None if !self.credential.is_good(&self.host) => Some(Err(axum::Error::new(Revoked))),
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
