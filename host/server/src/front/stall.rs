//! A peer that does not read what it asked for.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a peer may take for [`LEAST`] bytes while more waits for it.
const WINDOW: Duration = Duration::from_secs(30);

/// Bytes that a peer has to take in each [`WINDOW`]: about 1 KiB/s, which the slowest of mobile networks gives.
const LEAST: usize = 32 << 10;

/// A stream whose writes fail when the peer takes too little of what waits for it. What the peer's and our own kernel buffer counts as taken.
pub(super) struct Stalling<S> {
    stream: S,
    window: Duration,
    least: usize,
    /// Bytes that were taken since `timer` was set.
    taken: usize,
    /// Set while something waits to be written.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    pub(super) fn new(stream: S) -> Self {
        Self::with(stream, WINDOW, LEAST)
    }

    fn with(stream: S, window: Duration, least: usize) -> Self {
        Self { stream, window, least, taken: 0, timer: None }
    }

    /// Accounts for one try to write.
    fn watch(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match tried {
            Poll::Ready(Ok(bytes)) => {
                self.taken = self.taken.saturating_add(bytes);
                tried
            }
            Poll::Ready(Err(_)) => tried,
            Poll::Pending => {
                let timer = self.timer.get_or_insert_with(|| {
                    self.taken = 0;
                    Box::pin(tokio::time::sleep(self.window))
                });
                while timer.as_mut().poll(cx).is_ready() {
                    if self.taken < self.least {
                        let why = "the peer does not read what it asked for";
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
                    }
                    self.taken = 0;
                    timer.as_mut().reset(Instant::now() + self.window);
                }
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Whoever flushes has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.timer = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, _far) = tokio::io::duplex(1 << 10);
        let mut stream = Stalling::with(near, Duration::from_millis(20), LEAST);
        let error = stream.write_all(&[0; 64 << 10]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_trickle_is_not_reading() {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let reader = tokio::spawn(async move {
            let mut byte = [0; 1];
            while far.read(&mut byte).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let mut stream = Stalling::with(near, Duration::from_millis(20), 1 << 20);
        let error = stream.write_all(&[0; 64 << 10]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        reader.abort();
    }

    #[tokio::test]
    async fn a_peer_that_reads_gets_everything() {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let reader = tokio::spawn(async move {
            let mut read = Vec::new();
            far.read_to_end(&mut read).await.map(|_| read.len())
        });
        let mut stream = Stalling::new(near);
        stream.write_all(&[0; 300 << 10]).await.unwrap();
        drop(stream);
        assert_eq!(reader.await.unwrap().unwrap(), 300 << 10);
    }
}
