//! Whisper as a listener: decodes, doubts the result, decodes at most twice more.

use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::ports::{SpeechError, TranscriptionJob};
use crate::screening::calls::infrastructure::transcriber::guard::{self, Evidence, Verdict};
use crate::screening::calls::infrastructure::transcriber::{Heard, Listener};
use crate::screening::calls::infrastructure::whisper::Whisper;
use crate::screening::calls::infrastructure::whisper::engine::Decoding;
use crate::screening::calls::infrastructure::whisper::window;

impl Listener for Whisper {
    /// The cut window first; where whisper lost the audio, the whole window, then the whole window at a temperature
    /// that breaks its circles. What still goes in circles is cut after its first round.
    fn listen(&mut self, job: &TranscriptionJob, stop: &CancellationToken) -> Result<Heard, SpeechError> {
        let evidence = Evidence::of(&job.audio, job.speech_ms);
        if evidence.rules_out_speech() {
            return Ok(Heard::default());
        }
        let audio_ms = CallTime::from_ear_samples(job.audio.len() as u64).ms();
        let clip = window::prepare(&job.audio);
        let cut = self.window.positions(clip.len());
        let attempts = [
            (cut, 0.0, job.context.as_str()),
            (window::WHOLE, 0.0, ""),
            (window::WHOLE, 0.4, ""),
        ];
        let mut best: Option<Heard> = None;
        for (attempt, (positions, temperature, context)) in attempts.into_iter().enumerate() {
            let language = &job.language;
            let decoding = Decoding {
                clip: &clip,
                audio_ms,
                positions,
                temperature,
                language,
                context,
            };
            let heard = self.engine.decode(&decoding, stop)?;
            let verdict = guard::judge(&heard, evidence, audio_ms);
            tracing::debug!(
                attempt,
                audio_ms,
                positions,
                ?verdict,
                words = heard.words.len(),
                avg_logprob = heard.avg_logprob,
                no_speech = heard.no_speech,
                peak_db = evidence.peak_db,
                range_db = evidence.range_db,
                "decoded"
            );
            match verdict {
                Verdict::Keep => return Ok(heard),
                Verdict::Nothing => return Ok(Heard::default()),
                Verdict::Lost => {}
            }
            let better = best.as_ref().is_none_or(|b| {
                (guard::has_loop(&b.words), -b.avg_logprob) > (guard::has_loop(&heard.words), -heard.avg_logprob)
            });
            if better {
                best = Some(heard);
            }
        }
        let mut heard = best.unwrap_or_default();
        guard::cut_loop(&mut heard.words);
        Ok(heard)
    }
}
