//! `emma bench segments`: where to cut a long answer. What is transcribed while the candidate still speaks need not
//! be waited for at the end, but every cut costs words.

use std::fmt::Write;
use std::path::PathBuf;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bench::audio::{Utterance, load_set, percentile, sets, voice};
use crate::bootstrap::engines::Ears;
use crate::screening::calls::domain::audio::{EAR_RATE_HZ, VAD_FRAME};
use crate::screening::calls::domain::ports::{Priority, TranscriptionJob};
use crate::shared::word_errors::Errors;
use crate::shared::word_errors::normalizer::Normalizer;

/// What to measure on.
#[derive(Debug, Clone, clap::Args)]
pub struct SegmentsArgs {
    /// As for `words`.
    pub folder: PathBuf,
    /// Utterances of one speaker (ids that begin alike up to `-`) are joined to answers of up to this many seconds.
    #[arg(long, default_value_t = 25)]
    pub join_s: usize,
    /// Silences at which an answer may be cut, milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [350, 500, 700])]
    pub pause_ms: Vec<u64>,
    /// Shortest pieces, seconds.
    #[arg(long, value_delimiter = ',', default_values_t = [2.0, 4.0, 6.0])]
    pub piece_s: Vec<f64>,
    /// Also with the words before a piece as context.
    #[arg(long)]
    pub context: bool,
}

/// How an answer is cut into pieces.
#[derive(Debug, Clone, Copy)]
pub struct Cutting {
    /// Silence at which a piece may end, milliseconds.
    pub pause_ms: u64,
    /// Shortest piece that is cut off, milliseconds from its first speech.
    pub piece_ms: u64,
}

impl Default for Cutting {
    fn default() -> Self {
        Self {
            pause_ms: 500,
            piece_ms: 4000,
        }
    }
}

/// A piece of an answer, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub from: usize,
    pub to: usize,
    /// Speech in it, milliseconds.
    pub speech_ms: u64,
}

const FRAME_MS: u64 = VAD_FRAME as u64 * 1000 / EAR_RATE_HZ as u64;
/// Probability at which speech begins, and under which it ends.
const ON: f32 = 0.5;
const OFF: f32 = 0.35;
/// Audio kept before the first and after the last speech of a piece.
const PAD_MS: u64 = 250;
/// The longest piece: whisper hears 30 s.
const LONGEST_MS: u64 = 27_000;

/// Cuts an answer by its voice activity (`scores`: one probability per 32 ms of `samples` samples).
pub fn cut(scores: &[f32], samples: usize, cutting: &Cutting) -> Vec<Piece> {
    let pad = (PAD_MS * u64::from(EAR_RATE_HZ) / 1000) as usize;
    let mut pieces = Vec::new();
    let mut speaking = false;
    // First speech, end of the last speech (frames) and how much speech there was.
    let mut open: Option<(usize, usize, u64)> = None;
    let piece = |(first, last, speech): (usize, usize, u64)| Piece {
        from: (first * VAD_FRAME).saturating_sub(pad),
        to: (last * VAD_FRAME + pad).min(samples),
        speech_ms: speech * FRAME_MS,
    };
    for (i, &score) in scores.iter().enumerate() {
        speaking = score >= if speaking { OFF } else { ON };
        if speaking {
            let (first, _, speech) = open.unwrap_or((i, i, 0));
            open = Some((first, i + 1, speech + 1));
        }
        if let Some((first, last, speech)) = open {
            let silent_ms = (i + 1 - last) as u64 * FRAME_MS;
            let spoken_ms = (last - first) as u64 * FRAME_MS;
            if (silent_ms >= cutting.pause_ms && spoken_ms >= cutting.piece_ms) || spoken_ms >= LONGEST_MS {
                pieces.push(piece((first, last, speech)));
                open = None;
            }
        }
    }
    pieces.extend(open.map(piece));
    pieces
}

