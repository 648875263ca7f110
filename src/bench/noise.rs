//! `emma bench noise`: what is heard where nobody speaks. Every word is one too many.

use std::fmt::Write;

use tokio_util::sync::CancellationToken;

use crate::bench::audio::voice;
use crate::bench::segments::{Cutting, cut};
use crate::bench::synth::Sound;
use crate::bootstrap::engines::Ears;
use crate::screening::calls::domain::ports::{Priority, TranscriptionJob};

/// What to measure on.
#[derive(Debug, Clone, clap::Args)]
pub struct NoiseArgs {
    /// Minutes of every sound at every level.
    #[arg(long, default_value_t = 1)]
    pub minutes: usize,
    /// Also gives the transcriber every 5 s of it, as if voice activity were always wrong.
    #[arg(long)]
    pub without_vad: bool,
}

/// Root mean squares: -46, -34 and -22 dB below full scale.
const LEVELS: [f32; 3] = [0.005, 0.02, 0.08];

/// Sends every sound through voice activity and the transcriber as a call does.
pub async fn noise(ears: &Ears, args: &NoiseArgs) -> anyhow::Result<String> {
    let mut report = String::from("sound         level dB   minutes   chunks   non-empty transcripts\n");
    let (mut total, mut invented, mut minutes) = (0, 0, 0);
    for sound in Sound::ALL {
        for level in if sound == Sound::Silence {
            &LEVELS[..1]
        } else {
            &LEVELS[..]
        } {
            let audio = sound.make(args.minutes.max(1) * 60, *level);
            let chunks: Vec<_> = if args.without_vad {
                (0..audio.len())
                    .step_by(80_000)
                    .map(|at| (at, (at + 80_000).min(audio.len()), None))
                    .collect()
            } else {
                let scores = voice(ears, &audio).await?;
                cut(&scores, audio.len(), &Cutting::default())
                    .into_iter()
                    .map(|c| (c.from, c.to, Some(c.speech_ms)))
                    .collect()
            };
            let mut heard = Vec::new();
            for &(from, to, speech_ms) in &chunks {
                let job = TranscriptionJob {
                    audio: audio[from..to].into(),
                    priority: Priority::Live,
                    language: "en".to_owned(),
                    context: String::new(),
                    speech_ms,
                    cancel: CancellationToken::new(),
                };
                let text = ears.speech_to_text.transcribe(job).await?.text;
                if !text.is_empty() {
                    heard.push(text);
                }
            }
            let decibel = if sound == Sound::Silence {
                f32::NEG_INFINITY
            } else {
                20.0 * level.log10()
            };
            let name = format!("{sound:?}");
            writeln!(
                report,
                "{name:<12} {decibel:>9.0} {:>9} {:>8} {:>8}   {heard:?}",
                args.minutes.max(1),
                chunks.len(),
                heard.len()
            )?;
            total += chunks.len();
            invented += heard.len();
            minutes += args.minutes.max(1);
        }
    }
    writeln!(report, "total {:>16} {minutes:>9} {total:>8} {invented:>8}", "")?;
    Ok(report)
}
