//! The least rate of request bodies.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::seats::Arriving;

/// How long any body may take.
pub(crate) const WHOLE: Duration = Duration::from_secs(10);

/// What a body may take for longer than [`WHOLE`]: [`GRACE`], and a second for each [`RATE`] bytes.
const GRACE: Duration = Duration::from_secs(2);
const RATE: u64 = 64 << 10;

/// A body came too slowly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body came too slowly: it has to be complete in 10 s, or to come at 64 KiB a second and more")
    }
}

impl std::error::Error for TooSlow {}

/// Whether an error of a body, as handlers see it, is [`TooSlow`].
pub(crate) fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<TooSlow>())
}

/// How long a body may take until its next byte comes, when so many are there. `whole` is the time that any body has.
fn time_for(received: u64, whole: Duration) -> Duration {
    let by_rate = GRACE + Duration::from_secs(1) + Duration::from_millis(received.saturating_mul(1_000) / RATE);
    by_rate.max(whole)
}

/// A body that fails when it comes too slowly. The clock starts when it is first read.
pub(crate) struct Paced<B> {
    body: B,
    whole: Duration,
    began: Option<Instant>,
    received: u64,
    timer: Option<Pin<Box<Sleep>>>,
    arriving: Option<Arriving>,
}

impl<B> Paced<B> {
    /// `arriving` is dropped with the last byte.
    pub(crate) fn new(body: B, arriving: Option<Arriving>) -> Self {
        Self { body, whole: WHOLE, began: None, received: 0, timer: None, arriving }
    }
}

impl<B> HttpBody for Paced<B>
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let began = *self.began.get_or_insert_with(Instant::now);
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
                if self.body.is_end_stream() {
                    self.arriving = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.arriving = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                self.arriving = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let due = began + time_for(self.received, self.whole);
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
                if timer.deadline() != due {
                    timer.as_mut().reset(due);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.arriving = None;
                Poll::Ready(Some(Err(TooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long whatever is left of a body is read after it was refused.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Bytes of a body that was refused which are read to no purpose.
const DRAINED_BYTES: usize = 16 << 20;

/// Reads some of what is left of a body that was refused, and throws it away: a client that is still writing would see its connection
/// break off instead of the answer.
pub(crate) async fn drain(body: &mut Body) {
    let read = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > DRAINED_BYTES {
                return;
            }
        }
    };
    // Whether it came to its end or not, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http_body_util::StreamBody;

    use super::*;

    #[tokio::test]
    async fn a_body_that_stops_in_the_middle_fails() {
        let begun = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"{")))]).chain(stream::pending());
        let mut body = Paced::new(Body::new(StreamBody::new(begun)), None);
        // What is below the grace would be the grace.
        body.whole = Duration::ZERO;
        let error = body.collect().await.unwrap_err();
        assert!(is_too_slow(&*error), "{error}");
    }

    #[test]
    fn a_small_body_has_ten_seconds_however_many_drops_it_comes_in() {
        for received in [0, 1, 10_000, 7 * RATE] {
            assert_eq!(time_for(received, WHOLE), WHOLE, "{received}");
        }
    }

    #[test]
    fn a_large_body_may_take_as_long_as_it_keeps_the_rate() {
        assert_eq!(time_for(64 * RATE, WHOLE).as_secs(), 67);
        assert_eq!(time_for(u64::MAX, WHOLE).as_secs(), u64::MAX / 1_000 / RATE + 3);
    }

    #[test]
    fn an_error_is_known_behind_others() {
        assert!(is_too_slow(&axum::Error::new(TooSlow)));
        assert!(!is_too_slow(&axum::Error::new(std::fmt::Error)));
    }
}
