//! `emma bench memory`: what each model takes, when it is loaded and after it has worked.

use std::fmt::Write;

use tokio_util::sync::CancellationToken;

use crate::bootstrap::engines::{voice_threads, whisper_file};
use crate::bootstrap::outside::embedder;
use crate::config::Config;
use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::{Priority, TranscriptionJob};
use crate::screening::calls::infrastructure::kokoro::{self, KokoroSettings};
use crate::screening::calls::infrastructure::moonshine::Moonshine;
use crate::screening::calls::infrastructure::silero::SileroVad;
use crate::screening::calls::infrastructure::smart_turn::SmartTurn;
use crate::screening::calls::infrastructure::transcriber::Listener;
use crate::screening::calls::infrastructure::voice::choice::render;
use crate::screening::calls::infrastructure::whisper::{Whisper, WhisperConfig};
use crate::shared::memory;
use crate::shared::models::ModelDir;
use crate::shared::onnx::OnnxRuntime;

/// A sentence as long as Emma's longest, which is rendered in one piece.
const SAID: &str = "In this role you would work with a small team of engineers on the payments platform, and we would like \
                    to hear what you have built before.";
/// What is heard, seconds: near the longest that is transcribed at once.
const HEARD_S: usize = 25;

/// Loads the models one after the other, has those work whose needs depend on the work, and reports the memory.
///
/// # Errors
/// When a model is missing or unfit.
pub async fn memory(config: &Config, models: &ModelDir) -> anyhow::Result<String> {
    let speech = &config.speech;
    let mut report = Report::new();
    let threads = speech.whisper_threads.min(voice_threads());
    let runtime = OnnxRuntime::load(models)?;
    report.row("ONNX Runtime");
    let embedder = embedder(&config.embeddings, &runtime, models)?;
    report.row(&embedder.model().name);
    let silero = SileroVad::start(&runtime, models)?;
    report.row("Silero");
    let turns = SmartTurn::start(&runtime, models)?;
    report.row("Smart Turn");
    let mut whisper = Whisper::load(&WhisperConfig::new(models.require(whisper_file(speech.whisper))?))?;
    report.row("whisper");
    let mut moonshine = Moonshine::load(&runtime, models, threads)?;
    report.row("Moonshine");
    let settings = KokoroSettings {
        threads: voice_threads(),
        espeak: "espeak-ng".into(),
    };
    let kokoro = kokoro::start(&runtime, models, &settings)?;
    report.row("Kokoro");
    let heard = tokio::task::spawn_blocking(move || {
        let never = CancellationToken::new();
        moonshine.listen(&bursts(), &never)?;
        report.row(&format!("Moonshine has heard {HEARD_S} s"));
        whisper.listen(&bursts(), &never)?;
        report.row(&format!("whisper has heard {HEARD_S} s"));
        anyhow::Ok((report, moonshine, whisper))
    });
    let (mut report, moonshine, whisper) = heard.await??;
    render(&kokoro, "af_heart", SAID).await?;
    report.row("Kokoro has said 25 words");
    drop((embedder, silero, turns, moonshine, whisper, kokoro));
    Ok(report.0)
}

/// Noise in bursts, as long as somebody who talks long.
fn bursts() -> TranscriptionJob {
    let mut seed = 1_u32;
    let audio = (0..HEARD_S * EAR_RATE_HZ as usize).map(|i| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let loud = if (i / 4000) % 2 == 0 { 0.2 } else { 0.002 };
        loud * ((seed >> 8) as f32 / (1 << 23) as f32 - 1.0)
    });
    TranscriptionJob {
        audio: audio.collect(),
        priority: Priority::Live,
        language: "en".to_owned(),
        context: String::new(),
        speech_ms: None,
        cancel: CancellationToken::new(),
    }
}

struct Report(String, u64);

impl Report {
    fn new() -> Self {
        memory::forget_peak();
        let held = memory::resident_mib().unwrap_or_default();
        Self(
            format!(
                "MiB                          more   held   peak\nthe program                {held:>6} {held:>6}\n"
            ),
            held,
        )
    }

    /// What is held now, how much more than in the row before, and the most since then.
    fn row(&mut self, what: &str) {
        let (held, peak) = (memory::resident_mib(), memory::peak_mib());
        let (held, peak) = (held.unwrap_or_default(), peak.unwrap_or_default());
        let more = held as i64 - self.1 as i64;
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "{what:<26} {more:>6} {held:>6} {peak:>6}");
        self.1 = held;
        memory::forget_peak();
    }
}
