//! `CTranslate2` float16 to ggml float16.
//!
//! The order of the tensors and their names are those of `OpenAI`'s checkpoints, which whisper.cpp's
//! `convert-pt-to-ggml.py` walks; 80 mel bands (tiny, base, small, medium and their English variants).

use super::ct2::{Tensor, Variables};
use super::{ConvertError, GGML_MAGIC, TYPE_F16, TYPE_F32, mel_filters, vocabulary};

const CONV_BIASES: [&str; 2] = ["encoder.conv1.bias", "encoder.conv2.bias"];

/// Writes the ggml file of a model.
///
/// `model` is a `CTranslate2` `model.bin` with float16 weights, `tokenizer_json` the tokenizer that comes with it.
///
/// # Errors
/// When the bytes are no such model.
pub fn to_ggml(model: &[u8], tokenizer_json: &[u8]) -> Result<Vec<u8>, ConvertError> {
    let ct2 = Variables::read(model)?;
    let state = State::read(&ct2)?;
    let tokens = vocabulary::read(tokenizer_json)?;
    let mut out = Vec::with_capacity(model.len() + 4 * 1024 * 1024);
    out.extend_from_slice(&GGML_MAGIC.to_le_bytes());
    let n_mels = state.size("encoder.conv1.weight", 1)?;
    let header = [
        state.size("decoder.token_embedding.weight", 0)?,
        state.size("encoder.positional_embedding", 0)?,
        state.size("encoder.positional_embedding", 1)?,
        ct2.integer("encoder/num_heads")?,
        count(state.encoder_layers),
        state.size("decoder.positional_embedding", 0)?,
        state.size("decoder.token_embedding.weight", 1)?,
        ct2.integer("decoder/num_heads")?,
        count(state.decoder_layers),
        n_mels,
        TYPE_F16,
    ];
    put(&mut out, &header);
    put(&mut out, &[n_mels, count(mel_filters::BINS)]);
    for weight in mel_filters::slaney(n_mels.cast_unsigned() as usize) {
        out.extend_from_slice(&weight.to_le_bytes());
    }
    put(&mut out, &[count(tokens.len())]);
    for token in tokens {
        put(&mut out, &[count(token.len())]);
        out.extend_from_slice(&token);
    }
    for (name, tensor) in &state.tensors {
        put_tensor(&mut out, name, tensor);
    }
    Ok(out)
}

fn put_tensor(out: &mut Vec<u8>, name: &str, tensor: &Tensor<'_>) {
    let mut shape: Vec<i32> = tensor.shape.iter().copied().map(count).collect();
    let conv_bias = CONV_BIASES.contains(&name);
    if conv_bias {
        shape.push(1);
    }
    let half = shape.len() >= 2 && !conv_bias && !name.ends_with("positional_embedding");
    put(
        out,
        &[
            count(shape.len()),
            count(name.len()),
            if half { TYPE_F16 } else { TYPE_F32 },
        ],
    );
    shape.reverse();
    put(out, &shape);
    out.extend_from_slice(name.as_bytes());
    if half {
        out.extend_from_slice(tensor.data);
    } else {
        out.extend(tensor.values().flat_map(f32::to_le_bytes));
    }
}

