//! The port: HTTP and, where there is a certificate, HTTPS on the same one. Browsers give a page the microphone over
//! HTTPS or on the machine itself only, so a server on a local network needs both to work as it is.

pub mod certificate;

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// First byte of a TLS connection: a record of type handshake (RFC 8446, section 5.1). No HTTP method begins so.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long a new connection may take to say what it is and to finish its handshake. Browsers open connections they do
/// not need yet, and open another when one is closed.
const GREETING: Duration = Duration::from_secs(20);
/// How long a connection may take to say what it asks for, the wait for its next request included.
const HEAD: Duration = Duration::from_mins(1);
/// How long requests may go on once the server stops.
const LAST_REQUESTS: Duration = Duration::from_secs(5);
/// Connections in their handshake at once. When all are taken, new ones wait in the system's own queue.
const HANDSHAKES: usize = 256;
/// Connections that are ready and not taken yet; when it is full, handshakes that are done wait, holding their place.
const READY: usize = 64;
/// Pause after the system refused a connection, most often for want of file descriptors.
const REFUSED: Duration = Duration::from_millis(500);

/// Accepts connections, and serves them.
pub struct Entrance {
    ready: mpsc::Receiver<Wire>,
    accepting: AbortHandle,
}

impl Entrance {
    /// Takes the socket into use; with `tls`, connections that begin with a TLS handshake get one.
    pub fn open(socket: TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let (sender, ready) = mpsc::channel(READY);
        let accepting = tokio::spawn(accept(socket, tls.map(TlsAcceptor::from), sender)).abort_handle();
        Self { ready, accepting }
    }

    /// Serves until `stop` is done, then gives the requests under way some seconds to end. Unlike `axum::serve`, it
    /// waits for nobody without end.
    pub async fn serve(mut self, router: Router, stop: impl Future<Output = ()>) {
        // The certificate offers HTTP/1.1 alone, and WebSockets begin with it.
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
        let mut stop = pin!(stop);
        loop {
            let wire = tokio::select! {
                () = &mut stop => break,
                // None comes only when the task is gone, that is at the end of the program.
                Some(wire) = self.ready.recv() => wire,
            };
            let service = TowerToHyperService::new(router.clone());
            let connection = http.serve_connection(TokioIo::new(wire), service).with_upgrades();
            let stopping = stopping.clone();
            connections.spawn(async move {
                let mut connection = pin!(connection);
                let ended = tokio::select! {
                    ended = connection.as_mut() => Ok(ended),
                    () = stopping.cancelled() => {
                        connection.as_mut().graceful_shutdown();
                        tokio::time::timeout(LAST_REQUESTS, connection).await
                    }
                };
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => debug!(%error, "a connection broke"),
                    Err(_) => debug!("a connection did not end in time"),
                }
            });
        }
        drop(self);
        stopping.cancel();
        connections.close();
        connections.wait().await;
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(socket: TcpListener, tls: Option<TlsAcceptor>, ready: mpsc::Sender<Wire>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let (stream, _) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection was not accepted");
                if !matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::ConnectionReset
                ) {
                    warn!(%error, "no connection can be accepted just now");
                    tokio::time::sleep(REFUSED).await;
                }
                continue;
            }
        };
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(GREETING, greet(stream, tls)).await {
                Ok(Ok(wire)) => _ = ready.send(wire).await,
                Ok(Err(error)) => debug!(%error, "a connection ended in its handshake"),
                Err(_) => debug!("a connection said nothing"),
            }
            drop(place);
        });
    }
}

/// Finds out which of the two it is.
async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Wire> {
    // Captions and events are small and should not wait for each other.
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(Wire::Plain(stream));
    };
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
        return Ok(Wire::Tls(Box::new(tls.accept(stream).await?)));
    }
    Ok(Wire::Plain(stream))
}