/// Transcribes every answer whole and cut in the ways asked for.
pub async fn segments(ears: &Ears, args: &SegmentsArgs) -> anyhow::Result<String> {
    let normalizer = Normalizer::new()?;
    let mut answers = Vec::new();
    for set in sets(&args.folder)? {
        answers.extend(joined(load_set(&set)?, args.join_s * EAR_RATE_HZ as usize));
    }
    let mut scores = Vec::new();
    for answer in &answers {
        scores.push(voice(ears, &answer.samples).await?);
    }
    let seconds = answers.iter().map(|a| a.samples.len()).sum::<usize>() / EAR_RATE_HZ as usize;
    let mut report = format!("{} answers, {seconds} s\n", answers.len());
    report += "cut at pause   piece  context     WER  pieces  tail s p50    p95   decode s in all\n";
    let whole = Cutting {
        pause_ms: u64::MAX,
        piece_ms: u64::MAX,
    };
    let mut ways = vec![(whole, false)];
    for &pause_ms in &args.pause_ms {
        for &piece_s in &args.piece_s {
            let cutting = Cutting {
                pause_ms,
                piece_ms: (piece_s * 1000.0) as u64,
            };
            ways.push((cutting, false));
            if args.context {
                ways.push((cutting, true));
            }
        }
    }
    for (cutting, context) in ways {
        let (mut errors, mut tails, mut count, mut spent) = (Errors::default(), Vec::new(), 0, 0.0);
        for (answer, scores) in answers.iter().zip(&scores) {
            let pieces = cut(scores, answer.samples.len(), &cutting);
            let mut heard = String::new();
            for piece in &pieces {
                let job = TranscriptionJob {
                    audio: answer.samples[piece.from..piece.to].into(),
                    priority: Priority::Live,
                    language: "en".to_owned(),
                    context: if context { heard.clone() } else { String::new() },
                    speech_ms: Some(piece.speech_ms),
                    cancel: CancellationToken::new(),
                };
                let begin = Instant::now();
                let text = ears.speech_to_text.transcribe(job).await?.text;
                let took = begin.elapsed().as_secs_f64();
                spent += took;
                if piece == pieces.last().unwrap_or(piece) {
                    tails.push(took);
                }
                heard = format!("{heard} {text}");
            }
            count += pieces.len();
            errors += Errors::between(&normalizer.normalize(&answer.reference), &normalizer.normalize(&heard));
        }
        let name = if cutting.pause_ms == u64::MAX {
            "whole answer        ".to_owned()
        } else {
            format!("{:>9} ms {:>5.1} s", cutting.pause_ms, cutting.piece_ms as f64 / 1000.0)
        };
        let (p50, p95) = (percentile(&tails, 0.5), percentile(&tails, 0.95));
        let context = if context { "yes" } else { "no" };
        writeln!(
            report,
            "{name} {context:>8} {:>6.1}% {count:>7} {p50:>11.2} {p95:>6.2} {spent:>11.1}",
            errors.percent()
        )?;
    }
    Ok(report)
}

/// Joins what one speaker says, as far as `most` samples go; what has no `-` in its id stays alone.
fn joined(utterances: Vec<Utterance>, most: usize) -> Vec<Utterance> {
    let mut answers: Vec<Utterance> = Vec::new();
    let speaker = |id: &str| id.split_once('-').map(|(speaker, _)| speaker.to_owned());
    for utterance in utterances {
        match answers.last_mut() {
            Some(answer)
                if speaker(&utterance.id).is_some()
                    && speaker(&utterance.id) == speaker(&answer.id)
                    && answer.samples.len() + utterance.samples.len() <= most =>
            {
                answer.samples.extend(&utterance.samples);
                answer.reference = format!("{} {}", answer.reference, utterance.reference);
            }
            _ => answers.push(utterance),
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of speech (`x`) and silence (`.`), each character 320 ms.
    fn scores(pattern: &str) -> Vec<f32> {
        pattern
            .chars()
            .flat_map(|c| [if c == 'x' { 0.9 } else { 0.1 }; 10])
            .collect()
    }

    #[test]
    fn an_answer_is_cut_at_long_pauses_after_long_pieces_only() {
        let scores = scores("..xxxx.xx...xx...xxxxxx..");
        let samples = scores.len() * VAD_FRAME;
        let pieces = cut(
            &scores,
            samples,
            &Cutting {
                pause_ms: 600,
                piece_ms: 1500,
            },
        );
        let spoken: Vec<u64> = pieces.iter().map(|p| p.speech_ms).collect();
        assert_eq!(spoken, [6 * 320, 8 * 320], "the short word is kept for the next piece");
        for pair in pieces.windows(2) {
            assert!(pair[0].to <= pair[1].from);
        }
        assert!(
            cut(
                &scores,
                samples,
                &Cutting {
                    pause_ms: u64::MAX,
                    piece_ms: 0
                }
            )
            .len()
                == 1
        );
        assert!(cut(&[0.1; 100], 51_200, &Cutting::default()).is_empty());
    }

    #[test]
    fn speech_without_a_pause_is_cut_before_whisper_loses_it() {
        let pieces = cut(&[0.9; 2000], 2000 * VAD_FRAME, &Cutting::default());
        assert!(pieces.len() >= 3);
        assert!(pieces.iter().all(|p| (p.to - p.from) / 16 <= 30_000));
    }
}
