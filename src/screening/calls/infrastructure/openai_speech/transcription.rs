//! [`OpenAiTranscriptionAdapter`]: a stretch of audio as a WAV file, its words as JSON.

use async_trait::async_trait;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::OpenAiAudio;
use crate::screening::calls::domain::ports::{HeardWord, SpeechError, SpeechToText, Transcript, TranscriptionJob};
use crate::screening::calls::infrastructure::remote::pcm;
use crate::screening::calls::infrastructure::remote::transcription::estimated;

/// The most an answer may hold, bytes: half a minute of speech is a few KiB.
const MAX_ANSWER: usize = 1024 * 1024;

/// Transcribes with `whisper-1`, `gpt-4o-transcribe` and what answers as they do.
pub struct OpenAiTranscriptionAdapter {
    service: OpenAiAudio,
    model: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    words: Vec<Word>,
}

/// Times are seconds from the start of the file.
#[derive(Debug, Deserialize)]
struct Word {
    word: String,
    start: f64,
    end: f64,
}

impl OpenAiTranscriptionAdapter {
    pub fn new(service: OpenAiAudio, model: String) -> Self {
        Self { service, model }
    }

    fn form(&self, job: &TranscriptionJob) -> Result<Form, SpeechError> {
        let file = Part::bytes(pcm::to_wav(&job.audio)?)
            .file_name("speech.wav")
            .mime_str("audio/wav")
            .map_err(|e| SpeechError::Failed(e.to_string()))?;
        let language = job.language.split('-').next().unwrap_or_default().to_owned();
        let mut form = Form::new()
            .part("file", file)
            .text("model", self.model.clone())
            .text("language", language);
        if !job.context.is_empty() {
            form = form.text("prompt", job.context.clone());
        }
        // The newer models tell no times and refuse to be asked for them.
        Ok(if self.model.starts_with("gpt-") {
            form.text("response_format", "json")
        } else {
            form.text("response_format", "verbose_json")
                .text("timestamp_granularities[]", "word")
        })
    }
}

#[async_trait]
impl SpeechToText for OpenAiTranscriptionAdapter {
    async fn transcribe(&self, job: TranscriptionJob) -> Result<Transcript, SpeechError> {
        let request = self.service.post("/audio/transcriptions").multipart(self.form(&job)?);
        let mut answer = self.service.send(request).await?;
        let mut body = Vec::new();
        while let Some(piece) = self.service.piece(&mut answer).await? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ANSWER {
                return Err(SpeechError::Failed("the service sent too much".to_owned()));
            }
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| SpeechError::Failed("the service sent something unreadable".to_owned()))?;
        Ok(transcript(answer, &job.audio))
    }
}

fn transcript(answer: Answer, audio: &[f32]) -> Transcript {
    let text = answer.text.trim().to_owned();
    let ms = |seconds: f64| (seconds.max(0.0) * 1000.0).round() as u64;
    // The times are for words without their marks: the text says how they are written.
    let written: Vec<&str> = text.split_whitespace().collect();
    let as_many = written.len() == answer.words.len();
    let mut words: Vec<HeardWord> = answer
        .words
        .into_iter()
        .enumerate()
        .map(|(index, word)| HeardWord {
            text: if as_many {
                written[index].to_owned()
            } else {
                word.word.trim().to_owned()
            },
            start_ms: ms(word.start),
            end_ms: ms(word.end.max(word.start)),
            confidence: 1.0,
        })
        .collect();
    if words.is_empty() && !text.is_empty() {
        words = estimated(&text, audio);
    }
    Transcript { text, words }
}
