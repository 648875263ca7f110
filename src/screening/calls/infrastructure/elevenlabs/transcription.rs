//! [`ElevenLabsTranscriptionAdapter`]: Scribe, realtime.
//!
//! One session for each stretch of audio, committed by hand at its end. The next session is opened while nobody waits,
//! so that a stretch seldom pays for the handshake.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::{ElevenLabs, Socket};
use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::{HeardWord, SpeechError, SpeechToText, Transcript, TranscriptionJob};
use crate::screening::calls::infrastructure::remote::transcription::estimated;
use crate::screening::calls::infrastructure::remote::{failure, pcm};

/// Audio in one message: a second.
const CHUNK: usize = EAR_RATE_HZ as usize;
/// The service refuses to commit less than 0.3 s; what is shorter gets silence behind it.
const SHORTEST: usize = EAR_RATE_HZ as usize / 2;
/// The most context the service takes, characters.
const CONTEXT: usize = 50;
/// A session that was opened ahead is used within this time; the service closes idle ones.
const FRESH: Duration = Duration::from_secs(10);
/// The words' times follow the text at once; without them they are estimated.
const TIMES: Duration = Duration::from_millis(400);

/// Transcribes with Scribe v2 realtime.
pub struct ElevenLabsTranscriptionAdapter {
    service: ElevenLabs,
    /// E.g. `scribe_v2_realtime`.
    model: String,
    ahead: Arc<Mutex<Option<Session>>>,
    tasks: TaskTracker,
}

/// A session that has heard nothing yet.
struct Session {
    socket: Socket,
    language: String,
    opened: Instant,
}

#[derive(Debug, Deserialize)]
struct Message {
    message_type: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    words: Vec<Word>,
}

/// Times are seconds from the start of the session.
#[derive(Debug, Deserialize)]
struct Word {
    #[serde(default)]
    text: String,
    start: Option<f64>,
    end: Option<f64>,
    /// `word`, `spacing` or `audio_event`.
    #[serde(default, rename = "type")]
    kind: String,
    logprob: Option<f32>,
}

impl ElevenLabsTranscriptionAdapter {
    pub fn new(service: ElevenLabs, model: String, tasks: TaskTracker) -> Self {
        Self {
            service,
            model,
            ahead: Arc::default(),
            tasks,
        }
    }

    /// Opens a session for the next stretch.
    fn open_ahead(&self, language: String) {
        let (service, model, ahead) = (self.service.clone(), self.model.clone(), self.ahead.clone());
        self.tasks.spawn(async move {
            // A failure shows when somebody needs a session.
            if let Ok(session) = open(&service, &model, language).await {
                *ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
                tokio::spawn(close_stale(ahead));
            }
        });
    }

    fn take_ahead(&self, language: &str) -> Option<Session> {
        let taken = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.filter(|s| s.language == language && s.opened.elapsed() < FRESH)
    }

    async fn hear(&self, mut session: Session, job: &TranscriptionJob) -> Result<Transcript, SpeechError> {
        let socket = &mut session.socket;
        let mut audio = job.audio.to_vec();
        audio.resize(audio.len().max(SHORTEST), 0.0);
        let mut chunks = audio.chunks(CHUNK).enumerate().peekable();
        while let Some((index, chunk)) = chunks.next() {
            let mut message = json!({
                "message_type": "input_audio_chunk",
                "audio_base_64": STANDARD.encode(pcm::to_bytes(chunk)),
                "commit": chunks.peek().is_none(),
                "sample_rate": EAR_RATE_HZ,
            });
            if index == 0 && !job.context.is_empty() {
                message["previous_text"] = tail(&job.context, CONTEXT).into();
            }
            self.service.send(socket, &message).await?;
        }
        loop {
            let message = self.service.next::<Message>(socket).await?;
            match message.message_type.as_str() {
                "session_started" | "partial_transcript" => {}
                "committed_transcript_with_timestamps" => return Ok(transcript(message, &job.audio)),
                "committed_transcript" => {
                    let timed = timeout(TIMES, self.service.next::<Message>(socket)).await;
                    return Ok(match timed {
                        Ok(Ok(timed)) if timed.message_type == "committed_transcript_with_timestamps" => {
                            transcript(timed, &job.audio)
                        }
                        _ => transcript(message, &job.audio),
                    });
                }
                // It heard nobody.
                "insufficient_audio_activity" => return Ok(Transcript::default()),
                error => return Err(failure::of_word(error)),
            }
        }
    }
}

#[async_trait]
impl SpeechToText for ElevenLabsTranscriptionAdapter {
    async fn transcribe(&self, job: TranscriptionJob) -> Result<Transcript, SpeechError> {
        let language = job.language.clone();
        let mut heard = match self.take_ahead(&language) {
            Some(session) => self.hear(session, &job).await,
            None => Err(SpeechError::Failed("no session is open".to_owned())),
        };
        // A session opened ahead may have been closed meanwhile; a new one tells what is really wrong.
        if let Err(SpeechError::Failed(_)) = heard {
            let session = open(&self.service, &self.model, language.clone()).await?;
            heard = self.hear(session, &job).await;
        }
        if heard.is_ok() {
            self.open_ahead(language);
        }
        heard
    }
}

/// Nobody spoke in time: the session is closed here, rather than held at the service until that gives up.
async fn close_stale(ahead: Arc<Mutex<Option<Session>>>) {
    tokio::time::sleep(FRESH).await;
    let mut kept = ahead.lock().unwrap_or_else(PoisonError::into_inner);
    drop(kept.take_if(|session| session.opened.elapsed() >= FRESH));
}

async fn open(service: &ElevenLabs, model: &str, language: String) -> Result<Session, SpeechError> {
    let short = language.split('-').next().unwrap_or_default();
    let query = [
        ("model_id", model),
        ("audio_format", "pcm_16000"),
        ("commit_strategy", "manual"),
        ("include_timestamps", "true"),
        ("language_code", short),
    ];
    let mut socket = service.connect("/v1/speech-to-text/realtime", &query).await?;
    let hello = service.next::<Message>(&mut socket).await?;
    if hello.message_type != "session_started" {
        return Err(failure::of_word(&hello.message_type));
    }
    Ok(Session {
        socket,
        language,
        opened: Instant::now(),
    })
}

fn transcript(message: Message, audio: &[f32]) -> Transcript {
    let text = message.text.trim().to_owned();
    let ms = |seconds: f64| (seconds.max(0.0) * 1000.0).round() as u64;
    let mut words: Vec<HeardWord> = message
        .words
        .into_iter()
        .filter(|word| word.kind != "spacing" && word.kind != "audio_event" && !word.text.trim().is_empty())
        .filter_map(|word| {
            Some(HeardWord {
                text: word.text.trim().to_owned(),
                start_ms: ms(word.start?),
                end_ms: ms(word.end?),
                confidence: word.logprob.map_or(1.0, |p| p.exp().clamp(0.0, 1.0)),
            })
        })
        .collect();
    if words.is_empty() && !text.is_empty() {
        words = estimated(&text, audio);
    }
    Transcript { text, words }
}

/// The last characters of a text, from the beginning of a word.
fn tail(text: &str, most: usize) -> &str {
    let excess = text.chars().count().saturating_sub(most);
    let Some((at, _)) = text.char_indices().nth(excess).filter(|_| excess > 0) else {
        return text;
    };
    let cut = &text[at..];
    cut.split_once(' ').map_or(cut, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_cut_between_words() {
        assert_eq!(tail("short", 50), "short");
        assert_eq!(tail("one two three", 8), "three");
        assert_eq!(tail("ένα δύο τρία", 8), "τρία");
    }
}
