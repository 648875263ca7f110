//! The candidate's end of a call over a WebSocket: PCM both ways, and the messages of the data channel.

use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::talk::http::{Interview, InterviewError};
use crate::talk::peer::PeerEvent;

/// From the address to an open socket.
const CONNECT: Duration = Duration::from_secs(20);
/// For a frame to be taken by the network.
const STEP: Duration = Duration::from_secs(5);
/// The server's word for an interview that is held elsewhere.
const ALREADY_LIVE: u16 = 4409;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why the socket could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("WebSocket: {0}")]
    WebSocket(Box<Error>),
    #[error("WebSocket: {0} took too long")]
    Stuck(&'static str),
    #[error(transparent)]
    Interview(#[from] InterviewError),
}

impl From<Error> for SocketError {
    fn from(error: Error) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

/// A piece of Emma's audio, mono at 48 kHz, and when it came.
#[derive(Debug, Clone)]
pub struct Piece {
    pub samples: Vec<f32>,
    pub at: Instant,
}

/// One connection; dropping it loses it without a word.
pub struct Socket {
    sink: SplitSink<Stream, Message>,
    reader: JoinHandle<()>,
}

impl Socket {
    /// Opens the call. `events` and `pieces` get what comes in; when `pieces` is full new audio is dropped.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub async fn open(
        interview: &Interview,
        resume: bool,
        events: mpsc::Sender<PeerEvent>,
        pieces: mpsc::Sender<Piece>,
    ) -> Result<Self, SocketError> {
        let (url, bearer) = interview.socket(resume);
        let mut request = url.into_client_request()?;
        let bearer = bearer.parse().map_err(|_| InterviewError::NotALink(String::new()))?;
        request.headers_mut().insert("authorization", bearer);
        let connecting = timeout(CONNECT, connect_async(request));
        let (stream, _) = match connecting.await.map_err(|_| SocketError::Stuck("the connection"))? {
            Ok(open) => open,
            Err(Error::Http(response)) => {
                let (parts, body) = response.into_parts();
                return Err(InterviewError::refused(
                    "the connection",
                    parts.status.as_u16(),
                    &body.unwrap_or_default(),
                )
                .into());
            }
            Err(error) => return Err(error.into()),
        };
        let (sink, stream) = stream.split();
        let reader = tokio::spawn(read(stream, events, pieces));
        Ok(Self { sink, reader })
    }

    /// Sends samples at 48 kHz.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn send(&mut self, samples: &[f32]) -> Result<(), SocketError> {
        let pcm = samples
            .iter()
            .map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16);
        self.put(
            "audio",
            Message::binary(pcm.flat_map(i16::to_le_bytes).collect::<Vec<u8>>()),
        )
        .await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn say(&mut self, message: &serde_json::Value) -> Result<(), SocketError> {
        self.put("a message", Message::text(message.to_string())).await
    }

    /// Closes the socket with a word.
    pub async fn close(&mut self) {
        if self.put("the goodbye", Message::Close(None)).await.is_err() {
            tracing::debug!("the socket did not close by itself");
        }
    }

    async fn put(&mut self, what: &'static str, message: Message) -> Result<(), SocketError> {
        let sent = timeout(STEP, self.sink.send(message)).await;
        Ok(sent.map_err(|_| SocketError::Stuck(what))??)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(mut stream: SplitStream<Stream>, events: mpsc::Sender<PeerEvent>, pieces: mpsc::Sender<Piece>) {
    // Nobody listens any more where this fails: the call is over.
    events.send(PeerEvent::Connected).await.ok();
    while let Some(received) = stream.next().await {
        let event = match received {
            Ok(Message::Binary(bytes)) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                let samples = pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0);
                let piece = Piece {
                    samples: samples.collect(),
                    at: Instant::now(),
                };
                pieces.try_send(piece).ok();
                continue;
            }
            Ok(Message::Text(text)) => PeerEvent::Message(text.to_string()),
            Ok(Message::Close(Some(frame))) if u16::from(frame.code) == ALREADY_LIVE => {
                events.send(PeerEvent::Refused(frame.reason.to_string())).await.ok();
                return;
            }
            Ok(Message::Close(_)) => break,
            Ok(_) => continue,
            Err(error) => {
                tracing::debug!(%error, "the socket broke");
                break;
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
    events.send(PeerEvent::ChannelClosed).await.ok();
}
