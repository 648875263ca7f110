//! [`ElevenLabsSpeechAdapter`]: streamed speech, one socket a sentence.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{ElevenLabs, Socket};
use crate::screening::calls::domain::ports::{HeardWord, SpeechChunk, SpeechError, SpeechRequest, TextToSpeech};
use crate::screening::calls::infrastructure::remote::failure;
use crate::screening::calls::infrastructure::remote::pcm::VoiceBytes;

const RATE_HZ: usize = 24_000;
/// Chunks ahead of the listener; when it is full the socket is not read and the service waits.
const AHEAD: usize = 16;
/// What the service takes as pace.
const SPEEDS: (f32, f32) = (0.7, 1.2);

/// Speaks with a voice of ElevenLabs; `SpeechRequest::voice` is its id.
pub struct ElevenLabsSpeechAdapter {
    service: ElevenLabs,
    /// E.g. `eleven_flash_v2_5`.
    model: String,
    tasks: TaskTracker,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    audio: Option<String>,
    is_final: Option<bool>,
    alignment: Option<Alignment>,
    error: Option<String>,
}

/// When each character is said, ms from the start of the audio in the same message. The service documents both spellings.
#[derive(Debug, Default, Deserialize)]
struct Alignment {
    #[serde(default)]
    chars: Vec<String>,
    #[serde(default, rename = "charStartTimesMs", alias = "charsStartTimesMs")]
    starts: Vec<f32>,
    #[serde(default, rename = "charDurationsMs", alias = "charsDurationsMs")]
    durations: Vec<f32>,
}

impl ElevenLabsSpeechAdapter {
    pub fn new(service: ElevenLabs, model: String, tasks: TaskTracker) -> Self {
        Self { service, model, tasks }
    }

    async fn open(&self, request: &SpeechRequest) -> Result<Socket, SpeechError> {
        let voice: String = request.voice.chars().filter(char::is_ascii_alphanumeric).collect();
        let path = format!("/v1/text-to-speech/{voice}/stream-input");
        // A whole sentence comes at once: nothing is gained by the service's waiting for more of it.
        let query = [
            ("model_id", self.model.as_str()),
            ("output_format", "pcm_24000"),
            ("auto_mode", "true"),
            ("sync_alignment", "true"),
        ];
        let mut socket = self.service.connect(&path, &query).await?;
        let speed = request.speed.clamp(SPEEDS.0, SPEEDS.1);
        let begin = json!({ "text": " ", "voice_settings": { "speed": speed } });
        let text = json!({ "text": format!("{} ", request.text.trim()) });
        for message in [begin, text, json!({ "text": "" })] {
            self.service.send(&mut socket, &message).await?;
        }
        Ok(socket)
    }
}

#[async_trait]
impl TextToSpeech for ElevenLabsSpeechAdapter {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let socket = self.open(&request).await?;
        let voice = VoiceBytes::new(RATE_HZ)?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let service = self.service.clone();
        self.tasks.spawn(async move {
            let reading = read(&service, socket, voice, &sender);
            let broken = tokio::select! {
                read = reading => read.err(),
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

/// Hands the audio on until the service says that it was all.
async fn read(
    service: &ElevenLabs,
    mut socket: Socket,
    mut voice: VoiceBytes,
    sender: &mpsc::Sender<Result<SpeechChunk, SpeechError>>,
) -> Result<(), SpeechError> {
    let unreadable = || SpeechError::Failed("the service sent unreadable audio".to_owned());
    let mut words = Words::default();
    loop {
        let message = service.next::<Message>(&mut socket).await?;
        if let Some(error) = message.error {
            return Err(failure::of_word(&error));
        }
        let before_ms = voice.taken_ms();
        let mut pcm = Vec::new();
        if let Some(audio) = message.audio.filter(|a| !a.is_empty()) {
            pcm = voice.push(&STANDARD.decode(audio).map_err(|_| unreadable())?)?;
        }
        if let Some(alignment) = message.alignment {
            words.take(&alignment, before_ms as f32);
        }
        if message.is_final == Some(true) {
            let trimmed = voice.trimmed_ms();
            pcm.extend(voice.finish()?);
            words.end();
            return send(sender, pcm, words.complete(trimmed)).await;
        }
        let complete = words.complete(voice.trimmed_ms());
        send(sender, pcm, complete).await?;
    }
}

async fn send(
    sender: &mpsc::Sender<Result<SpeechChunk, SpeechError>>,
    pcm: Vec<i16>,
    words: Vec<HeardWord>,
) -> Result<(), SpeechError> {
    if pcm.is_empty() && words.is_empty() {
        return Ok(());
    }
    let chunk = SpeechChunk { pcm: pcm.into(), words };
    sender.send(Ok(chunk)).await.map_err(|_| SpeechError::Cancelled)
}

/// Puts words together from characters, ms from the start of the sentence's audio as it came.
#[derive(Debug, Default)]
struct Words {
    complete: Vec<(String, f32, f32)>,
    open: Option<(String, f32, f32)>,
    last_start: f32,
}

impl Words {
    fn take(&mut self, alignment: &Alignment, before_ms: f32) {
        // Some models count from the start of the sentence: then the times go on from the last ones.
        let first = alignment.starts.first().copied().unwrap_or(0.0);
        let base = if before_ms > 0.0 && first >= self.last_start {
            0.0
        } else {
            before_ms
        };
        let times = alignment.starts.iter().zip(&alignment.durations);
        for (text, (start, duration)) in alignment.chars.iter().zip(times) {
            let (start, end) = (base + start, base + start + duration);
            self.last_start = start.max(self.last_start);
            if text.trim().is_empty() {
                self.end();
            } else if let Some(word) = &mut self.open {
                word.0.push_str(text);
                word.2 = end;
            } else {
                self.open = Some((text.clone(), start, end));
            }
        }
    }

    fn end(&mut self) {
        self.complete.extend(self.open.take());
    }

    fn complete(&mut self, trimmed_ms: u64) -> Vec<HeardWord> {
        let ms = |at: f32| (at - trimmed_ms as f32).max(0.0).round() as u64;
        let word = |(text, start, end): (String, f32, f32)| HeardWord {
            text,
            start_ms: ms(start),
            end_ms: ms(end),
            confidence: 1.0,
        };
        self.complete.drain(..).map(word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alignment(text: &str, first: f32) -> Alignment {
        let chars: Vec<String> = text.chars().map(String::from).collect();
        Alignment {
            starts: (0..chars.len()).map(|i| first + 10.0 * i as f32).collect(),
            durations: vec![10.0; chars.len()],
            chars,
        }
    }

    fn texts(words: &[HeardWord]) -> Vec<(&str, u64, u64)> {
        words.iter().map(|w| (w.text.as_str(), w.start_ms, w.end_ms)).collect()
    }

    // spec: CALL-10
    #[test]
    fn words_are_put_together_over_messages_whichever_way_times_are_counted() {
        for second in [0.0, 200.0] {
            let mut words = Words::default();
            words.take(&alignment("Hi the", 0.0), 0.0);
            assert_eq!(texts(&words.complete(0)), [("Hi", 0, 20)]);
            words.take(&alignment("re. ", second), 200.0);
            words.end();
            assert_eq!(texts(&words.complete(20)), [("there.", 10, 210)], "{second}");
        }
    }
}
