//! Model files: which there are, where they lie on this machine, and how they get there.

pub mod catalog;
pub mod progress;
pub mod pull;
pub mod verify;
pub mod whisper;

mod archive;
mod bert_tokenizer;
mod clients;
mod hub;
pub mod packages;

use std::path::{Path, PathBuf};

/// A file some engine loads at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelFile {
    /// whisper.cpp, multilingual base, float16.
    WhisperBase,
    /// The same in 8-bit blocks (`q8_0`): a quarter faster on a CPU.
    WhisperBaseQ8,
    /// whisper.cpp, English tiny, float16; for small machines and tests.
    WhisperTinyEn,
    /// Moonshine base, English, 8-bit: encoder, decoder, vocabulary.
    MoonshineEncoder,
    MoonshineDecoder,
    MoonshineVocabulary,
    OnnxRuntime,
    SileroVad,
    SmartTurn,
    /// multilingual-e5-small in 4-bit blocks, with its tokenizer.
    E5Small,
    MiniLm,
    MiniLmTokenizer,
    Kokoro,
    KokoroVocabulary,
    KokoroVoiceHeart,
    KokoroVoiceEmma,
    PiperJoe,
    PiperJoeConfig,
}

impl ModelFile {
    /// Its name in the models directory.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::WhisperBase => "ggml-base.bin",
            Self::WhisperBaseQ8 => "ggml-base-q8_0.bin",
            Self::WhisperTinyEn => "ggml-tiny.en.bin",
            Self::MoonshineEncoder => "moonshine-base-en-encoder.ort",
            Self::MoonshineDecoder => "moonshine-base-en-decoder.ort",
            Self::MoonshineVocabulary => "moonshine-base-en-tokenizer.bin",
            Self::OnnxRuntime => "libonnxruntime.so.1.31.1",
            Self::SileroVad => "silero_vad.onnx",
            Self::SmartTurn => "smart-turn-v3.2-cpu.onnx",
            Self::E5Small => "e5-small-q4.bin",
            Self::MiniLm => "minilm-l6-v2-int8.onnx",
            Self::MiniLmTokenizer => "minilm-tokenizer.json",
            Self::Kokoro => "kokoro-int8.onnx",
            Self::KokoroVocabulary => "kokoro-vocab.json",
            Self::KokoroVoiceHeart => "af_heart.bin",
            Self::KokoroVoiceEmma => "bf_emma.bin",
            Self::PiperJoe => "en_US-joe-medium.onnx",
            Self::PiperJoeConfig => "en_US-joe-medium.onnx.json",
        }
    }
}

/// The directory the model files of this machine lie in.
#[derive(Debug, Clone)]
pub struct ModelDir(PathBuf);

/// A model file that is not there.
#[derive(Debug, Clone, thiserror::Error)]
#[error("model file {path} is missing; run `emma models pull`")]
pub struct MissingModel {
    pub path: PathBuf,
}

impl ModelDir {
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// `$EMMA_MODELS_DIR`, else `emma/models` in the user's cache directory.
    pub fn default_location() -> Self {
        let cache = || {
            std::env::var_os("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
                .unwrap_or_else(std::env::temp_dir)
                .join("emma/models")
        };
        Self(std::env::var_os("EMMA_MODELS_DIR").map_or_else(cache, PathBuf::from))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where this file is or will be.
    pub fn locate(&self, file: ModelFile) -> PathBuf {
        self.0.join(file.file_name())
    }

    /// Where this file is.
    ///
    /// # Errors
    /// When it is not there.
    pub fn require(&self, file: ModelFile) -> Result<PathBuf, MissingModel> {
        let path = self.locate(file);
        if path.is_file() {
            Ok(path)
        } else {
            Err(MissingModel { path })
        }
    }
}
