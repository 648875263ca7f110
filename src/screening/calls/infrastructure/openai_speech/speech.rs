//! [`OpenAiSpeechAdapter`]: raw audio as it is made.

use async_trait::async_trait;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::OpenAiAudio;
use crate::screening::calls::domain::ports::{SpeechChunk, SpeechError, SpeechRequest, TextToSpeech};
use crate::screening::calls::infrastructure::remote::pcm::VoiceBytes;
use crate::screening::calls::infrastructure::voice::timing::{place, weigh};

/// The rate of `pcm`; the protocol has no way to ask for another.
const RATE_HZ: usize = 24_000;
/// Chunks ahead of the listener; when it is full the answer is not read and the service waits.
const AHEAD: usize = 16;
/// What the service takes as pace.
const SPEEDS: (f32, f32) = (0.25, 4.0);

/// Speaks with `gpt-4o-mini-tts`, `tts-1` and what answers as they do; `SpeechRequest::voice` is e.g. `alloy`.
pub struct OpenAiSpeechAdapter {
    service: OpenAiAudio,
    model: String,
    tasks: TaskTracker,
}

impl OpenAiSpeechAdapter {
    pub fn new(service: OpenAiAudio, model: String, tasks: TaskTracker) -> Self {
        Self { service, model, tasks }
    }
}

#[async_trait]
impl TextToSpeech for OpenAiSpeechAdapter {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let body = json!({
            "model": self.model,
            "input": request.text,
            "voice": request.voice,
            "response_format": "pcm",
            "speed": request.speed.clamp(SPEEDS.0, SPEEDS.1),
        });
        let answer = self
            .service
            .send(self.service.post("/audio/speech").json(&body))
            .await?;
        let kind = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if kind.starts_with("text/") || kind.contains("json") {
            return Err(SpeechError::Failed("the service answered with text".to_owned()));
        }
        let voice = VoiceBytes::new(RATE_HZ)?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let service = self.service.clone();
        self.tasks.spawn(async move {
            let broken = tokio::select! {
                read = read(&service, answer, voice, &request.text, &sender) => read.err(),
                () = sender.closed() => None,
            };
            if let Some(error) = broken {
                // A listener that has gone needs no reason.
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(receiver)
    }
}

async fn read(
    service: &OpenAiAudio,
    mut answer: Response,
    mut voice: VoiceBytes,
    text: &str,
    sender: &mpsc::Sender<Result<SpeechChunk, SpeechError>>,
) -> Result<(), SpeechError> {
    while let Some(piece) = service.piece(&mut answer).await? {
        let pcm = voice.push(&piece)?;
        if !pcm.is_empty() {
            let chunk = SpeechChunk {
                pcm: pcm.into(),
                words: Vec::new(),
            };
            sender.send(Ok(chunk)).await.map_err(|_| SpeechError::Cancelled)?;
        }
    }
    // The service tells no times: they are estimated once it is known how long it took.
    let speech_ms = voice.taken_ms().saturating_sub(voice.trimmed_ms());
    let words = place(&weigh(text, []), 0.0, speech_ms as f32);
    let chunk = SpeechChunk {
        pcm: voice.finish()?.into(),
        words,
    };
    sender.send(Ok(chunk)).await.map_err(|_| SpeechError::Cancelled)
}
