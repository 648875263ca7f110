//! Two models: the second is asked where the first is in doubt.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::ports::{SpeechError, TranscriptionJob};
use crate::screening::calls::infrastructure::transcriber::guard::Evidence;
use crate::screening::calls::infrastructure::transcriber::{Heard, Listener};

/// Below this mean log probability the first model is in doubt.
const DOUBT: f32 = -0.35;
/// How much surer the second must be to be believed instead; the models' probabilities are not quite comparable.
const SURER_BY: f32 = 0.1;
/// How long the second may take over it: a candidate waits for the words, and so do all other calls.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Believes the first model where it is sure, and the surer of both where it is not.
pub struct SecondOpinion<A, B> {
    pub first: A,
    /// The one language the first model knows, as a BCP 47 primary tag; all others go to the second.
    pub language: &'static str,
    pub second: B,
    /// After this time the first is believed.
    pub patience: Duration,
}

impl<A: Listener, B: Listener> SecondOpinion<A, B> {
    /// What the second hears; nothing where it fails or takes too long.
    fn ask_second(&mut self, job: &TranscriptionJob, stop: &CancellationToken) -> Result<Option<Heard>, SpeechError> {
        let hurry = stop.child_token();
        let (done, waiting) = sync_channel::<()>(1);
        let (late, patience) = (hurry.clone(), self.patience);
        let heard = thread::scope(|scope| {
            let watch = thread::Builder::new().name("emma-ears-watch".to_owned());
            let watching = watch.spawn_scoped(scope, move || {
                if waiting.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                    late.cancel();
                }
            });
            let heard = self.second.listen(job, &hurry);
            drop(done);
            if let Err(error) = watching {
                tracing::warn!(%error, "a second opinion could not be timed");
            }
            heard
        });
        match heard {
            Ok(heard) => Ok(Some(heard)),
            Err(error) if stop.is_cancelled() => Err(error),
            Err(error) => {
                tracing::debug!(%error, "no second opinion");
                Ok(None)
            }
        }
    }
}

impl<A: Listener, B: Listener> Listener for SecondOpinion<A, B> {
    fn listen(&mut self, job: &TranscriptionJob, stop: &CancellationToken) -> Result<Heard, SpeechError> {
        let language = job.language.split(['-', '_']).next().unwrap_or_default();
        if !language.eq_ignore_ascii_case(self.language) {
            return self.second.listen(job, stop);
        }
        let evidence = Evidence::of(&job.audio, job.speech_ms);
        if evidence.rules_out_speech() {
            return Ok(Heard::default());
        }
        let heard = self.first.listen(job, stop)?;
        if !is_doubtful(&heard, evidence) {
            return Ok(heard);
        }
        let Some(other) = self.ask_second(job, stop)? else {
            let unlikely = evidence.is_weak() && heard.avg_logprob < DOUBT;
            return Ok(if unlikely { Heard::default() } else { heard });
        };
        tracing::debug!(first = heard.avg_logprob, second = other.avg_logprob, "second opinion");
        Ok(surer(heard, other, evidence))
    }
}

/// Whether another ear is worth its time.
fn is_doubtful(heard: &Heard, evidence: Evidence) -> bool {
    heard.words.is_empty() || heard.avg_logprob < DOUBT || evidence.is_weak()
}

