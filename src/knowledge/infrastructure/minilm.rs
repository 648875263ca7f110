//! all-MiniLM-L6-v2 (int8): English sentences as 384 numbers, mean-pooled. The light choice beside e5, which knows Greek.

use ort::session::Session;
use ort::value::TensorRef;
use tokenizers::{Tokenizer, TruncationParams};

use crate::knowledge::infrastructure::local::{Encoder, LocalEmbedder};
use crate::shared::embeddings::{EmbedError, EmbeddingModel, LOCAL_DIMENSION as DIMENSION, MINI_LM, TextRole};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

/// The model was trained on 256 word pieces; what is longer is cut.
const MAX_TOKENS: usize = 256;

/// Loads the model and starts its thread.
///
/// # Errors
/// When a model file is missing or unfit.
pub fn start(runtime: &OnnxRuntime, models: &ModelDir) -> Result<LocalEmbedder, OnnxError> {
    let model = EmbeddingModel {
        name: MINI_LM.to_owned(),
        dimension: DIMENSION,
    };
    LocalEmbedder::start(model, "emma-minilm", MiniLm::load(runtime, models)?)
}

/// The model, for one thread.
struct MiniLm {
    session: Session,
    tokenizer: Tokenizer,
}

impl MiniLm {
    fn load(runtime: &OnnxRuntime, models: &ModelDir) -> Result<Self, OnnxError> {
        let session = runtime.open(&models.require(ModelFile::MiniLm)?, 1)?;
        let mut tokenizer = Tokenizer::from_file(models.require(ModelFile::MiniLmTokenizer)?)
            .map_err(|e| OnnxError::Runtime(format!("tokenizer: {e}")))?;
        let cut = TruncationParams {
            max_length: MAX_TOKENS,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(cut))
            .map_err(|e| OnnxError::Runtime(format!("tokenizer: {e}")))?;
        tokenizer.with_padding(None);
        Ok(Self { session, tokenizer })
    }
}

impl Encoder for MiniLm {
    /// The model makes no difference between roles.
    fn encode(&mut self, text: &str, _: TextRole) -> Result<Vec<f32>, EmbedError> {
        let failed = |e: &dyn std::fmt::Display| EmbedError::Failed(e.to_string());
        let encoding = self.tokenizer.encode(text, true).map_err(|e| failed(&e))?;
        let wide = |ids: &[u32]| ids.iter().map(|id| i64::from(*id)).collect::<Vec<i64>>();
        let (ids, mask, types) = (
            wide(encoding.get_ids()),
            wide(encoding.get_attention_mask()),
            wide(encoding.get_type_ids()),
        );
        let shape = [1, ids.len()];
        let inputs = ort::inputs![
            "input_ids" => TensorRef::from_array_view((shape, ids.as_slice())).map_err(|e| failed(&e))?,
            "attention_mask" => TensorRef::from_array_view((shape, mask.as_slice())).map_err(|e| failed(&e))?,
            "token_type_ids" => TensorRef::from_array_view((shape, types.as_slice())).map_err(|e| failed(&e))?,
        ];
        let outputs = self.session.run(inputs).map_err(|e| failed(&e))?;
        let (_, hidden) = outputs[0].try_extract_tensor::<f32>().map_err(|e| failed(&e))?;
        Ok(pooled(hidden, &mask))
    }
}

/// The sum of the tokens' vectors.
fn pooled(hidden: &[f32], mask: &[i64]) -> Vec<f32> {
    let mut sum = vec![0.0f32; DIMENSION];
    for (token, _) in hidden.chunks_exact(DIMENSION).zip(mask).filter(|(_, m)| **m == 1) {
        for (total, value) in sum.iter_mut().zip(token) {
            *total += value;
        }
    }
    sum
}
