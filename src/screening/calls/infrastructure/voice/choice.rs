//! Which voice Emma has on this machine: chosen once, when the server starts, and the same for every call until it ends.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::screening::calls::domain::ports::{Priority, SpeechError, SpeechRequest, TextToSpeech};
use crate::screening::calls::infrastructure::kokoro::{self, KokoroSettings};
use crate::screening::calls::infrastructure::piper::{self, PiperSettings};
use crate::screening::calls::infrastructure::voice::queue::VoiceQueue;
use crate::screening::calls::infrastructure::voice_cache::store::Limits;
use crate::shared::models::ModelDir;
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// Ten words, as long as a usual clause.
const SAMPLE: &str = "Could you tell me a little more about your work?";
/// The better voice is taken while it renders a sentence in no more than this many times its own length. Half of what
/// Emma says is rendered ahead; the rest begins with a cached opening that hides this.
const SLOWEST: f32 = 1.5;
const MEASURING: Duration = Duration::from_mins(1);

/// What the configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// Kokoro where the machine is fast enough for it, else Piper.
    Auto,
    Only(VoiceEngine),
}

/// How the voice is run and where it is cached.
#[derive(Debug, Clone)]
pub struct VoiceSettings {
    /// Threads inside an operator.
    pub threads: usize,
    /// The `espeak-ng` program.
    pub espeak: PathBuf,
    /// Directory of rendered lines.
    pub cache_dir: PathBuf,
    pub cache: Limits,
}

impl VoiceSettings {
    /// Two threads, `espeak-ng` from the path.
    pub fn new(cache_dir: PathBuf) -> Self {
        Self {
            threads: 2,
            espeak: "espeak-ng".into(),
            cache_dir,
            cache: Limits::default(),
        }
    }
}

/// A voice engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoiceEngine {
    Kokoro,
    Piper,
}

impl fmt::Display for VoiceEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kokoro => "kokoro",
            Self::Piper => "piper",
        })
    }
}

/// How fast an engine rendered the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub first_audio_ms: u64,
    pub all_ms: u64,
    pub audio_ms: u64,
}

impl Measured {
    /// Time to render by time to hear; below 1 is faster than speech.
    pub fn real_time_factor(self) -> f32 {
        self.all_ms as f32 / (self.audio_ms.max(1)) as f32
    }

    /// Whether the better voice keeps up here.
    pub fn is_fast_enough(self) -> bool {
        self.real_time_factor() <= SLOWEST
    }
}

/// An engine that was chosen.
pub struct Choice<V> {
    pub engine: VoiceEngine,
    pub voice: V,
    pub why: Why,
}

/// Why an engine was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The configuration names it.
    Configured,
    /// The better one was measured now.
    Measured(Measured),
    /// The better one was measured at an earlier start on this machine.
    Remembered(Measured),
    /// The other one cannot be used: its files are missing, or it does not render.
    OnlyOne,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speed = |m: &Measured| format!("kokoro takes {:.2} of the time it speaks", m.real_time_factor());
        match self {
            Self::Configured => f.write_str("configured"),
            Self::Measured(measured) => write!(f, "measured: {}, the limit is {SLOWEST}", speed(measured)),
            Self::Remembered(measured) => {
                write!(
                    f,
                    "measured at an earlier start: {}, the limit is {SLOWEST}",
                    speed(measured)
                )
            }
            Self::OnlyOne => f.write_str("the other voice cannot be used here"),
        }
    }
}

/// Opens engines.
#[async_trait]
pub trait VoiceEngines: Send + Sync {
    type Voice: TextToSpeech + 'static;
    /// # Errors
    /// When the engine's files are missing or unfit.
    async fn open(&self, engine: VoiceEngine) -> Result<Self::Voice, VoiceError>;
}

/// The engines of this machine.
pub struct LocalVoices {
    pub runtime: OnnxRuntime,
    pub models: ModelDir,
    pub settings: VoiceSettings,
}

#[async_trait]
impl VoiceEngines for LocalVoices {
    type Voice = VoiceQueue;

    async fn open(&self, engine: VoiceEngine) -> Result<VoiceQueue, VoiceError> {
        open(self.runtime.clone(), self.models.clone(), self.settings.clone(), engine).await
    }
}

