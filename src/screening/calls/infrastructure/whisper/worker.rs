//! The thread that runs whisper: takes a job, decodes it, doubts the result, decodes at most twice more.

use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::ports::{SpeechError, Transcript, TranscriptionJob};
use crate::screening::calls::infrastructure::whisper::engine::{Decoding, Engine, Heard};
use crate::screening::calls::infrastructure::whisper::guard::{self, Evidence, Verdict};
use crate::screening::calls::infrastructure::whisper::queue::JobQueue;
use crate::screening::calls::infrastructure::whisper::window::{self, WindowPolicy};

/// Works until the queue is closed.
pub fn serve(engine: &mut Engine, queue: &JobQueue, policy: WindowPolicy) {
    while let Some(waiting) = queue.take() {
        let result = transcribe(engine, policy, &waiting.job, &waiting.stop);
        if let Err(SpeechError::Failed(error)) = &result {
            tracing::error!(%error, "transcription failed");
        }
        // Nobody receives it where the caller gave up meanwhile.
        let _ = waiting.reply.send(result);
    }
}

/// Transcribes one job: the cut window first; where whisper lost the audio, the whole window, then the whole window
/// at a temperature that breaks its circles. What still goes in circles is cut after its first round.
pub fn transcribe(
    engine: &mut Engine,
    policy: WindowPolicy,
    job: &TranscriptionJob,
    stop: &CancellationToken,
) -> Result<Transcript, SpeechError> {
    let evidence = Evidence::of(&job.audio, job.speech_ms);
    if evidence.rules_out_speech() {
        return Ok(Transcript::default());
    }
    let audio_ms = CallTime::from_ear_samples(job.audio.len() as u64).ms();
    let clip = window::prepare(&job.audio);
    let cut = policy.positions(clip.len());
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
        let heard = engine.decode(&decoding, stop)?;
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
            Verdict::Keep => return Ok(transcript(heard)),
            Verdict::Nothing => return Ok(Transcript::default()),
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
    Ok(transcript(heard))
}

fn transcript(heard: Heard) -> Transcript {
    let text = heard
        .words
        .iter()
        .map(|word| word.text.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    Transcript {
        text,
        words: heard.words,
    }
}
