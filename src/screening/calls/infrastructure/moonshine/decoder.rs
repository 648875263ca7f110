//! Token by token: the keys and values of the sound once, then one step for each token, whose keys and values go on to the
//! next.

use std::borrow::Cow;

use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Tensor};
use tokio_util::sync::CancellationToken;

use crate::screening::calls::infrastructure::moonshine::alignment::{self, WATCHED};
use crate::screening::calls::infrastructure::moonshine::unfold::SOUND;
use crate::screening::calls::infrastructure::moonshine::vocabulary::Piece;
use crate::shared::onnx::OnnxError;

const BEGIN: i64 = 1;
const END: usize = 2;
/// The heads of a layer and the size of one's keys and values.
const HEADS: usize = 8;
const HEAD: usize = 52;

pub struct Decoder {
    keys: Session,
    step: Session,
    /// Of the sound: computed once for a clip.
    fixed: Vec<CacheEntry>,
    /// Of the tokens so far: one step's outputs are the next one's inputs.
    growing: Vec<CacheEntry>,
    /// Whether a step looks at the encoder's output itself.
    hears: bool,
}

/// What was decoded.
#[derive(Default)]
pub struct Decoded {
    pub pieces: Vec<Piece>,
    /// What each of them looked at (see [`alignment`]).
    pub looks: Vec<Vec<f32>>,
}

/// A tensor of keys or values.
struct CacheEntry {
    input: String,
    output: String,
}

impl Decoder {
    /// `keys` and `step` as [`unfold`](super::unfold) makes them.
    pub fn new(keys: Session, step: Session) -> Self {
        let names = step.inputs().iter().map(ort::value::Outlet::name);
        let entries = names
            .filter(|name| name.starts_with("past_key_values"))
            .map(|name| CacheEntry {
                input: name.to_owned(),
                output: name.replace("past_key_values", "present"),
            });
        let (fixed, growing) = entries.partition(|entry| entry.input.contains("encoder"));
        let hears = step.inputs().iter().any(|i| i.name() == SOUND);
        Self {
            keys,
            step,
            fixed,
            growing,
            hears,
        }
    }

    /// The likeliest token after each other until the end or `most`; `None` where it was stopped.
    pub fn decode(
        &mut self,
        encoded: &DynValue,
        most: usize,
        stop: &CancellationToken,
    ) -> Result<Option<Decoded>, OnnxError> {
        let mut outputs = self.keys.run(ort::inputs![SOUND => encoded])?;
        let of_sound: Vec<DynValue> = taken(&mut outputs, &self.fixed)?;
        drop(outputs);
        let empty = || Tensor::<f32>::from_array(([1_usize, HEADS, 0, HEAD], Vec::new()));
        let mut so_far: Vec<DynValue> = Vec::with_capacity(self.growing.len());
        for _ in &self.growing {
            so_far.push(empty()?.into_dyn());
        }
        let mut decoded = Decoded::default();
        let mut token = BEGIN;
        while decoded.pieces.len() < most {
            if stop.is_cancelled() {
                return Ok(None);
            }
            let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = vec![(
                "input_ids".into(),
                Tensor::from_array(([1_usize, 1], vec![token]))?.into(),
            )];
            let entries = self.fixed.iter().zip(&of_sound);
            for (entry, value) in entries.chain(self.growing.iter().zip(&so_far)) {
                inputs.push((entry.input.as_str().into(), value.into()));
            }
            if self.hears {
                inputs.push((SOUND.into(), encoded.into()));
            }
            let mut outputs = self.step.run(inputs)?;
            let (_, logits) = outputs["logits"].try_extract_tensor::<f32>()?;
            let piece = likeliest(logits);
            if piece.token == END {
                break;
            }
            let layers = WATCHED.map(|name| outputs[name].try_extract_tensor::<f32>().map(|(_, shares)| shares));
            let [one, other] = layers;
            decoded.looks.push(alignment::look(&[one?, other?], HEADS));
            so_far = taken(&mut outputs, &self.growing)?;
            token = piece.token as i64;
            decoded.pieces.push(piece);
        }
        Ok(Some(decoded))
    }
}

/// The outputs of these names.
fn taken(outputs: &mut SessionOutputs<'_>, entries: &[CacheEntry]) -> Result<Vec<DynValue>, OnnxError> {
    let missing = |entry: &CacheEntry| OnnxError::Runtime(format!("no output {}", entry.output));
    let take = |entry: &CacheEntry| outputs.remove(&entry.output).ok_or_else(|| missing(entry));
    entries.iter().map(take).collect()
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
