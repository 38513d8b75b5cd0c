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

/// How long any body may take, and the longest silence in one that takes longer.
pub(crate) const WHOLE: Duration = Duration::from_secs(10);

/// Bytes a second that a body has to come at when it takes longer than [`WHOLE`].
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

/// How long a body may still be waited for.
///
/// Every byte earns its time at [`RATE`], and no more than `whole` is ever kept: what came fast buys no silence, in which the bytes that
/// are there would hold room that others need. Only waiting is counted, so that a body does not pay for a busy host.
struct Patience {
    whole: Duration,
    left: Duration,
}

impl Patience {
    fn new(whole: Duration) -> Self {
        Self { whole, left: whole }
    }

    /// Bytes came after so long a wait.
    fn earn(&mut self, waited: Duration, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_micros(bytes.saturating_mul(1_000_000) / RATE);
        self.left = self.left.saturating_sub(waited).saturating_add(earned).min(self.whole);
    }
}

/// A body that fails when it comes too slowly. The clock runs while it is read.
pub(crate) struct Paced<B> {
    body: B,
    patience: Patience,
    /// Since when the next bytes are waited for.
    waiting: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    arriving: Option<Arriving>,
}

impl<B> Paced<B> {
    /// `arriving` is dropped with the last byte.
    pub(crate) fn new(body: B, arriving: Option<Arriving>) -> Self {
        Self { body, patience: Patience::new(WHOLE), waiting: None, timer: None, arriving }
    }
}

impl<B> HttpBody for Paced<B>
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let waited = this.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
                this.patience.earn(waited, frame.data_ref().map_or(0, Bytes::len));
                if this.body.is_end_stream() {
                    this.arriving = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.arriving = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.arriving = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let due = *this.waiting.get_or_insert_with(Instant::now) + this.patience.left;
                let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
                if timer.deadline() != due {
                    timer.as_mut().reset(due);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.arriving = None;
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
        body.patience = Patience::new(Duration::ZERO);
        let error = body.collect().await.unwrap_err();
        assert!(is_too_slow(&*error), "{error}");
    }

    /// Seconds until a body is given up that brings so many bytes after each second, and then nothing.
    fn ends(brought: impl IntoIterator<Item = u64>) -> u64 {
        const SECOND: Duration = Duration::from_secs(1);
        let mut patience = Patience::new(WHOLE);
        let mut seconds = 0;
        for bytes in brought {
            if patience.left <= SECOND {
                break;
            }
            patience.earn(SECOND, usize::try_from(bytes).unwrap());
            seconds += 1;
        }
        seconds + patience.left.as_secs()
    }

    #[test]
    fn a_body_has_ten_seconds_however_many_drops_it_comes_in() {
        assert_eq!(ends([]), 10);
        assert_eq!(ends([1; 100]), 10);
    }

    #[test]
    fn a_body_may_take_as_long_as_it_keeps_the_rate() {
        assert_eq!(ends([RATE; 100]), 110);
        assert!(ends([RATE / 2; 100]) <= 20);
    }

    #[test]
    fn what_came_fast_buys_no_silence_and_no_drip() {
        assert_eq!(ends([4 << 20]), 11);
        assert_eq!(ends([u64::MAX]), 11);
        assert!(ends([4 << 20].into_iter().chain([1; 100])) <= 11);
    }

    #[test]
    fn an_error_is_known_behind_others() {
        assert!(is_too_slow(&axum::Error::new(TooSlow)));
        assert!(!is_too_slow(&axum::Error::new(std::fmt::Error)));
    }
}
