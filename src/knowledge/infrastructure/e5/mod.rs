//! multilingual-e5-small: texts of a hundred languages, Greek among them, as 384 numbers of length 1.
//!
//! Wang et al., "Multilingual E5 Text Embeddings", 2024 (<https://arxiv.org/abs/2402.05672>). It was trained with
//! `query: ` and `passage: ` in front of texts and is asked so. Long texts are read in stretches whose means are
//! weighted by their tokens.

pub mod file;
pub mod graph;
pub mod tokenizer;

use std::path::PathBuf;

use ort::session::Session;
use ort::value::TensorRef;

use self::file::{E5File, E5FileError, Sizes, row_bytes, unpack};
use self::tokenizer::Tokenizer;
use crate::knowledge::infrastructure::local::{Encoder, LocalEmbedder};
use crate::shared::embeddings::{E5_SMALL, EmbedError, EmbeddingModel, TextRole};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// Of one text; some 2000 tokens. What is longer is cut, as for hosted models.
const MAX_TEXT_BYTES: usize = 8_000;

/// Why the model could not be started.
#[derive(Debug, thiserror::Error)]
pub enum E5Error {
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    #[error("{path} cannot be used: {problem}")]
    File { path: PathBuf, problem: String },
}

/// Loads the model and starts its thread.
///
/// # Errors
/// When the model file is missing or unfit.
pub fn start(runtime: &OnnxRuntime, models: &ModelDir) -> Result<LocalEmbedder, E5Error> {
    let encoder = E5Small::load(runtime, models)?;
    let model = EmbeddingModel {
        name: E5_SMALL.to_owned(),
        dimension: encoder.sizes.hidden,
    };
    Ok(LocalEmbedder::start(model, "emma-e5", encoder)?)
}

/// The model, for one thread.
pub struct E5Small {
    session: Session,
    tokenizer: Tokenizer,
    sizes: Sizes,
    /// The table of tokens, in blocks as published: 54 MB, where floats would be 384.
    tokens: Vec<u8>,
    /// What is added to the token at each place.
    places: Vec<f32>,
}

impl E5Small {
    /// # Errors
    /// When the model file is missing or unfit.
    pub fn load(runtime: &OnnxRuntime, models: &ModelDir) -> Result<Self, E5Error> {
        let path = models.require(ModelFile::E5Small).map_err(OnnxError::from)?;
        let unfit = |problem: String| E5Error::File {
            path: path.clone(),
            problem,
        };
        let bytes = std::fs::read(&path).map_err(|e| unfit(e.to_string()))?;
        let file = E5File::read(&bytes).map_err(|e| unfit(e.to_string()))?;
        let (onnx, tokens, places) = taken_apart(&file).map_err(|e| unfit(e.to_string()))?;
        Ok(Self {
            session: runtime.open_bytes(&onnx, 1)?,
            tokenizer: Tokenizer::new(&file.pieces),
            sizes: file.sizes,
            tokens,
            places,
        })
    }

    /// The mean of the tokens' vectors of one stretch, the marks of beginning and end among them.
    fn mean(&mut self, stretch: &[u32]) -> Result<Vec<f32>, EmbedError> {
        let Sizes { hidden, .. } = self.sizes;
        let mut vectors = Vec::with_capacity((stretch.len() + 2) * hidden);
        let marked = [self.tokenizer.begin].into_iter().chain(stretch.iter().copied());
        for id in marked.chain([self.tokenizer.end]) {
            let row = row_bytes(hidden);
            let at = id as usize * row;
            unpack(self.tokens.get(at..at + row).unwrap_or_default(), &mut vectors);
        }
        for (number, place) in vectors.iter_mut().zip(&self.places) {
            *number += place;
        }
        let shape = [1, stretch.len() + 2, hidden];
        let tokens = TensorRef::from_array_view((shape, vectors.as_slice())).map_err(|e| failed(&e))?;
        let outputs = self
            .session
            .run(ort::inputs!["tokens" => tokens])
            .map_err(|e| failed(&e))?;
        let (_, mean) = outputs[0].try_extract_tensor::<f32>().map_err(|e| failed(&e))?;
        Ok(mean.to_vec())
    }
}

impl Encoder for E5Small {
    fn encode(&mut self, text: &str, role: TextRole) -> Result<Vec<f32>, EmbedError> {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or(text);
        let ids = self.tokenizer.ids(&prefixed(text, role));
        let mut sum = vec![0.0; self.sizes.hidden];
        for stretch in ids.chunks(self.sizes.positions - 2) {
            let mean = self.mean(stretch)?;
            for (total, number) in sum.iter_mut().zip(mean) {
                *total += number * stretch.len() as f32;
            }
        }
        Ok(sum)
    }
}

/// The text as the model was trained to read it.
fn prefixed(text: &str, role: TextRole) -> String {
    match role {
        TextRole::Query => format!("query: {text}"),
        TextRole::Passage => format!("passage: {text}"),
    }
}

type Parts = (Vec<u8>, Vec<u8>, Vec<f32>);

fn taken_apart(file: &E5File<'_>) -> Result<Parts, E5FileError> {
    let Sizes {
        hidden,
        tokens,
        positions,
        ..
    } = file.sizes;
    let onnx = graph::encoder(file)?;
    let table = file.matrix("emb.word", tokens, hidden)?.bytes.to_vec();
    let mut places = file.floats("emb.pos", positions * hidden)?;
    // Two kinds of text; only the first is used.
    let kind = file.floats("emb.type", 2 * hidden)?;
    for place in places.chunks_exact_mut(hidden) {
        for (number, of_kind) in place.iter_mut().zip(&kind) {
            *number += of_kind;
        }
    }
    Ok((onnx, table, places))
}

fn failed(error: &dyn std::fmt::Display) -> EmbedError {
    EmbedError::Failed(error.to_string())
}
