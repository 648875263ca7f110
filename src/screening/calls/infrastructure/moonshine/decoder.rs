//! Token by token: one graph for the first, one for the others, and the keys and values that go from each to the next.

use std::borrow::Cow;

use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};
use tokio_util::sync::CancellationToken;

use crate::screening::calls::infrastructure::moonshine::vocabulary::Piece;
use crate::shared::onnx::OnnxError;

const BEGIN: i64 = 1;
const END: usize = 2;

pub struct Decoder {
    first: Session,
    next: Session,
    cache: Vec<CacheEntry>,
}

/// One tensor that goes from a step's output to the next step's input.
struct CacheEntry {
    input: String,
    output: String,
    /// Keys and values of the encoder's output: computed in the first step and kept.
    fixed: bool,
}

impl Decoder {
    pub fn new(first: Session, next: Session) -> Self {
        let cache = next
            .inputs()
            .iter()
            .map(ort::value::Outlet::name)
            .filter(|name| name.starts_with("past_key_values"))
            .map(|name| CacheEntry {
                input: name.to_owned(),
                output: name.replace("past_key_values", "present"),
                fixed: name.contains("encoder"),
            })
            .collect();
        Self { first, next, cache }
    }

    /// The likeliest token after each other until the end or `most`; `None` where it was stopped.
    pub fn decode(
        &mut self,
        encoded: &DynValue,
        most: usize,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<Piece>>, OnnxError> {
        let mut cache: Vec<DynValue> = Vec::new();
        let mut pieces = Vec::new();
        let mut token = BEGIN;
        while pieces.len() < most {
            if stop.is_cancelled() {
                return Ok(None);
            }
            let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = vec![(
                "input_ids".into(),
                Tensor::from_array(([1_usize, 1], vec![token]))?.into(),
            )];
            for (entry, value) in self.cache.iter().zip(&cache) {
                inputs.push((entry.input.as_str().into(), value.into()));
            }
            let is_first = cache.is_empty();
            let session = if is_first { &mut self.first } else { &mut self.next };
            if session.inputs().iter().any(|i| i.name() == "encoder_hidden_states") {
                inputs.push(("encoder_hidden_states".into(), encoded.into()));
            }
            let mut outputs = session.run(inputs)?;
            let (_, logits) = outputs["logits"].try_extract_tensor::<f32>()?;
            let piece = likeliest(logits);
            for (i, entry) in self.cache.iter().enumerate().filter(|(_, e)| is_first || !e.fixed) {
                let value = outputs
                    .remove(&entry.output)
                    .ok_or_else(|| OnnxError::Runtime(format!("no output {}", entry.output)))?;
                match cache.get_mut(i) {
                    Some(place) => *place = value,
                    None => cache.push(value),
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
