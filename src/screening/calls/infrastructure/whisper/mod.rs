//! Speech to text by whisper.cpp.

mod engine;
mod window;
mod words;
mod worker;

use std::path::PathBuf;

use crate::screening::calls::infrastructure::whisper::engine::Engine;
pub use crate::screening::calls::infrastructure::whisper::window::WindowPolicy;

/// How whisper is run.
#[derive(Debug, Clone)]
pub struct WhisperConfig {
    /// A whisper.cpp model file, e.g. `ggml-base-q8_0.bin`.
    pub model: PathBuf,
    /// Threads of one decoding. Whisper's threads spin while they wait for each other, so more than the machine has
    /// cores make it many times slower; it is cut down to the cores.
    pub threads: usize,
    /// How much of the encoder is used for a clip.
    pub window: WindowPolicy,
    /// Tokens of `context` given to the decoder as its prompt; 0 leaves it out.
    pub context_tokens: usize,
}

impl WhisperConfig {
    /// The defaults for a model file.
    pub fn new(model: PathBuf) -> Self {
        Self {
            model,
            threads: 2,
            window: WindowPolicy::default(),
            context_tokens: 0,
        }
    }
}

/// Why whisper could not be started.
#[derive(Debug, thiserror::Error)]
#[error("whisper model {path} cannot be loaded: {reason}")]
pub struct WhisperError {
    pub path: PathBuf,
    pub reason: String,
}

/// One whisper model; a listener for the transcriber's thread.
pub struct Whisper {
    engine: Engine,
    window: WindowPolicy,
}

impl Whisper {
    /// Loads the model and decodes a second of silence, so that the first call is not slow.
    ///
    /// # Errors
    /// When the model cannot be loaded.
    pub fn load(config: &WhisperConfig) -> Result<Self, WhisperError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut engine = Engine::load(&config.model, config.threads.clamp(1, cores), config.context_tokens)?;
        engine.warm_up();
        Ok(Self {
            engine,
            window: config.window,
        })
    }
}
