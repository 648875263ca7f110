//! The engines a call works with, from configuration. Loading takes seconds; the server listens meanwhile.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::bench::Ears;
use crate::config::{LocalEars, Speech, VoiceEngine, WhisperModel};
use crate::screening::calls::infrastructure::kokoro::{self, KokoroSettings};
use crate::screening::calls::infrastructure::moonshine::Moonshine;
use crate::screening::calls::infrastructure::piper::{self, PiperSettings};
use crate::screening::calls::infrastructure::silero::SileroVad;
use crate::screening::calls::infrastructure::smart_turn::SmartTurn;
use crate::screening::calls::infrastructure::transcriber::{LocalTranscriber, Patience, SecondOpinion};
use crate::screening::calls::infrastructure::voice::queue::VoiceQueue;
use crate::screening::calls::infrastructure::voice_cache::CachedVoice;
use crate::screening::calls::infrastructure::voice_cache::store::Limits;
use crate::screening::calls::infrastructure::whisper::{Whisper, WhisperConfig};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::OnnxRuntime;

/// The program that knows how unknown words are pronounced; a process of its own.
const ESPEAK: &str = "espeak-ng";

/// Emma's voice and what it is.
pub struct EmmaVoice {
    pub cached: Arc<CachedVoice>,
    pub queue: Arc<VoiceQueue>,
    /// A voice of the engine that was chosen.
    pub voice: String,
    pub engine: &'static str,
}

/// Where the model files are.
pub fn model_dir(speech: &Speech) -> ModelDir {
    speech
        .models_dir
        .clone()
        .map_or_else(ModelDir::default_location, ModelDir::new)
}

/// The model file of the configured transcriber.
pub const fn whisper_file(model: WhisperModel) -> ModelFile {
    match model {
        WhisperModel::BaseQ8 => ModelFile::WhisperBaseQ8,
        WhisperModel::Base => ModelFile::WhisperBase,
        WhisperModel::TinyEn => ModelFile::WhisperTinyEn,
    }
}

/// Loads voice activity, turn model and transcriber. Blocks for some seconds.
///
/// # Errors
/// When a model is missing or unfit.
pub fn open_ears(speech: &Speech, models: &ModelDir, runtime: &OnnxRuntime) -> anyhow::Result<Ears> {
    let whisper = WhisperConfig {
        threads: speech.whisper_threads,
        ..WhisperConfig::new(models.require(whisper_file(speech.whisper))?)
    };
    let whisper = Whisper::load(&whisper).context("transcriber")?;
    let transcriber = if hears_with_whisper_only(speech) {
        LocalTranscriber::start(whisper, Patience::default())
    } else {
        let threads = speech.whisper_threads.min(cores());
        let first = Moonshine::load(runtime, models, threads).context("transcriber")?;
        let both = SecondOpinion {
            first,
            language: "en",
            second: whisper,
        };
        LocalTranscriber::start(both, Patience::default())
    };
    Ok(Ears {
        voice_activity: Arc::new(SileroVad::start(runtime, models).context("voice activity")?),
        turn_judge: Arc::new(SmartTurn::start(runtime, models).context("turn model")?),
        speech_to_text: Arc::new(transcriber.context("transcriber")?),
    })
}

/// Whether no other local model is loaded beside whisper. On a GPU whisper is the faster one.
pub const fn hears_with_whisper_only(speech: &Speech) -> bool {
    cfg!(feature = "cuda") || matches!(speech.ears, LocalEars::Whisper)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Loads the voice. Blocks for some seconds.
///
/// # Errors
/// When a model is missing or unfit, or the cache directory cannot be used.
pub fn open_voice(
    speech: &Speech,
    voice: &str,
    cache: &Path,
    models: &ModelDir,
    runtime: &OnnxRuntime,
    tasks: TaskTracker,
) -> anyhow::Result<EmmaVoice> {
    let espeak = ESPEAK.into();
    let threads = cores().min(2);
    let (queue, engine, voice) = match speech.voice {
        VoiceEngine::Kokoro | VoiceEngine::Auto => {
            let queue = kokoro::start(runtime, models, &KokoroSettings { threads, espeak }).context("Kokoro")?;
            (queue, "kokoro-82m-int8", voice.to_owned())
        }
        VoiceEngine::Piper => {
            let queue = piper::start(runtime, models, &PiperSettings { threads, espeak }).context("Piper")?;
            (queue, "piper-joe-medium", "joe".to_owned())
        }
    };
    let queue = Arc::new(queue);
    let limits = Limits {
        disk_bytes: speech.voice_cache_mib * 1024 * 1024,
        ..Limits::default()
    };
    let cached = Arc::new(CachedVoice::open(queue.clone(), engine, cache, limits, tasks).context("voice cache")?);
    info!(engine, voice, "voice ready");
    Ok(EmmaVoice {
        cached,
        queue,
        voice,
        engine,
    })
}
