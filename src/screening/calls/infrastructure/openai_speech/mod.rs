//! Speech by OpenAI, and by the many servers that speak its protocol.
//!
//! As documented under <https://platform.openai.com/docs/api-reference/audio>: `POST /audio/transcriptions` takes a file
//! as multipart form, `POST /audio/speech` streams raw audio (24 kHz, 16 bits, mono).

pub mod speech;
pub mod transcription;

pub use speech::OpenAiSpeechAdapter;
pub use transcription::OpenAiTranscriptionAdapter;

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};

use crate::screening::calls::domain::ports::SpeechError;
use crate::screening::calls::infrastructure::remote::failure;

/// How the service is reached.
#[derive(Debug, Clone)]
pub struct OpenAiAudio {
    client: Client,
    /// E.g. `https://api.openai.com/v1`.
    base_url: Url,
    /// None for a server of one's own that asks for none.
    api_key: Option<SecretString>,
    /// For each piece that is waited for.
    patience: Duration,
}

impl OpenAiAudio {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base_url: Url, api_key: Option<SecretString>, patience: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .connect_timeout(patience)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            base_url,
            api_key,
            patience,
        })
    }

    fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base_url.as_str().trim_end_matches('/'));
        let request = self.client.request(Method::POST, url);
        match &self.api_key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    /// Sends a request; the answer's head comes in time and says that all is well.
    async fn send(&self, request: RequestBuilder) -> Result<Response, SpeechError> {
        let answer = tokio::time::timeout(self.patience, request.send()).await;
        let answer = answer.map_err(|_| SpeechError::TimedOut)?;
        let answer = answer.map_err(|error| failure::of_request(&error))?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(failure::of_status(answer.status(), answer.headers()))
        }
    }

    /// The next piece of an answer.
    async fn piece(&self, answer: &mut Response) -> Result<Option<bytes::Bytes>, SpeechError> {
        match tokio::time::timeout(self.patience, answer.chunk()).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) => Err(failure::of_request(&error)),
            Err(_) => Err(SpeechError::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests;