/// One connection.
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::shared::clock::{Clock as _, SystemClock};

    /// A server on a free port that answers `GET /` with `hello`; its base without the scheme.
    async fn serve(tls: Option<Arc<rustls::ServerConfig>>) -> SocketAddr {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let router = Router::new().route("/", get(async || "hello"));
        tokio::spawn(Entrance::open(socket, tls).serve(router, std::future::pending()));
        address
    }

    fn own_certificate(dir: &std::path::Path) -> (Arc<rustls::ServerConfig>, reqwest::Certificate) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let own = certificate::Certificate::own(dir, &names, SystemClock.now().date_naive()).expect("made");
        let pem = std::fs::read(&own.file).expect("kept");
        (own.config, reqwest::Certificate::from_pem(&pem).expect("a certificate"))
    }

    async fn ask(url: String, trusted: reqwest::Certificate) -> reqwest::Result<String> {
        let client = reqwest::Client::builder().tls_certs_only([trusted]).build()?;
        client.get(url).send().await?.text().await
    }

    // spec: CALL-1
    #[tokio::test]
    async fn one_port_speaks_http_and_https() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (tls, trusted) = own_certificate(dir.path());
        let address = serve(Some(tls)).await;
        for scheme in ["https", "http"] {
            let said = ask(format!("{scheme}://{address}/"), trusted.clone())
                .await
                .expect(scheme);
            assert_eq!(said, "hello", "over {scheme}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_or_nonsense_keeps_nobody_out() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (tls, trusted) = own_certificate(dir.path());
        let address = serve(Some(tls)).await;
        let silent = TcpStream::connect(address).await.expect("connected");
        let mut nonsense = TcpStream::connect(address).await.expect("connected");
        nonsense
            .write_all(&[TLS_HANDSHAKE, 0xff, 0, 0, 9, 9, 9, 9])
            .await
            .expect("written");
        let mut left = Vec::new();
        // The server says what it thinks of it, and hangs up.
        let _ = nonsense.read_to_end(&mut left).await;
        assert_eq!(
            ask(format!("https://{address}/"), trusted).await.expect("answered"),
            "hello"
        );
        drop(silent);
    }

    #[tokio::test]
    async fn without_a_certificate_there_is_no_https() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (_, trusted) = own_certificate(dir.path());
        let address = serve(None).await;
        assert_eq!(
            ask(format!("http://{address}/"), trusted.clone())
                .await
                .expect("answered"),
            "hello"
        );
        assert!(ask(format!("https://{address}/"), trusted).await.is_err());
    }

    /// Long enough for everything to be dealt with: time goes on when nobody has anything to do.
    const A_MOMENT: Duration = Duration::from_secs(1);

    /// Has time that is paused go on in small steps, so that none is left out while the network is waited for.
    fn step_by_step() {
        tokio::spawn(async {
            loop {
                sleep(A_MOMENT / 100).await;
            }
        });
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_say_what_they_ask_for_is_hung_up_on() {
        step_by_step();
        let address = serve(None).await;
        let began = Instant::now();
        for said in ["", "G", "GET / HTTP/1.1\r\n"] {
            let mut slow = TcpStream::connect(address).await.expect("connected");
            slow.write_all(said.as_bytes()).await.expect("written");
            let mut left = Vec::new();
            // However it is told: what counts is that it ends.
            let _ = timeout(2 * HEAD, slow.read_to_end(&mut left))
                .await
                .expect("hung up on");
        }
        assert!(began.elapsed() >= 3 * HEAD, "nobody is hurried");
    }

    // spec: OPS-2
    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_answers_what_was_asked_and_waits_for_nobody_who_says_nothing() {
        step_by_step();
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let (stop, answer) = (CancellationToken::new(), Arc::new(Notify::new()));
        let wanted = answer.clone();
        let handler = async move || {
            wanted.notified().await;
            "hello"
        };
        let router = Router::new().route("/", get(handler));
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(Entrance::open(socket, None).serve(router, stopped));
        let mut silent = TcpStream::connect(address).await.expect("connected");
        silent.write_all(b"G").await.expect("written");
        let mut asking = TcpStream::connect(address).await.expect("connected");
        asking
            .write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
            .await
            .expect("written");
        sleep(A_MOMENT).await;
        stop.cancel();
        sleep(A_MOMENT).await;
        assert!(!serving.is_finished(), "a request is still under way");
        answer.notify_one();
        let mut answered = String::new();
        asking.read_to_string(&mut answered).await.expect("an answer");
        assert!(answered.ends_with("hello"), "{answered}");
        timeout(LAST_REQUESTS, serving)
            .await
            .expect("in time")
            .expect("no panic");
    }
}
