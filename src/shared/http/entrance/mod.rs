//! The port: HTTP and, where there is a certificate, HTTPS on the same one. Browsers give a page the microphone over
//! HTTPS or on the machine itself only, so a server on a local network needs both to work as it is.

pub mod certificate;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};

/// First byte of a TLS connection: a record of type handshake (RFC 8446, section 5.1). No HTTP method begins so.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long a new connection may take to say what it is and to finish its handshake. Browsers open connections they do
/// not need yet, and open another when one is closed.
const GREETING: Duration = Duration::from_secs(20);
/// Connections in their handshake at once. When all are taken, new ones wait in the system's own queue.
const HANDSHAKES: usize = 256;
/// Connections that are ready and not taken yet; when it is full, handshakes that are done wait, holding their place.
const READY: usize = 64;
/// Pause after the system refused a connection, most often for want of file descriptors.
const REFUSED: Duration = Duration::from_millis(500);

/// Accepts connections for `axum::serve`.
pub struct Entrance {
    ready: mpsc::Receiver<(Wire, SocketAddr)>,
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Entrance {
    /// Takes the socket into use; with `tls`, connections that begin with a TLS handshake get one.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn open(socket: TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let (sender, ready) = mpsc::channel(READY);
        let accepting = tokio::spawn(accept(socket, tls.map(TlsAcceptor::from), sender)).abort_handle();
        Ok(Self {
            ready,
            address,
            accepting,
        })
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for Entrance {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // Only when the task is gone, that is at the end of the program: nobody comes any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(socket: TcpListener, tls: Option<TlsAcceptor>, ready: mpsc::Sender<(Wire, SocketAddr)>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let (stream, from) = match socket.accept().await {
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
                Ok(Ok(wire)) => _ = ready.send((wire, from)).await,
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
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::shared::clock::{Clock as _, SystemClock};

    /// A server on a free port that answers `GET /` with `hello`; its base without the scheme.
    async fn serve(tls: Option<Arc<rustls::ServerConfig>>) -> SocketAddr {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let entrance = Entrance::open(socket, tls).expect("open");
        let router = Router::new().route("/", get(async || "hello"));
        tokio::spawn(async move { axum::serve(entrance, router).await });
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
}
