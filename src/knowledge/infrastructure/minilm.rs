//! all-MiniLM-L6-v2 (int8) on a thread of its own: English sentences as 384 numbers, mean-pooled, of length 1.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use ort::session::Session;
use ort::value::TensorRef;
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::{mpsc, oneshot};

use crate::shared::embeddings::{EmbedError, EmbeddingModel, TextEmbedder};
use crate::shared::models::{ModelDir, ModelFile};
use crate::shared::onnx::{OnnxError, OnnxRuntime};

const NAME: &str = "all-minilm-l6-v2-int8";
const DIMENSION: usize = 384;
/// The model was trained on 256 word pieces; what is longer is cut.
const MAX_TOKENS: usize = 256;
/// Vectors kept by text: the statements of some hundred job offers.
const CACHED: usize = 20_000;
const TIMEOUT: Duration = Duration::from_secs(30);

/// The model behind its queue.
pub struct MiniLm {
    /// Bounded: 64 requests wait, more are refused as overloaded.
    requests: mpsc::Sender<Request>,
}

struct Request {
    texts: Vec<String>,
    answer: oneshot::Sender<Result<Vec<Vec<f32>>, EmbedError>>,
}

impl MiniLm {
    /// Loads the model and starts its thread.
    ///
    /// # Errors
    /// When a model file is missing or unfit.
    pub fn start(runtime: &OnnxRuntime, models: &ModelDir) -> Result<Self, OnnxError> {
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
        let (requests, received) = mpsc::channel(64);
        let mut worker = Worker {
            session,
            tokenizer,
            cache: HashMap::new(),
        };
        worker.embed("warm").map_err(|e| OnnxError::Runtime(e.to_string()))?;
        std::thread::Builder::new()
            .name("emma-minilm".to_owned())
            .spawn(move || worker.serve(received))
            .map_err(|e| OnnxError::Runtime(format!("no thread: {e}")))?;
        Ok(Self { requests })
    }
}

#[async_trait]
impl TextEmbedder for MiniLm {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, result) = oneshot::channel();
        let request = Request {
            texts: texts.to_vec(),
            answer,
        };
        self.requests.try_send(request).map_err(|_| EmbedError::Overloaded)?;
        match tokio::time::timeout(TIMEOUT, result).await {
            Ok(Ok(vectors)) => vectors,
            Ok(Err(_)) => Err(EmbedError::Failed("the embedding thread is gone".to_owned())),
            Err(_) => Err(EmbedError::TimedOut),
        }
    }

    fn model(&self) -> EmbeddingModel {
        EmbeddingModel {
            name: NAME.to_owned(),
            dimension: DIMENSION,
        }
    }
}

struct Worker {
    session: Session,
    tokenizer: Tokenizer,
    cache: HashMap<String, Vec<f32>>,
}

impl Worker {
    fn serve(&mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            if request.answer.is_closed() {
                continue;
            }
            // One at a time: batching gains nothing on a CPU.
            let vectors = request.texts.iter().map(|text| self.cached(text)).collect();
            // Nobody waiting any more is fine.
            let _ = request.answer.send(vectors);
        }
    }

    fn cached(&mut self, text: &str) -> Result<Vec<f32>, EmbedError> {
        if let Some(known) = self.cache.get(text) {
            return Ok(known.clone());
        }
        let vector = self.embed(text)?;
        if self.cache.len() >= CACHED {
            self.cache.clear();
        }
        self.cache.insert(text.to_owned(), vector.clone());
        Ok(vector)
    }

    fn embed(&mut self, text: &str) -> Result<Vec<f32>, EmbedError> {
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

/// The mean of the tokens' vectors, brought to length 1.
fn pooled(hidden: &[f32], mask: &[i64]) -> Vec<f32> {
    let mut sum = vec![0.0f32; DIMENSION];
    for (token, _) in hidden.chunks_exact(DIMENSION).zip(mask).filter(|(_, m)| **m == 1) {
        for (total, value) in sum.iter_mut().zip(token) {
            *total += value;
        }
    }
    let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::EPSILON);
    for value in &mut sum {
        *value /= length;
    }
    sum
}