/// Where speech is unlikely both must hear something; else whoever hears more surely is right.
fn surer(first: Heard, second: Heard, evidence: Evidence) -> Heard {
    let one_is_deaf = first.words.is_empty() || second.words.is_empty();
    if one_is_deaf && evidence.is_weak() {
        return Heard::default();
    }
    let second_is_surer = first.words.is_empty() || second.avg_logprob > first.avg_logprob + SURER_BY;
    if second_is_surer && !second.words.is_empty() {
        second
    } else {
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::ports::{HeardWord, Priority};

    /// Hears one thing whatever is said, and counts.
    struct Parrot(Heard, usize);

    impl Listener for Parrot {
        fn listen(&mut self, _: &TranscriptionJob, _: &CancellationToken) -> Result<Heard, SpeechError> {
            self.1 += 1;
            Ok(self.0.clone())
        }
    }

    fn heard(text: &str, avg_logprob: f32) -> Heard {
        let words = text.split_whitespace().map(|w| HeardWord {
            text: w.to_owned(),
            start_ms: 0,
            end_ms: 0,
            confidence: 1.0,
        });
        Heard {
            words: words.collect(),
            avg_logprob,
            no_speech: 0.0,
        }
    }

    /// Works until it is stopped.
    struct Dawdler;

    impl Listener for Dawdler {
        fn listen(&mut self, _: &TranscriptionJob, stop: &CancellationToken) -> Result<Heard, SpeechError> {
            while !stop.is_cancelled() {
                thread::yield_now();
            }
            Err(SpeechError::Cancelled)
        }
    }

    fn job(language: &str, audio: Vec<f32>) -> TranscriptionJob {
        TranscriptionJob {
            audio: audio.into(),
            priority: Priority::Live,
            language: language.to_owned(),
            context: String::new(),
            speech_ms: None,
            cancel: CancellationToken::new(),
        }
    }

    fn ask(first: Heard, second: Heard, language: &str, audio: Vec<f32>) -> (String, usize, usize) {
        let mut both = SecondOpinion {
            first: Parrot(first, 0),
            language: "en",
            second: Parrot(second, 0),
            patience: PATIENCE,
        };
        let heard = both
            .listen(&job(language, audio), &CancellationToken::new())
            .expect("parrots do not fail");
        let texts: Vec<_> = heard.words.into_iter().map(|w| w.text).collect();
        (texts.join(" "), both.first.1, both.second.1)
    }

    fn bursts() -> Vec<f32> {
        (0..16_000)
            .map(|i| if (i / 3000) % 2 == 0 { 0.2 } else { 0.001 })
            .collect()
    }

    #[test]
    fn a_sure_first_model_is_believed_without_asking() {
        let got = ask(heard("one", -0.1), heard("two", 0.0), "en-GB", bursts());
        assert_eq!(got, ("one".to_owned(), 1, 0));
    }

    #[test]
    fn in_doubt_the_surer_one_is_believed() {
        let doubtful = || heard("one", -0.6);
        assert_eq!(ask(doubtful(), heard("two", -0.3), "en", bursts()).0, "two");
        assert_eq!(ask(doubtful(), heard("two", -0.59), "en", bursts()).0, "one");
        assert_eq!(ask(doubtful(), heard("", 0.0), "en", bursts()).0, "one");
        assert_eq!(ask(heard("", 0.0), heard("two", -0.6), "en", bursts()).0, "two");
    }

    #[test]
    fn in_steady_noise_one_ear_is_not_enough() {
        let hum: Vec<f32> = (0..16_000).map(|i| 0.1 * (i as f32 * 0.02).sin()).collect();
        assert_eq!(ask(heard("one", -0.1), heard("", 0.0), "en", hum.clone()).0, "");
        assert_eq!(ask(heard("", 0.0), heard("two", -0.1), "en", hum).0, "");
        assert_eq!(
            ask(heard("one", -0.1), heard("two", 0.0), "en", vec![0.0; 16_000]),
            (String::new(), 0, 0)
        );
    }

    #[test]
    fn who_takes_too_long_over_a_second_opinion_is_not_waited_for() {
        let late = |first: Heard, audio: Vec<f32>, stop: &CancellationToken| {
            let mut both = SecondOpinion {
                first: Parrot(first, 0),
                language: "en",
                second: Dawdler,
                patience: Duration::from_millis(5),
            };
            both.listen(&job("en", audio), stop)
        };
        let words = late(heard("one", -0.6), bursts(), &CancellationToken::new()).expect("the first ear's words");
        assert_eq!(words, heard("one", -0.6));
        let hum: Vec<f32> = (0..16_000).map(|i| 0.1 * (i as f32 * 0.02).sin()).collect();
        let sure = late(heard("one", -0.1), hum.clone(), &CancellationToken::new()).expect("words");
        assert_eq!(sure.words.len(), 1, "a sure ear is believed alone");
        let unsure = late(heard("one", -0.6), hum, &CancellationToken::new()).expect("nothing");
        assert_eq!(unsure, Heard::default());
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(late(heard("one", -0.6), bursts(), &stop), Err(SpeechError::Cancelled));
    }

    #[test]
    fn other_languages_go_to_the_model_that_knows_them() {
        assert_eq!(
            ask(heard("one", -0.1), heard("δύο", -0.9), "el", bursts()),
            ("δύο".to_owned(), 0, 1)
        );
    }
}
