//! Transcription by remote services, and by the embedded model where none of them does it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::{Circuit, count, outcome};
use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::{HeardWord, SpeechError, SpeechToText, Transcript, TranscriptionJob};
use crate::screening::calls::infrastructure::transcriber::guard::{Evidence, Verdict, judge_words};
use crate::screening::calls::infrastructure::voice::polish::voiced;
use crate::screening::calls::infrastructure::voice::timing::{place, weigh};

/// A remote transcriber.
#[derive(Clone)]
pub struct RemoteEars {
    pub stt: Arc<dyn SpeechToText>,
    pub circuit: Arc<Circuit>,
    /// The longest a transcription may take before the next one in the chain is asked.
    pub patience: Duration,
}

/// Asks the remote transcribers in order, then the embedded one.
pub struct FallbackTranscription {
    remote: Vec<RemoteEars>,
    embedded: Arc<dyn SpeechToText>,
}

impl FallbackTranscription {
    pub fn new(remote: Vec<RemoteEars>, embedded: Arc<dyn SpeechToText>) -> Self {
        Self { remote, embedded }
    }
}

#[async_trait]
impl SpeechToText for FallbackTranscription {
    async fn transcribe(&self, job: TranscriptionJob) -> Result<Transcript, SpeechError> {
        let evidence = Evidence::of(&job.audio, job.speech_ms);
        if evidence.rules_out_speech() {
            // Whoever was asked could only invent something.
            return Ok(Transcript::default());
        }
        for RemoteEars { stt, circuit, patience } in &self.remote {
            if !circuit.admits(Instant::now()) {
                count(circuit.name(), "left_alone");
                continue;
            }
            let asked = tokio::select! {
                asked = timeout(*patience, stt.transcribe(job.clone())) => asked.unwrap_or(Err(SpeechError::TimedOut)),
                () = job.cancel.cancelled() => Err(SpeechError::Cancelled),
            };
            match asked {
                Ok(transcript) => {
                    circuit.succeeded();
                    match believed(transcript, evidence, &job.audio) {
                        Some(transcript) => {
                            count(circuit.name(), "ok");
                            return Ok(transcript);
                        }
                        // The service works, it has lost the audio: the next one hears for itself.
                        None => count(circuit.name(), "not_believed"),
                    }
                }
                Err(error) => {
                    count(circuit.name(), outcome(&error));
                    circuit.failed(&error, Instant::now());
                    if error == SpeechError::Cancelled {
                        return Err(error);
                    }
                    warn!(speech.adapter = circuit.name(), %error, "a remote transcription failed");
                }
            }
        }
        let done = self.embedded.transcribe(job).await;
        count("embedded transcription", done.as_ref().map_or_else(outcome, |_| "ok"));
        done
    }
}

/// What is left of what a service heard: all of it, nothing where nobody spoke, or none where it cannot be what was said.
fn believed(mut transcript: Transcript, evidence: Evidence, audio: &[f32]) -> Option<Transcript> {
    if transcript.words.is_empty() {
        transcript.words = estimated(&transcript.text, audio);
    }
    let audio_ms = audio.len() as u64 * 1000 / u64::from(EAR_RATE_HZ);
    match judge_words(&transcript.words, evidence, audio_ms) {
        Verdict::Keep => Some(transcript),
        Verdict::Nothing => Some(Transcript::default()),
        Verdict::Lost => None,
    }
}

