//! A connection that must say something in time.

use crate::metrics::Connections;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// A socket whose reads fail unless its first bytes come in time, and before `stop`.
pub(super) struct Heard {
    stream: TcpStream,
    // Gone once the peer has spoken, so that it costs nothing afterwards.
    awaited: Option<Box<Awaited>>,
}

struct Awaited {
    bytes: usize,
    patience: Pin<Box<dyn Future<Output = io::ErrorKind> + Send>>,
}

impl Heard {
    /// `stream` must say `first_bytes` within `timeout`; one that does not is counted. At `stop` nobody
    /// waits for first words any more.
    pub(super) fn new(
        stream: TcpStream,
        first_bytes: usize,
        timeout: Duration,
        counted: Connections,
        stop: CancellationToken,
    ) -> Self {
        let patience = async move {
            tokio::select! {
                () = stop.cancelled() => io::ErrorKind::ConnectionAborted,
                () = tokio::time::sleep(timeout) => {
                    counted.silent();
                    io::ErrorKind::TimedOut
                }
            }
        };
        let awaited = Awaited { bytes: first_bytes, patience: Box::pin(patience) };
        Self { stream, awaited: Some(Box::new(awaited)) }
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(awaited) = &mut self.awaited else { return read };
        awaited.bytes = awaited.bytes.saturating_sub(buf.filled().len() - before);
        if awaited.bytes == 0 {
            self.awaited = None;
            return read;
        }
        if read.is_ready() {
            return read;
        }
        awaited.patience.as_mut().poll(cx).map(|kind| Err(kind.into()))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn half_a_greeting_is_cut_off_and_a_whole_one_is_waited_for_no_longer() {
        let counted = Metrics::default().connections("test");
        let (timeout, stop) = (Duration::from_millis(50), CancellationToken::new());
        let (mut peer, stream) = pair().await;
        peer.write_all(b"half").await.unwrap();
        let mut heard = Heard::new(stream, 8, timeout, counted.clone(), stop.clone());
        let mut buf = [0; 16];
        assert_eq!(heard.read(&mut buf).await.unwrap(), 4);
        let error = heard.read(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (mut peer, stream) = pair().await;
        peer.write_all(b"whole").await.unwrap();
        let mut heard = Heard::new(stream, 5, timeout, counted.clone(), stop.clone());
        assert_eq!(heard.read(&mut buf).await.unwrap(), 5);
        let nothing = tokio::time::timeout(timeout * 4, heard.read(&mut buf)).await;
        assert!(nothing.is_err(), "it may be silent now");
    }

    #[tokio::test]
    async fn at_the_stop_nobody_waits_for_first_words() {
        let counted = Metrics::default().connections("test");
        let stop = CancellationToken::new();
        let (_peer, stream) = pair().await;
        let mut heard = Heard::new(stream, 1, Duration::MAX, counted, stop.clone());
        stop.cancel();
        let error = heard.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
