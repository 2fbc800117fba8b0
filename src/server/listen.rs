//! Connections: how many, how long they may be silent, and how they end.
//!
//! An own accept loop, because the ready-made ones keep a connection that never says a word, set no
//! limit on connections, and ignore `TCP_NODELAY` on sockets they are given. What is said on a
//! connection is not this module's business.

use super::silence::Heard;
use crate::metrics::Connections;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The first pause after the system refused a connection, for want of files or memory; doubles.
const REFUSED_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause: long enough to spare the machine, short enough for callers who wait.
const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(1);

/// TCP asks a peer that has been quiet this long whether it is there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// And again so often, before it gives the peer up.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// How one listener treats its connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Connections at once; more are closed at once.
    pub(super) connections_max: usize,
    /// A connection must say `first_bytes` within this time.
    pub(super) silent_timeout: Duration,
    /// So many bytes tell that the peer means it.
    pub(super) first_bytes: usize,
}

/// A conversation on one connection: it ends with the connection, or, once `stop` is cancelled, when
/// what has been begun is answered.
pub(super) trait Speak<B>: Send + Sync + 'static {
    /// Speaks on `io` until either side is done.
    fn speak<I>(&self, io: I, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static
    where
        I: Read + Write + Send + Unpin + 'static;
}

/// Accepts connections and speaks on each until `stop` is cancelled; then closes the listener, and
/// ends when the last connection has. Dropping it cuts those that are left.
pub(super) async fn listen<B>(
    listener: TcpListener,
    manners: Manners,
    speech: impl Speak<B>,
    counted: Connections,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let mut pause = REFUSED_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                pause = REFUSED_PAUSE;
                if connections.len() >= manners.connections_max {
                    counted.over_limit();
                    continue;
                }
                if let Err(error) = set_up(&stream) {
                    // It was gone before it was here.
                    tracing::debug!(%error, "a connection could not be set up");
                    continue;
                }
                let open = counted.accepted();
                let (first_bytes, timeout) = (manners.first_bytes, manners.silent_timeout);
                let heard = Heard::new(stream, first_bytes, timeout, counted.clone(), stop.clone());
                let speaking = speech.speak(TokioIo::new(heard), stop.clone());
                connections.spawn(async move {
                    speaking.await;
                    drop(open);
                });
            }
            Err(error) if concerns_one_connection(&error) => {
                tracing::debug!(%error, "a connection was gone before it was accepted");
            }
            Err(error) => {
                // No files or no memory: what is open goes on, and ends, and makes room.
                let open = connections.len();
                tracing::warn!(%error, open, ?pause, "the system accepts no connection");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(REFUSED_PAUSE_MAX),
                }
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Whether an error of `accept` is about the connection and not about the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Answers leave at once, and a peer that has vanished is noticed.
fn set_up(stream: &TcpStream) -> io::Result<()> {
    // Without this a small answer can wait 40 ms for the peer's acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Runs `connection` until it ends; once `stop` is cancelled `wind_down` asks it to, once.
pub(super) async fn until_done<C: Future>(
    connection: C,
    stop: CancellationToken,
    wind_down: impl FnOnce(std::pin::Pin<&mut C>),
) -> C::Output {
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        output = connection.as_mut() => return output,
        () = stop.cancelled() => wind_down(connection.as_mut()),
    }
    connection.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use std::net::Ipv4Addr;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn an_accepted_socket_sends_small_answers_at_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_client, accepted) =
            tokio::join!(TcpStream::connect(address), async { listener.accept().await.unwrap().0 });
        assert!(!accepted.nodelay().unwrap(), "the system's default is to wait");
        set_up(&accepted).unwrap();
        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
    }

    /// Says for each connection that it began, and speaks until it is told to stop.
    struct Patient(mpsc::Sender<()>);

    impl Speak<()> for Patient {
        fn speak<I>(
            &self,
            io: I,
            stop: CancellationToken,
        ) -> impl Future<Output = ()> + Send + 'static
        where
            I: Read + Write + Send + Unpin + 'static,
        {
            let begun = self.0.clone();
            async move {
                begun.send(()).await.unwrap();
                stop.cancelled().await;
                drop(io);
            }
        }
    }

    #[tokio::test]
    async fn a_stopped_listener_ends_when_its_last_connection_has() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (begun, mut begins) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let manners =
            Manners { connections_max: 2, silent_timeout: Duration::from_secs(60), first_bytes: 1 };
        let counted = Metrics::default().connections("test");
        let listening =
            tokio::spawn(listen(listener, manners, Patient(begun), counted, stop.clone()));
        let _client = TcpStream::connect(address).await.unwrap();
        begins.recv().await.unwrap();
        assert!(!listening.is_finished());
        stop.cancel();
        listening.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}
