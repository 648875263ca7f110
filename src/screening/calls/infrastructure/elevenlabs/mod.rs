//! ElevenLabs: Scribe's realtime transcription and streamed speech, both over WebSocket.
//!
//! Protocols as documented under <https://elevenlabs.io/docs/api-reference>: "Realtime speech to text"
//! (`/v1/speech-to-text/realtime`) and "Text to speech, WebSocket" (`/v1/text-to-speech/:voice_id/stream-input`).

pub mod speech;
pub mod transcription;

pub use speech::ElevenLabsSpeechAdapter;
pub use transcription::ElevenLabsTranscriptionAdapter;

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::screening::calls::domain::ports::SpeechError;
use crate::screening::calls::infrastructure::remote::failure;

/// The largest message taken: a second of audio is 64 KiB in base64.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How the service is reached.
#[derive(Debug, Clone)]
pub struct ElevenLabs {
    /// E.g. `https://api.elevenlabs.io`.
    pub base_url: Url,
    pub api_key: SecretString,
    /// For connecting, and for each message that is waited for.
    pub patience: Duration,
}

impl ElevenLabs {
    async fn connect(&self, path: &str, query: &[(&str, &str)]) -> Result<Socket, SpeechError> {
        let unusable = || SpeechError::Failed("the address of the service cannot be used".to_owned());
        let mut url = self.base_url.clone();
        let scheme = if url.scheme() == "http" { "ws" } else { "wss" };
        url.set_scheme(scheme).map_err(|()| unusable())?;
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url.query_pairs_mut().extend_pairs(query);
        let mut request = url.as_str().into_client_request().map_err(|_| unusable())?;
        let mut key = HeaderValue::from_str(self.api_key.expose_secret()).map_err(|_| SpeechError::KeyRefused)?;
        key.set_sensitive(true);
        request.headers_mut().insert("xi-api-key", key);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let connecting = Box::pin(connect_async_with_config(request, Some(config), true));
        match timeout(self.patience, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(error)) => Err(failure::of_socket(&error)),
            Err(_) => Err(SpeechError::TimedOut),
        }
    }

    /// The next message of the service, read as JSON.
    async fn next<T: DeserializeOwned>(&self, socket: &mut Socket) -> Result<T, SpeechError> {
        let garbage = || SpeechError::Failed("the service sent something unreadable".to_owned());
        let next = async {
            loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).map_err(|_| garbage()),
                    // Answered by the library.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(frame))) => {
                        let reason = frame.map(|f| f.reason.to_string()).unwrap_or_default();
                        return Err(match failure::of_word(&reason) {
                            SpeechError::Failed(_) => SpeechError::Failed("the service hung up".to_owned()),
                            known => known,
                        });
                    }
                    Some(Ok(Message::Binary(_) | Message::Frame(_))) => return Err(garbage()),
                    Some(Err(error)) => return Err(failure::of_socket(&error)),
                    None => return Err(SpeechError::Failed("the service hung up".to_owned())),
                }
            }
        };
        timeout(self.patience, next).await.unwrap_or(Err(SpeechError::TimedOut))
    }

    async fn send(&self, socket: &mut Socket, message: &serde_json::Value) -> Result<(), SpeechError> {
        use futures::SinkExt as _;
        let sending = socket.send(Message::text(message.to_string()));
        match timeout(self.patience, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failure::of_socket(&error)),
            Err(_) => Err(SpeechError::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests;
