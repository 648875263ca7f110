//! Which voice Emma has on this machine: chosen once, when the server starts, and the same for every call until it ends.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::screening::calls::domain::ports::{Priority, SpeechError, SpeechRequest, TextToSpeech};
use crate::screening::calls::infrastructure::kokoro::{self, KokoroSettings};
use crate::screening::calls::infrastructure::piper::{self, PiperSettings};
use crate::screening::calls::infrastructure::voice::queue::{BackgroundGate, VoiceQueue};
use crate::screening::calls::infrastructure::voice_cache::CachedVoice;
use crate::screening::calls::infrastructure::voice_cache::store::Limits;
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// Ten words, as long as a usual clause.
const SAMPLE: &str = "Could you tell me a little more about your work?";
/// The better voice is taken while it renders a sentence in no more than this many times its own length. Half of what
/// Emma says is rendered ahead; the rest begins with a cached opening that hides this.
const SLOWEST: f32 = 1.5;
const MEASURING: Duration = Duration::from_mins(1);
/// Part of the cache's key: another number when what is done to the rendered audio changes.
const FINISH: u32 = 1;

/// What the configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// Kokoro where the machine is fast enough for it, else Piper.
    Auto,
    Kokoro,
    Piper,
}

/// How the voice is run and where it is cached.
#[derive(Debug, Clone)]
pub struct VoiceSettings {
    pub preference: Preference,
    /// Threads inside an operator.
    pub threads: usize,
    /// The `espeak-ng` program.
    pub espeak: PathBuf,
    /// Directory of rendered lines.
    pub cache_dir: PathBuf,
    pub cache: Limits,
}

impl VoiceSettings {
    /// The voice this machine can run, two threads, `espeak-ng` from the path.
    pub fn new(cache_dir: PathBuf) -> Self {
        Self {
            preference: Preference::Auto,
            threads: 2,
            espeak: "espeak-ng".into(),
            cache_dir,
            cache: Limits::default(),
        }
    }
}

/// A voice engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq)]
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
}

/// Emma's voice.
pub struct ChosenVoice {
    pub voice: Arc<CachedVoice>,
    pub gate: BackgroundGate,
    pub engine: VoiceEngine,
    /// What was measured; none where the configuration had decided.
    pub measured: Option<Measured>,
}

/// Why there is no voice.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    #[error(transparent)]
    Model(#[from] OnnxError),
    #[error("voice cache: {0}")]
    Cache(#[from] std::io::Error),
    #[error("the voice could not be measured: {0}")]
    Speech(#[from] SpeechError),
}

/// Opens the voice: the one asked for, or with [`Preference::Auto`] Kokoro unless it is missing or takes longer than 1.5
/// times the length of what it says. `voice` is the Kokoro voice to measure with, e.g. `af_heart`.
///
/// # Errors
/// When no voice can be opened.
pub async fn choose(
    runtime: &OnnxRuntime,
    models: &ModelDir,
    settings: &VoiceSettings,
    voice: &str,
    tasks: TaskTracker,
) -> Result<ChosenVoice, VoiceError> {
    let open = |engine| open(runtime.clone(), models.clone(), settings.clone(), engine);
    let mut measured = None;
    let (engine, queue) = match settings.preference {
        Preference::Kokoro => (VoiceEngine::Kokoro, open(VoiceEngine::Kokoro).await?),
        Preference::Piper => (VoiceEngine::Piper, open(VoiceEngine::Piper).await?),
        Preference::Auto => match open(VoiceEngine::Kokoro).await {
            Ok(kokoro) => {
                let speed = measure(&kokoro, voice).await;
                measured = speed.as_ref().ok().copied();
                match speed {
                    Ok(speed) if speed.real_time_factor() <= SLOWEST => (VoiceEngine::Kokoro, kokoro),
                    speed => match open(VoiceEngine::Piper).await {
                        Ok(piper) => (VoiceEngine::Piper, piper),
                        Err(error) => {
                            warn!(%error, "the better voice is slow here and there is no faster one");
                            speed?;
                            (VoiceEngine::Kokoro, kokoro)
                        }
                    },
                }
            }
            Err(error) => {
                warn!(%error, "the better voice cannot be opened");
                (VoiceEngine::Piper, open(VoiceEngine::Piper).await?)
            }
        },
    };
    info!(voice.engine = %engine, voice.real_time_factor = measured.map(Measured::real_time_factor), "voice chosen");
    let gate = queue.gate();
    let (version, dir, limits) = (version(models, engine), settings.cache_dir.clone(), settings.cache);
    let cached = blocking(move || CachedVoice::open(Arc::new(queue), version, &dir, limits, tasks)).await??;
    Ok(ChosenVoice {
        voice: Arc::new(cached),
        gate,
        engine,
        measured,
    })
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
    let opened = blocking(move || match engine {
        VoiceEngine::Kokoro => kokoro::start(&runtime, &models, &KokoroSettings { threads, espeak }),
        VoiceEngine::Piper => piper::start(&runtime, &models, &PiperSettings { threads, espeak }),
    });
    Ok(opened.await??)
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

/// Names what makes the sound: another model file has another length.
fn version(models: &ModelDir, engine: VoiceEngine) -> String {
    let file = match engine {
        VoiceEngine::Kokoro => ModelFile::Kokoro,
        VoiceEngine::Piper => ModelFile::PiperJoe,
    };
    let bytes = std::fs::metadata(models.locate(file)).map_or(0, |about| about.len());
    format!("{engine} {} {bytes} {FINISH}", file.file_name())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OnnxError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| OnnxError::Runtime(e.to_string()))
}
