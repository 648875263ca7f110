//! Speech to text by Moonshine base: English, encoder as long as the clip, three ONNX graphs.
//!
//! Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and Voice Commands", 2024
//! (<https://arxiv.org/abs/2410.15608>). The decoder is run as its authors run it: greedily, at most 6.5 tokens a
//! second. When each word was said is told by where it looked (`alignment.rs`, `timing.rs`).

mod alignment;
mod decoder;
mod flat;
mod graph;
mod packed;
mod timing;
mod unfold;
mod vocabulary;

use std::path::PathBuf;

use ort::session::{RunOptions, Session};
use ort::value::TensorRef;
use tokio_util::sync::CancellationToken;

use crate::screening::calls::domain::audio::{CallTime, EAR_RATE_HZ};
use crate::screening::calls::domain::ports::{HeardWord, SpeechError, TranscriptionJob};
use crate::screening::calls::infrastructure::moonshine::decoder::{Decoded, Decoder};
use crate::screening::calls::infrastructure::moonshine::vocabulary::Vocabulary;
use crate::screening::calls::infrastructure::transcriber::guard::{self, Evidence, Verdict};
use crate::screening::calls::infrastructure::transcriber::{Heard, Listener};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime, frugal_run};

/// The encoder's first layer needs 127 samples; below half a second it hears little.
const SHORTEST: usize = EAR_RATE_HZ as usize / 2;

/// Why Moonshine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum MoonshineError {
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    #[error("{path} cannot be used: {problem}")]
    File { path: PathBuf, problem: String },
}

/// The model; a listener for the transcriber's thread.
pub struct Moonshine {
    encoder: Session,
    decoder: Decoder,
    /// For the encoder, whose needs grow with the square of a clip's length.
    frugal: RunOptions,
    vocabulary: Vocabulary,
}

impl Moonshine {
    /// Loads the model and hears a second of silence, so that the first call is not slow.
    ///
    /// # Errors
    /// When a model file is missing or unusable.
    pub fn load(runtime: &OnnxRuntime, models: &ModelDir, threads: usize) -> Result<Self, MoonshineError> {
        let open = |file, unfold: fn(&[u8]) -> Option<Vec<u8>>| {
            let onnx = unfolded(models, file, unfold)?;
            runtime.open_bytes(&onnx, threads).map_err(MoonshineError::from)
        };
        let keys = open(ModelFile::MoonshineDecoder, unfold::keys)?;
        let step = open(ModelFile::MoonshineDecoder, unfold::step)?;
        let mut moonshine = Self {
            encoder: open(ModelFile::MoonshineEncoder, unfold::encoder)?,
            decoder: Decoder::new(keys, step),
            frugal: frugal_run()?,
            vocabulary: unfolded(models, ModelFile::MoonshineVocabulary, Vocabulary::read)?,
        };
        moonshine.decode(&vec![0.0; EAR_RATE_HZ as usize], &CancellationToken::new())?;
        Ok(moonshine)
    }

    /// The tokens of a clip, or `None` where it was stopped.
    fn decode(&mut self, clip: &[f32], stop: &CancellationToken) -> Result<Option<Decoded>, OnnxError> {
        let inputs = ort::inputs!["input_values" => TensorRef::from_array_view(([1, clip.len()], clip))?];
        let mut outputs = self.encoder.run_with_options(inputs, &self.frugal)?;
        let encoded = outputs
            .remove("last_hidden_state")
            .ok_or_else(|| OnnxError::Runtime("Moonshine's encoder gave nothing".to_owned()))?;
        drop(outputs);
        self.decoder.decode(&encoded, most_tokens(clip.len()), stop)
    }
}

/// What `read` makes of a model file.
fn unfolded<T>(models: &ModelDir, file: ModelFile, read: impl Fn(&[u8]) -> Option<T>) -> Result<T, MoonshineError> {
    let path = models.require(file).map_err(OnnxError::from)?;
    let unfit = |problem: String| MoonshineError::File {
        path: path.clone(),
        problem,
    };
    let bytes = std::fs::read(&path).map_err(|e| unfit(e.to_string()))?;
    read(&bytes).ok_or_else(|| unfit("it is not what Moonshine was published as".to_owned()))
}

impl Listener for Moonshine {
    fn listen(&mut self, job: &TranscriptionJob, stop: &CancellationToken) -> Result<Heard, SpeechError> {
        let evidence = Evidence::of(&job.audio, job.speech_ms);
        if evidence.rules_out_speech() {
            return Ok(Heard::default());
        }
        let mut clip: Vec<f32> = job
            .audio
            .iter()
            .map(|&s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 })
            .collect();
        clip.resize(clip.len().max(SHORTEST), 0.0);
        let decoded = self
            .decode(&clip, stop)
            .map_err(|e| SpeechError::Failed(format!("moonshine: {e}")))?
            .ok_or(SpeechError::Cancelled)?;
        let audio_ms = CallTime::from_ear_samples(job.audio.len() as u64).ms();
        let mut heard = self.heard(&decoded, &job.audio);
        let verdict = guard::judge(&heard, evidence, audio_ms);
        tracing::debug!(
            audio_ms,
            ?verdict,
            words = heard.words.len(),
            avg_logprob = heard.avg_logprob,
            "moonshine decoded"
        );
        match verdict {
            Verdict::Keep => {}
            Verdict::Nothing => heard = Heard::default(),
            Verdict::Lost => guard::cut_loop(&mut heard.words),
        }
        Ok(heard)
    }
}

impl Moonshine {
    fn heard(&self, decoded: &Decoded, audio: &[f32]) -> Heard {
        let words = self.vocabulary.words(&decoded.pieces);
        let begun = alignment::starts(&decoded.looks);
        let stretches = decoded.looks.first().map_or(1, Vec::len).max(1) as u64;
        let clip_ms = CallTime::from_ear_samples(audio.len().max(SHORTEST) as u64).ms();
        let starts: Vec<u64> = words
            .iter()
            .map(|word| begun.get(word.first).map_or(0, |at| *at as u64 * clip_ms / stretches))
            .collect();
        let spans = timing::spans(&starts, audio);
        let logprobs: f32 = decoded.pieces.iter().map(|p| p.probability.max(1e-9).ln()).sum();
        Heard {
            avg_logprob: logprobs / decoded.pieces.len().max(1) as f32,
            words: words
                .into_iter()
                .zip(spans)
                .map(|(word, (start_ms, end_ms))| HeardWord {
                    text: word.text,
                    start_ms,
                    end_ms,
                    confidence: word.confidence,
                })
                .collect(),
            no_speech: 0.0,
        }
    }
}

/// 6.5 tokens a second, the authors' bound, and some for short clips.
fn most_tokens(samples: usize) -> usize {
    6 + samples * 13 / (2 * EAR_RATE_HZ as usize)
}