/// Why there is no voice.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    #[error(transparent)]
    Model(#[from] OnnxError),
    #[error("the voice could not be measured: {0}")]
    Speech(#[from] SpeechError),
}

/// Opens the voice: the one asked for, or with [`Preference::Auto`] Kokoro unless it is missing or takes longer than 1.5
/// times the length of what it says. `known` is what was measured here before; `voice` is the Kokoro voice to measure
/// with, e.g. `af_heart`.
///
/// # Errors
/// When no voice can be opened.
pub async fn choose<E: VoiceEngines>(
    engines: &E,
    preference: Preference,
    known: Option<Measured>,
    voice: &str,
) -> Result<Choice<E::Voice>, VoiceError> {
    use VoiceEngine::{Kokoro, Piper};
    let chosen = |engine, voice, why| Ok(Choice { engine, voice, why });
    if let Preference::Only(engine) = preference {
        return chosen(engine, engines.open(engine).await?, Why::Configured);
    }
    if let Some(measured) = known {
        let (first, second) = if measured.is_fast_enough() {
            (Kokoro, Piper)
        } else {
            (Piper, Kokoro)
        };
        return match engines.open(first).await {
            Ok(voice) => chosen(first, voice, Why::Remembered(measured)),
            Err(error) => {
                warn!(%error, voice.engine = %first, "the voice for this machine cannot be opened");
                chosen(second, engines.open(second).await?, Why::OnlyOne)
            }
        };
    }
    let kokoro = match engines.open(Kokoro).await {
        Ok(kokoro) => kokoro,
        Err(error) => {
            warn!(%error, "the better voice cannot be opened");
            return chosen(Piper, engines.open(Piper).await?, Why::OnlyOne);
        }
    };
    let measured = match measure(&kokoro, voice).await {
        Ok(measured) => measured,
        Err(error) => {
            warn!(%error, "the better voice does not render");
            // A voice that cannot be measured cannot be spoken with.
            return match engines.open(Piper).await {
                Ok(piper) => chosen(Piper, piper, Why::OnlyOne),
                Err(_) => Err(error.into()),
            };
        }
    };
    if measured.is_fast_enough() {
        return chosen(Kokoro, kokoro, Why::Measured(measured));
    }
    match engines.open(Piper).await {
        Ok(piper) => chosen(Piper, piper, Why::Measured(measured)),
        Err(error) => {
            warn!(%error, "the better voice is slow here and there is no faster one; `emma models pull --profile small` fetches it");
            chosen(Kokoro, kokoro, Why::OnlyOne)
        }
    }
}

/// Opens an engine without a cache.
///
/// # Errors
/// When its files are missing or unfit.
pub async fn open(
    runtime: OnnxRuntime,
    models: ModelDir,
    settings: VoiceSettings,
    engine: VoiceEngine,
) -> Result<VoiceQueue, VoiceError> {
    let VoiceSettings { threads, espeak, .. } = settings;
    let opened = tokio::task::spawn_blocking(move || match engine {
        VoiceEngine::Kokoro => kokoro::start(&runtime, &models, &KokoroSettings { threads, espeak }),
        VoiceEngine::Piper => piper::start(&runtime, &models, &PiperSettings { threads, espeak }),
    });
    let opened = opened.await.map_err(|e| OnnxError::Runtime(e.to_string()))?;
    Ok(opened?)
}

/// Renders a sentence of ten words, after a first one that warms the engine up.
///
/// # Errors
/// When it cannot be rendered within a minute.
pub async fn measure(engine: &dyn TextToSpeech, voice: &str) -> Result<Measured, SpeechError> {
    let measured = async {
        render(engine, voice, "Hello there.").await?;
        render(engine, voice, SAMPLE).await
    };
    timeout(MEASURING, measured).await.unwrap_or(Err(SpeechError::TimedOut))
}

/// Renders a text and tells how long it took.
///
/// # Errors
/// What the engine fails with.
pub async fn render(engine: &dyn TextToSpeech, voice: &str, text: &str) -> Result<Measured, SpeechError> {
    let started = Instant::now();
    let request = SpeechRequest {
        text: text.to_owned(),
        voice: voice.to_owned(),
        speed: 1.0,
        priority: Priority::Live,
    };
    let mut chunks = engine.speak(request).await?;
    let (mut first, mut samples) = (None, 0);
    while let Some(chunk) = chunks.recv().await {
        samples += chunk?.pcm.len() as u64;
        first.get_or_insert_with(|| started.elapsed());
    }
    let all = started.elapsed();
    let ms = |d: Duration| d.as_millis() as u64;
    Ok(Measured {
        first_audio_ms: ms(first.unwrap_or(all)),
        all_ms: ms(all),
        audio_ms: samples / 48,
    })
}

#[cfg(test)]
mod tests;