/// Words placed on the part of the audio where somebody speaks, by how long they usually take.
pub fn estimated(text: &str, audio: &[f32]) -> Vec<HeardWord> {
    let per_ms = EAR_RATE_HZ as usize / 1000;
    let (start, end) = voiced(audio, EAR_RATE_HZ as usize, 0).map_or((0, audio.len()), |v| (v.start, v.end));
    place(&weigh(text, []), (start / per_ms) as f32, (end / per_ms) as f32)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::screening::calls::domain::ports::Priority;

    /// Answers with its name, or as scripted: an error, or none for no answer at all.
    struct Fake {
        name: &'static str,
        script: Mutex<Vec<Option<SpeechError>>>,
        asked: Mutex<usize>,
    }

    impl Fake {
        fn new(name: &'static str, script: Vec<Option<SpeechError>>) -> Arc<Self> {
            Arc::new(Self {
                name,
                script: Mutex::new(script),
                asked: Mutex::default(),
            })
        }
    }

    #[async_trait]
    impl SpeechToText for Fake {
        async fn transcribe(&self, _: TranscriptionJob) -> Result<Transcript, SpeechError> {
            *self.asked.lock().unwrap() += 1;
            let next = self.script.lock().unwrap().pop();
            match next {
                Some(Some(error)) => Err(error),
                Some(None) => std::future::pending().await,
                None => Ok(Transcript {
                    text: self.name.to_owned(),
                    words: vec![],
                }),
            }
        }
    }

    /// Two seconds with the gaps that speech has.
    fn spoken() -> Arc<[f32]> {
        let loud = |i: usize| if (i / 3_000).is_multiple_of(2) { 0.3 } else { 0.001 };
        (0..32_000).map(|i| loud(i) * (i as f32 * 0.2).sin()).collect()
    }

    fn job() -> TranscriptionJob {
        TranscriptionJob {
            audio: spoken(),
            priority: Priority::Live,
            language: "en".to_owned(),
            context: String::new(),
            speech_ms: None,
            cancel: CancellationToken::new(),
        }
    }

    fn ears(name: &'static str, stt: &Arc<Fake>) -> RemoteEars {
        RemoteEars {
            stt: stt.clone(),
            circuit: Arc::new(Circuit::new(name)),
            patience: Duration::from_secs(4),
        }
    }

    async fn heard(chain: &FallbackTranscription) -> String {
        chain.transcribe(job()).await.unwrap().text
    }

    // spec: CALL-10
    #[tokio::test(start_paused = true)]
    async fn the_chain_ends_with_the_embedded_model_whatever_the_others_do() {
        let broken = || Some(SpeechError::Failed("down".to_owned()));
        let first = Fake::new("first", vec![None, broken()]);
        let second = Fake::new("second", vec![Some(SpeechError::KeyRefused)]);
        let embedded = Fake::new("embedded", vec![]);
        let chain = FallbackTranscription::new(vec![ears("a", &first), ears("b", &second)], embedded);
        assert_eq!(heard(&chain).await, "embedded");
        let asked = Instant::now();
        assert_eq!(heard(&chain).await, "embedded", "no answer at all");
        assert_eq!(asked.elapsed(), Duration::from_secs(4));
        assert_eq!(heard(&chain).await, "embedded", "nobody waits for it any more");
        assert_eq!((*first.asked.lock().unwrap(), *second.asked.lock().unwrap()), (2, 1));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(heard(&chain).await, "first", "it is tried again");
    }

    // spec: CALL-10
    #[tokio::test]
    async fn what_a_service_invents_is_heard_again_or_not_at_all() {
        let hears = |text: &'static str, job: TranscriptionJob| async move {
            let (first, embedded) = (Fake::new(text, vec![]), Fake::new("embedded", vec![]));
            let chain = FallbackTranscription::new(vec![ears("a", &first)], embedded);
            let heard = chain.transcribe(job).await.unwrap();
            assert!(!heard.text.is_empty() || heard.words.is_empty());
            (heard.text, *first.asked.lock().unwrap())
        };
        let hardly = || TranscriptionJob {
            speech_ms: Some(120),
            ..job()
        };
        let nobody = TranscriptionJob {
            speech_ms: Some(0),
            ..job()
        };
        assert_eq!(hears("I led a team.", job()).await.0, "I led a team.");
        assert_eq!(hears("Thank you.", job()).await.0, "Thank you.");
        assert_eq!(hears("Thank you for watching!", job()).await.0, "embedded");
        assert_eq!(hears("no no no no no no no no", job()).await.0, "embedded");
        assert_eq!(hears("Thank you for watching!", hardly()).await.0, "");
        assert_eq!(
            hears("I led a team.", nobody).await,
            (String::new(), 0),
            "nothing is sent out"
        );
    }

    // spec: CALL-10
    #[tokio::test(start_paused = true)]
    async fn what_is_cancelled_is_asked_of_nobody_else() {
        let (first, embedded) = (Fake::new("first", vec![None]), Fake::new("embedded", vec![]));
        let chain = FallbackTranscription::new(vec![ears("a", &first)], embedded.clone());
        let job = job();
        let cancel = job.cancel.clone();
        let (heard, ()) = tokio::join!(chain.transcribe(job), async move { cancel.cancel() });
        assert_eq!(heard, Err(SpeechError::Cancelled));
        assert_eq!(*embedded.asked.lock().unwrap(), 0);
    }

    #[test]
    fn words_without_times_are_placed_on_the_speech() {
        let mut audio = vec![0.0; 16_000];
        audio.extend((0..16_000).map(|i| 0.3 * (i as f32 * 0.2).sin()));
        audio.extend(vec![0.0; 16_000]);
        let words = estimated("hello there", &audio);
        assert_eq!((words[0].start_ms / 100, words[1].end_ms), (9, 2_000));
    }
}
