//! The engines a call works with, from configuration. Loading takes seconds; the server listens meanwhile.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config::{LocalEars, Speech, VoiceEngine, WhisperModel};
use crate::screening::calls::domain::ports::{SpeechToText, TurnJudge, VoiceActivity};
use crate::screening::calls::infrastructure::moonshine::Moonshine;
use crate::screening::calls::infrastructure::silero::SileroVad;
use crate::screening::calls::infrastructure::smart_turn::SmartTurn;
use crate::screening::calls::infrastructure::transcriber::{self, LocalTranscriber, Patience, SecondOpinion};
use crate::screening::calls::infrastructure::voice::choice::{
    self, LocalVoices, Measured, Preference, VoiceSettings, Why,
};
use crate::screening::calls::infrastructure::voice::queue::VoiceQueue;
use crate::screening::calls::infrastructure::voice::verdict::{self, Ticks, Verdict};
use crate::screening::calls::infrastructure::voice_cache::CachedVoice;
use crate::screening::calls::infrastructure::voice_cache::store::Limits;
use crate::screening::calls::infrastructure::whisper::{Whisper, WhisperConfig};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::OnnxRuntime;

const STOPPED: &str = "the server is being stopped";
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

/// What Emma hears with.
#[derive(Clone)]
pub struct Ears {
    pub speech_to_text: Arc<dyn SpeechToText>,
    pub voice_activity: Arc<dyn VoiceActivity>,
    pub turn_judge: Arc<dyn TurnJudge>,
}

/// Loads voice activity, turn model and transcriber, one after the other until `stop` fires. Blocks for some seconds.
///
/// # Errors
/// When a model is missing or unfit, or it was stopped.
pub fn open_ears(
    speech: &Speech,
    models: &ModelDir,
    runtime: &OnnxRuntime,
    stop: &CancellationToken,
) -> anyhow::Result<Ears> {
    let go_on = || {
        anyhow::ensure!(!stop.is_cancelled(), STOPPED);
        Ok(())
    };
    let whisper = WhisperConfig {
        threads: speech.whisper_threads,
        ..WhisperConfig::new(models.require(whisper_file(speech.whisper))?)
    };
    let voice_activity = Arc::new(SileroVad::start(runtime, models).context("voice activity")?);
    go_on()?;
    let turn_judge = Arc::new(SmartTurn::start(runtime, models).context("turn model")?);
    go_on()?;
    let whisper = Whisper::load(&whisper).context("transcriber")?;
    go_on()?;
    let transcriber = if hears_with_whisper_only(speech) {
        LocalTranscriber::start(whisper, Patience::default())
    } else {
        let threads = speech.whisper_threads.min(cores());
        let first = Moonshine::load(runtime, models, threads).context("transcriber")?;
        go_on()?;
        let both = SecondOpinion {
            first,
            language: "en",
            second: whisper,
            patience: transcriber::PATIENCE,
        };
        LocalTranscriber::start(both, Patience::default())
    };
    Ok(Ears {
        speech_to_text: Arc::new(transcriber.context("transcriber")?),
        voice_activity,
        turn_judge,
    })
}

/// Whether no other local model is loaded beside whisper. On a GPU whisper is the faster one.
pub const fn hears_with_whisper_only(speech: &Speech) -> bool {
    cfg!(feature = "cuda") || matches!(speech.ears, LocalEars::Whisper)
}

/// The model files of the transcriber, the first that is asked first.
pub fn transcribers(speech: &Speech) -> Vec<&'static str> {
    let moonshine = (!hears_with_whisper_only(speech)).then_some(ModelFile::MoonshineDecoder);
    let files = moonshine.into_iter().chain([whisper_file(speech.whisper)]);
    files.map(ModelFile::file_name).collect()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Loads the voice that fits this machine; with `auto` it is measured once, on a machine that
/// does little else, and the outcome kept. Takes some seconds.
///
/// # Errors
/// When a model is missing or unfit, or the cache directory cannot be used.
pub async fn open_voice(
    speech: &Speech,
    voice: &str,
    data_dir: &Path,
    models: &ModelDir,
    runtime: &OnnxRuntime,
    tasks: TaskTracker,
) -> anyhow::Result<EmmaVoice> {
    let threads = voice_threads();
    let engines = LocalVoices {
        runtime: runtime.clone(),
        models: models.clone(),
        settings: VoiceSettings {
            threads,
            espeak: ESPEAK.into(),
            ..VoiceSettings::new(data_dir.join("voice"))
        },
    };
    let machine = verdict::machine(models, threads);
    let preference = match speech.voice {
        VoiceEngine::Auto => Preference::Auto,
        VoiceEngine::Kokoro => Preference::Only(choice::VoiceEngine::Kokoro),
        VoiceEngine::Piper => Preference::Only(choice::VoiceEngine::Piper),
    };
    let known = verdict::read(data_dir, &machine).map(|verdict| verdict.measured);
    let before = Ticks::now();
    let chosen = choice::choose(&engines, preference, known, voice).await?;
    if let Why::Measured(measured) = chosen.why {
        let others = before.and_then(|then| Some(Ticks::now()?.others_since(then)));
        keep(data_dir, machine, chosen.engine, measured, others);
    }
    let (engine, voice) = match chosen.engine {
        choice::VoiceEngine::Kokoro => ("kokoro-82m-int8", voice.to_owned()),
        choice::VoiceEngine::Piper => ("piper-joe-medium", "joe".to_owned()),
    };
    let queue = Arc::new(chosen.voice);
    let limits = Limits {
        disk_bytes: speech.voice_cache_mib * 1024 * 1024,
        ..Limits::default()
    };
    let (inner, dir) = (queue.clone(), engines.settings.cache_dir);
    let cached = tokio::task::spawn_blocking(move || CachedVoice::open(inner, engine, &dir, limits, tasks));
    let cached = Arc::new(cached.await?.context("voice cache")?);
    info!(engine, voice, why = %chosen.why, "voice ready");
    Ok(EmmaVoice {
        cached,
        queue,
        voice,
        engine,
    })
}

/// Keeps what was measured of the voice for the next start, unless it says more about other programs.
fn keep(data_dir: &Path, machine: String, engine: choice::VoiceEngine, measured: Measured, others: Option<f32>) {
    if !verdict::holds(measured, others) {
        return info!("the voice was measured while other programs were busy; the next start measures again");
    }
    let verdict = Verdict {
        machine,
        engine,
        measured,
    };
    if let Err(error) = verdict::write(data_dir, &verdict) {
        warn!(%error, "what was measured of the voice could not be kept; the next start measures again");
    }
}

/// Threads inside an operator of a voice.
pub fn voice_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(2)
}
