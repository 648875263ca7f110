//! Emma's voice from remote services, and from the embedded model where none of them gives it.
//!
//! A sentence is spoken by one voice. Only when that one dies in the middle, another takes over: with the clause that
//! was cut, which is said again from its beginning, because half a clause means nothing. What was heard of the cut
//! clause before is left out of the words, so that the transcript has everything once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::{Circuit, count, outcome};
use crate::screening::calls::domain::ports::{
    HeardWord, Priority, SpeechChunk, SpeechError, SpeechRequest, TextToSpeech,
};
use crate::screening::calls::infrastructure::voice::timing::{place, weigh};

/// Chunks between a voice and the listener; when it is full the voice waits.
const AHEAD: usize = 8;
/// Speech without times of its own is estimated at this pace, ms for a character.
const MS_PER_CHARACTER: f32 = 65.0;

/// A remote voice.
#[derive(Clone)]
pub struct RemoteVoice {
    pub tts: Arc<dyn TextToSpeech>,
    /// A voice of that service.
    pub voice: String,
    pub circuit: Arc<Circuit>,
    /// The longest that each piece of audio may take before the next voice in the chain goes on.
    pub patience: Duration,
}

/// Speaks with the first remote voice that works, else with the embedded one.
pub struct FallbackSpeech {
    remote: Arc<[RemoteVoice]>,
    embedded: Arc<dyn TextToSpeech>,
    tasks: TaskTracker,
}

impl FallbackSpeech {
    pub fn new(remote: Vec<RemoteVoice>, embedded: Arc<dyn TextToSpeech>, tasks: TaskTracker) -> Self {
        Self {
            remote: remote.into(),
            embedded,
            tasks,
        }
    }
}

#[async_trait]
impl TextToSpeech for FallbackSpeech {
    async fn speak(
        &self,
        request: SpeechRequest,
    ) -> Result<mpsc::Receiver<Result<SpeechChunk, SpeechError>>, SpeechError> {
        // What is prepared ahead is prepared for the day when the remote voice is not there.
        if self.remote.is_empty() || request.priority == Priority::Background {
            return self.embedded.speak(request).await;
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (remote, embedded) = (self.remote.clone(), self.embedded.clone());
        self.tasks.spawn(async move {
            let sentence = Sentence {
                rest: request.text.clone(),
                spoken_ms: 0.0,
                listener: sender,
            };
            sentence.speak(&remote, &*embedded, &request).await;
        });
        Ok(receiver)
    }
}

/// A sentence on its way to the listener.
struct Sentence {
    /// What is still to be said.
    rest: String,
    /// Audio that has gone out, ms.
    spoken_ms: f32,
    listener: mpsc::Sender<Result<SpeechChunk, SpeechError>>,
}

/// Why a voice stopped.
enum Stopped {
    /// Nobody listens any more.
    Unheard,
    By(SpeechError),
}

impl From<SpeechError> for Stopped {
    fn from(error: SpeechError) -> Self {
        Self::By(error)
    }
}

impl Sentence {
    async fn speak(mut self, remote: &[RemoteVoice], embedded: &dyn TextToSpeech, request: &SpeechRequest) {
        for RemoteVoice {
            tts,
            voice,
            circuit,
            patience,
        } in remote
        {
            if !circuit.admits(Instant::now()) {
                count(circuit.name(), "left_alone");
                continue;
            }
            match self.speak_with(&**tts, voice, request, Some(*patience)).await {
                Ok(()) => {
                    count(circuit.name(), "ok");
                    return circuit.succeeded();
                }
                Err(Stopped::Unheard) => return count(circuit.name(), "cancelled"),
                Err(Stopped::By(error)) => {
                    count(circuit.name(), outcome(&error));
                    circuit.failed(&error, Instant::now());
                    warn!(
                        speech.adapter = circuit.name(),
                        %error,
                        in_the_middle = self.spoken_ms > 0.0,
                        "a remote voice failed"
                    );
                }
            }
            if self.rest.is_empty() {
                return;
            }
        }
        match self.speak_with(embedded, &request.voice, request, None).await {
            Ok(()) => count("embedded voice", "ok"),
            Err(Stopped::Unheard) => count("embedded voice", "cancelled"),
            Err(Stopped::By(error)) => {
                count("embedded voice", outcome(&error));
                // A listener that has gone needs no reason.
                let _ = self.listener.send(Err(error)).await;
            }
        }
    }