fn put(out: &mut Vec<u8>, values: &[i32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// A size as the format stores it; what does not fit cannot have been read from a file of 32-bit sizes.
fn count(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

/// The tensors under `OpenAI`'s names, in the order of the published checkpoints.
struct State<'a> {
    tensors: Vec<(String, Tensor<'a>)>,
    encoder_layers: usize,
    decoder_layers: usize,
}

impl<'a> State<'a> {
    fn read(ct2: &Variables<'a>) -> Result<Self, ConvertError> {
        let mut state = Self {
            tensors: Vec::new(),
            encoder_layers: 0,
            decoder_layers: 0,
        };
        for (name, source) in [
            ("decoder.positional_embedding", "decoder/position_encodings/encodings"),
            ("encoder.positional_embedding", "encoder/position_encodings/encodings"),
            ("decoder.token_embedding.weight", "decoder/embeddings/weight"),
        ] {
            state.push(name.to_owned(), ct2.tensor(source)?);
        }
        state.decoder_layers = state.blocks("decoder", ct2)?;
        state.norm("decoder.ln", ct2, "decoder/layer_norm")?;
        state.linear("encoder.conv1", ct2, "encoder/conv1")?;
        state.linear("encoder.conv2", ct2, "encoder/conv2")?;
        state.encoder_layers = state.blocks("encoder", ct2)?;
        state.norm("encoder.ln_post", ct2, "encoder/layer_norm")?;
        Ok(state)
    }

    fn blocks(&mut self, side: &str, ct2: &Variables<'a>) -> Result<usize, ConvertError> {
        let mut layer = 0;
        while ct2.contains(&format!("{side}/layer_{layer}/ffn/linear_0/weight")) {
            let (source, name) = (format!("{side}/layer_{layer}"), format!("{side}.blocks.{layer}"));
            self.norm(&format!("{name}.mlp_ln"), ct2, &format!("{source}/ffn/layer_norm"))?;
            self.linear(&format!("{name}.mlp.0"), ct2, &format!("{source}/ffn/linear_0"))?;
            self.linear(&format!("{name}.mlp.2"), ct2, &format!("{source}/ffn/linear_1"))?;
            self.norm(
                &format!("{name}.attn_ln"),
                ct2,
                &format!("{source}/self_attention/layer_norm"),
            )?;
            self.self_attention(&format!("{name}.attn"), ct2, &format!("{source}/self_attention"))?;
            if side == "decoder" {
                self.norm(
                    &format!("{name}.cross_attn_ln"),
                    ct2,
                    &format!("{source}/attention/layer_norm"),
                )?;
                self.cross_attention(&format!("{name}.cross_attn"), ct2, &format!("{source}/attention"))?;
            }
            layer += 1;
        }
        Ok(layer)
    }

    /// Query, key and value lie fused by rows in one projection.
    fn self_attention(&mut self, name: &str, ct2: &Variables<'a>, source: &str) -> Result<(), ConvertError> {
        let weight = ct2.tensor(&format!("{source}/linear_0/weight"))?;
        let bias = ct2.tensor(&format!("{source}/linear_0/bias"))?;
        let part = |index| Ok((weight.rows(index, 3, source)?, bias.rows(index, 3, source)?));
        self.attention(name, [part(0)?, part(1)?, part(2)?], source)?;
        self.linear(&format!("{name}.out"), ct2, &format!("{source}/linear_1"))
    }

    /// The query stands alone, key and value are fused by rows.
    fn cross_attention(&mut self, name: &str, ct2: &Variables<'a>, source: &str) -> Result<(), ConvertError> {
        let query = (
            ct2.tensor(&format!("{source}/linear_0/weight"))?,
            ct2.tensor(&format!("{source}/linear_0/bias"))?,
        );
        let weight = ct2.tensor(&format!("{source}/linear_1/weight"))?;
        let bias = ct2.tensor(&format!("{source}/linear_1/bias"))?;
        let part = |index| Ok((weight.rows(index, 2, source)?, bias.rows(index, 2, source)?));
        self.attention(name, [query, part(0)?, part(1)?], source)?;
        self.linear(&format!("{name}.out"), ct2, &format!("{source}/linear_2"))
    }

    /// Whisper's key projection has no bias; `CTranslate2` gives it one of zeros.
    fn attention(
        &mut self,
        name: &str,
        [query, key, value]: [(Tensor<'a>, Tensor<'a>); 3],
        source: &str,
    ) -> Result<(), ConvertError> {
        if !key.1.is_zero() {
            return Err(ConvertError::unexpected(source, "the key projection has a bias"));
        }
        self.push(format!("{name}.query.weight"), query.0);
        self.push(format!("{name}.query.bias"), query.1);
        self.push(format!("{name}.key.weight"), key.0);
        self.push(format!("{name}.value.weight"), value.0);
        self.push(format!("{name}.value.bias"), value.1);
        Ok(())
    }

    fn linear(&mut self, name: &str, ct2: &Variables<'a>, source: &str) -> Result<(), ConvertError> {
        self.push(format!("{name}.weight"), ct2.tensor(&format!("{source}/weight"))?);
        self.push(format!("{name}.bias"), ct2.tensor(&format!("{source}/bias"))?);
        Ok(())
    }

    fn norm(&mut self, name: &str, ct2: &Variables<'a>, source: &str) -> Result<(), ConvertError> {
        self.push(format!("{name}.weight"), ct2.tensor(&format!("{source}/gamma"))?);
        self.push(format!("{name}.bias"), ct2.tensor(&format!("{source}/beta"))?);
        Ok(())
    }

    fn push(&mut self, name: String, tensor: Tensor<'a>) {
        self.tensors.push((name, tensor));
    }

    /// The length of a tensor along one dimension.
    fn size(&self, name: &str, dimension: usize) -> Result<i32, ConvertError> {
        let (_, tensor) = self
            .tensors
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| ConvertError::MissingVariable(name.to_owned()))?;
        tensor
            .shape
            .get(dimension)
            .copied()
            .map(count)
            .ok_or_else(|| ConvertError::unexpected(name, "too few dimensions"))
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
