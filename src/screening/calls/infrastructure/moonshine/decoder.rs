//! Token by token: the decoder's graph with its cache of keys and values.

use std::borrow::Cow;

use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};
use tokio_util::sync::CancellationToken;

use crate::screening::calls::infrastructure::moonshine::vocabulary::Piece;
use crate::shared::onnx::OnnxError;

const BEGIN: i64 = 1;
const END: usize = 2;

pub struct Decoder {
    session: Session,
    cache: Vec<CacheEntry>,
}

/// One tensor that goes from a step's output to the next step's input.
struct CacheEntry {
    input: String,
    output: String,
    /// Keys and values of the encoder's output: computed in the first step and kept.
    fixed: bool,
    heads: usize,
    width: usize,
}

impl Decoder {
    pub fn new(session: Session) -> Self {
        let cache = session
            .inputs()
            .iter()
            .filter(|input| input.name().starts_with("past_key_values"))
            .map(|input| {
                let size = |axis: usize, default| {
                    let shape = input.dtype().tensor_shape();
                    let size = shape.and_then(|s| s.get(axis).copied()).unwrap_or(0);
                    usize::try_from(size).ok().filter(|&s| s > 0).unwrap_or(default)
                };
                CacheEntry {
                    input: input.name().to_owned(),
                    output: input.name().replace("past_key_values", "present"),
                    fixed: input.name().contains("encoder"),
                    heads: size(1, 8),
                    width: size(3, 52),
                }
            })
            .collect();
        Self { session, cache }
    }

    /// The likeliest token after each other until the end or `most`; `None` where it was stopped.
    pub fn decode(
        &mut self,
        encoded: &DynValue,
        most: usize,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<Piece>>, OnnxError> {
        let mut cache = self
            .cache
            .iter()
            .map(|entry| {
                let empty = Tensor::from_array(([1, entry.heads, 0, entry.width], Vec::<f32>::new()))?;
                Ok(empty.into_dyn())
            })
            .collect::<Result<Vec<DynValue>, OnnxError>>()?;
        let mut pieces = Vec::new();
        let mut token = BEGIN;
        for step in 0..most {
            if stop.is_cancelled() {
                return Ok(None);
            }
            let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = vec![
                (
                    "input_ids".into(),
                    Tensor::from_array(([1_usize, 1], vec![token]))?.into(),
                ),
                ("encoder_hidden_states".into(), encoded.into()),
                (
                    "use_cache_branch".into(),
                    Tensor::from_array(([1_usize], vec![step > 0]))?.into(),
                ),
            ];
            for (entry, value) in self.cache.iter().zip(&cache) {
                inputs.push((entry.input.as_str().into(), value.into()));
            }
            let mut outputs = self.session.run(inputs)?;
            let (_, logits) = outputs["logits"].try_extract_tensor::<f32>()?;
            let piece = likeliest(logits);
            for (entry, value) in self.cache.iter().zip(&mut cache) {
                if step == 0 || !entry.fixed {
                    *value = outputs
                        .remove(&entry.output)
                        .ok_or_else(|| OnnxError::Runtime(format!("no output {}", entry.output)))?;
                }
            }
            if piece.token == END {
                break;
            }
            token = piece.token as i64;
            pieces.push(piece);
        }
        Ok(Some(pieces))
    }
}

/// The largest logit and its softmax.
fn likeliest(logits: &[f32]) -> Piece {
    let (token, top) = logits
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((END, 0.0));
    // What is e^15 times less likely adds nothing.
    let sum: f32 = logits
        .iter()
        .map(|l| l - top)
        .filter(|d| *d > -15.0)
        .map(f32::exp)
        .sum();
    Piece {
        token,
        probability: 1.0 / sum.max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_logit_wins_with_its_share() {
        let piece = likeliest(&[0.0, 2.0, 2.0_f32.ln() + 2.0, -50.0]);
        assert_eq!(piece.token, 2);
        let expected = 2.0 / (2.0 + 1.0 + (-2.0_f32).exp());
        assert!((piece.probability - expected).abs() < 1e-5);
        assert_eq!(likeliest(&[]).token, END);
    }
}