    /// Says the rest with one voice. On failure `rest` is what the next one has to say.
    async fn speak_with(
        &mut self,
        tts: &dyn TextToSpeech,
        voice: &str,
        request: &SpeechRequest,
        patience: Option<Duration>,
    ) -> Result<(), Stopped> {
        let request = SpeechRequest {
            text: self.rest.clone(),
            voice: voice.to_owned(),
            ..request.clone()
        };
        let mut part = Part::new(self.spoken_ms);
        let spoken = self.relay(tts, request, patience, &mut part).await;
        let words = match &spoken {
            Ok(()) => part.all(),
            Err(Stopped::By(_)) => {
                let (words, rest) = part.cut(&self.rest);
                self.rest = rest;
                words
            }
            Err(Stopped::Unheard) => Vec::new(),
        };
        if !words.is_empty() {
            self.send(&[], words).await?;
        }
        spoken
    }

    async fn relay(
        &mut self,
        tts: &dyn TextToSpeech,
        request: SpeechRequest,
        patience: Option<Duration>,
        part: &mut Part,
    ) -> Result<(), Stopped> {
        let mut chunks = in_time(patience, tts.speak(request)).await??;
        loop {
            let next = tokio::select! {
                next = in_time(patience, chunks.recv()) => next?,
                () = self.listener.closed() => return Err(Stopped::Unheard),
            };
            let Some(chunk) = next else { break };
            let SpeechChunk { pcm, words } = chunk?;
            part.take(words, pcm.len());
            self.spoken_ms += pcm.len() as f32 / 48.0;
            let complete = part.complete_clauses();
            self.send(&pcm, complete).await?;
        }
        if part.is_empty() {
            return Err(SpeechError::Failed("the voice gave no audio".to_owned()).into());
        }
        Ok(())
    }

    async fn send(&self, pcm: &[i16], words: Vec<HeardWord>) -> Result<(), Stopped> {
        let chunk = SpeechChunk { pcm: pcm.into(), words };
        self.listener.send(Ok(chunk)).await.map_err(|_| Stopped::Unheard)
    }
}

/// What one voice has said of a sentence.
struct Part {
    /// Where in the sentence it began, ms.
    base_ms: f32,
    audio_ms: f32,
    /// Words that are not given on yet: those of the clause that is being said.
    pending: Vec<HeardWord>,
    /// Words that were given on.
    given: usize,
}

impl Part {
    fn new(base_ms: f32) -> Self {
        Self {
            base_ms,
            audio_ms: 0.0,
            pending: Vec::new(),
            given: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.audio_ms == 0.0
    }

    fn take(&mut self, words: Vec<HeardWord>, samples: usize) {
        self.audio_ms += samples as f32 / 48.0;
        self.pending.extend(words);
    }

    /// The words of clauses that have been said to their end.
    fn complete_clauses(&mut self) -> Vec<HeardWord> {
        if self.is_empty() {
            return Vec::new();
        }
        let said = self.pending.iter().take_while(|w| w.end_ms as f32 <= self.audio_ms);
        let clause = said
            .enumerate()
            .filter(|(_, word)| ends_clause(&word.text))
            .last()
            .map_or(0, |(index, _)| index + 1);
        self.give(clause)
    }

    fn all(&mut self) -> Vec<HeardWord> {
        self.give(self.pending.len())
    }

    /// After a failure: the words that were said in whole clauses, and the text from the first one that was not.
    fn cut(mut self, text: &str) -> (Vec<HeardWord>, String) {
        if self.pending.is_empty() && self.given == 0 && !self.is_empty() {
            // This voice tells the times at its end only.
            let estimate = MS_PER_CHARACTER * text.chars().count() as f32;
            self.pending = place(&weigh(text, []), 0.0, estimate.max(self.audio_ms));
        }
        let words = self.complete_clauses();
        let rest: Vec<&str> = text.split_whitespace().skip(self.given).collect();
        (words, rest.join(" "))
    }

    fn give(&mut self, count: usize) -> Vec<HeardWord> {
        self.given += count;
        let base = self.base_ms.round() as u64;
        self.pending
            .drain(..count)
            .map(|word| HeardWord {
                start_ms: word.start_ms + base,
                end_ms: word.end_ms + base,
                ..word
            })
            .collect()
    }
}

/// Whether a voice could begin anew behind this word.
fn ends_clause(word: &str) -> bool {
    let word = word.trim_end_matches(['"', '\'', '”', '’', ')', ']']);
    word.ends_with([',', ';', ':', '—', '–', '.', '!', '?', '…'])
}

async fn in_time<T>(patience: Option<Duration>, work: impl Future<Output = T>) -> Result<T, SpeechError> {
    match patience {
        Some(patience) => timeout(patience, work).await.map_err(|_| SpeechError::TimedOut),
        None => Ok(work.await),
    }
}

#[cfg(test)]
mod tests;
