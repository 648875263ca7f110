//! Engines without models: loud is speech, and who speaks always says the same. Whoever types is not heard.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use emma::screening::calls::application::guided::GuidedInterviewer;
use emma::screening::calls::application::session::Engines;
use emma::screening::calls::application::voice::VoiceStyle;
use emma::screening::calls::domain::audio::VAD_FRAME;
use emma::screening::calls::domain::conversation::Limits;
use emma::screening::calls::domain::ports::{
    BackgroundWork, HeardWord, RoleFact, RoleKnowledge, SpeechChunk, SpeechError, SpeechRequest, SpeechToText,
    TextToSpeech, Transcript, TranscriptionJob, TurnJudge, VoiceActivity, VoiceStream,
};
use emma::screening::shared::ids::JobOfferId;
use tokio::sync::mpsc;

/// What the candidate says, whatever the sound was.
pub const ANSWER: &str = "I built a payments service in Rust with two colleagues.";
/// How long a word of the candidate takes.
const WORD_MS: u64 = 40;

/// How fast Emma speaks.
#[derive(Clone, Copy)]
pub enum Pace {
    /// 40 ms a word, as the candidate: there is time to interrupt her.
    Spoken,
    /// 10 ms a word, for calls in which candidates type.
    Typed,
}

pub fn engines(pace: Pace) -> Engines {
    Engines {
        voice_activity: Arc::new(Loudness),
        turn_judge: Arc::new(Finished),
        speech_to_text: Arc::new(SameAnswer),
        text_to_speech: Arc::new(Hum {
            word_ms: match pace {
                Pace::Spoken => WORD_MS,
                Pace::Typed => 10,
            },
        }),
        interviewer: Arc::new(GuidedInterviewer {
            knowledge: Arc::new(Nothing),
            second_look: None,
        }),
        background: Arc::new(Nothing),
        versions: serde_json::Value::Null,
        style: VoiceStyle {
            voice: "hum".to_owned(),
            speed: 1.0,
        },
        limits: Limits::default(),
        reconnect_grace: Duration::from_mins(1),
    }
}

struct Loudness;

impl VoiceActivity for Loudness {
    fn open(&self) -> Box<dyn VoiceStream> {
        Box::new(Self)
    }
}

#[async_trait]
impl VoiceStream for Loudness {
    async fn score(&mut self, frame: &[f32; VAD_FRAME]) -> Result<f32, SpeechError> {
        Ok(if frame.iter().any(|s| s.abs() > 0.1) {
            0.95
        } else {
            0.02
        })
    }
}

struct Finished;

#[async_trait]
impl TurnJudge for Finished {
    async fn judge(&self, _: Arc<[f32]>) -> Result<f32, SpeechError> {
        Ok(0.98)
    }
}

struct SameAnswer;

#[async_trait]
impl SpeechToText for SameAnswer {
    async fn transcribe(&self, job: TranscriptionJob) -> Result<Transcript, SpeechError> {
        let silence = job.audio.iter().take_while(|s| s.abs() < 0.1).count() as u64 / 16;
        let words = words(ANSWER, WORD_MS).into_iter().map(|word| HeardWord {
            start_ms: word.start_ms + silence,
            end_ms: word.end_ms + silence,
            ..word
        });
        Ok(Transcript {
            text: ANSWER.to_owned(),
            words: words.collect(),
        })
    }
}

/// A hum as long as the words.
struct Hum {
    word_ms: u64,
}

#[async_trait]
impl TextToSpeech for Hum {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        let words = words(&request.text, self.word_ms);
        let samples = words.len() * self.word_ms as usize * 48;
        let pcm = (0..samples)
            .map(|i| (8_000.0 * (i as f32 * 0.03).sin()) as i16 | 1)
            .collect();
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Ok(SpeechChunk { pcm, words })).expect("room for one");
        Ok(receiver)
    }
}

fn words(text: &str, word_ms: u64) -> Vec<HeardWord> {
    let words = text.split_whitespace().zip(0..);
    words
        .map(|(word, i)| HeardWord {
            text: word.to_owned(),
            start_ms: i * word_ms,
            end_ms: (i + 1) * word_ms,
            confidence: 1.0,
        })
        .collect()
}

struct Nothing;

#[async_trait]
impl RoleKnowledge for Nothing {
    async fn search(&self, _: &JobOfferId, _: &str, _: usize) -> Result<Vec<RoleFact>, SpeechError> {
        Ok(Vec::new())
    }
}

impl BackgroundWork for Nothing {
    fn hold(&self) -> Box<dyn Send> {
        Box::new(())
    }
}
