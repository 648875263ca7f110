//! Converts a made-up model of one layer, two-wide, and reads the result back.

use half::f16;

use super::*;
use crate::shared::models::whisper::bytes::Reader;
use crate::shared::models::whisper::{mel_filters::BINS, vocabulary::TOKENS};

/// A `CTranslate2` file under construction.
#[derive(Default)]
struct Ct2 {
    variables: Vec<u8>,
    count: u32,
}

impl Ct2 {
    /// A float16 variable whose elements count up from `first`.
    fn half(&mut self, name: &str, shape: &[u32], first: f32) {
        let count: u32 = shape.iter().product();
        let data: Vec<u8> = (0..count)
            .flat_map(|i| f16::from_f32(first + i as f32).to_le_bytes())
            .collect();
        self.add(name, shape, 4, &data);
    }

    fn zeros(&mut self, name: &str, size: u32) {
        self.add(name, &[size], 4, &vec![0; size as usize * 2]);
    }

    fn add(&mut self, name: &str, shape: &[u32], element: u8, data: &[u8]) {
        self.count += 1;
        text(&mut self.variables, name);
        self.variables.push(u8::try_from(shape.len()).unwrap());
        self.variables.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
        self.variables.push(element);
        self.variables.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        self.variables.extend(data);
    }

    fn linear(&mut self, name: &str, rows: u32, columns: u32) {
        self.half(&format!("{name}/weight"), &[rows, columns], 0.0);
        self.half(&format!("{name}/bias"), &[rows], 0.0);
    }

    fn norm(&mut self, name: &str) {
        self.half(&format!("{name}/gamma"), &[2], 1.0);
        self.half(&format!("{name}/beta"), &[2], 2.0);
    }

    fn file(self) -> Vec<u8> {
        let mut out = 6_u32.to_le_bytes().to_vec();
        text(&mut out, "WhisperSpec");
        out.extend(3_u32.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(self.variables);
        out.extend(1_u32.to_le_bytes());
        text(&mut out, "decoder/projection/weight");
        text(&mut out, "decoder/embeddings/weight");
        out
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len() + 1).unwrap().to_le_bytes());
    out.extend(text.as_bytes());
    out.push(0);
}

fn model(key_bias: f32) -> Vec<u8> {
    let mut ct2 = Ct2::default();
    ct2.half("decoder/position_encodings/encodings", &[3, 2], 0.0);
    ct2.half("encoder/position_encodings/encodings", &[5, 2], 0.0);
    ct2.half("decoder/embeddings/weight", &[51_865, 2], 0.0);
    ct2.add("encoder/num_heads", &[], 2, &4_i16.to_le_bytes());
    ct2.add("decoder/num_heads", &[], 1, &[6]);
    ct2.half("encoder/conv1/weight", &[2, 80, 3], 0.0);
    ct2.half("encoder/conv1/bias", &[2], 0.0);
    ct2.half("encoder/conv2/weight", &[2, 2, 3], 0.0);
    ct2.half("encoder/conv2/bias", &[2], 0.0);
    for side in ["encoder", "decoder"] {
        ct2.norm(&format!("{side}/layer_norm"));
        let layer = format!("{side}/layer_0");
        ct2.norm(&format!("{layer}/ffn/layer_norm"));
        ct2.linear(&format!("{layer}/ffn/linear_0"), 2, 2);
        ct2.linear(&format!("{layer}/ffn/linear_1"), 2, 2);
        ct2.norm(&format!("{layer}/self_attention/layer_norm"));
        ct2.half(&format!("{layer}/self_attention/linear_0/weight"), &[6, 2], 0.0);
        let bias = [1.0, 1.0, key_bias, key_bias, 2.0, 2.0].map(|b| f16::from_f32(b).to_le_bytes());
        ct2.add(
            &format!("{layer}/self_attention/linear_0/bias"),
            &[6],
            4,
            bias.as_flattened(),
        );
        ct2.linear(&format!("{layer}/self_attention/linear_1"), 2, 2);
    }
    ct2.norm("decoder/layer_0/attention/layer_norm");
    ct2.linear("decoder/layer_0/attention/linear_0", 2, 2);
    ct2.half("decoder/layer_0/attention/linear_1/weight", &[4, 2], 0.0);
    ct2.zeros("decoder/layer_0/attention/linear_1/bias", 4);
    ct2.linear("decoder/layer_0/attention/linear_2", 2, 2);
    ct2.file()
}

fn tokenizer() -> Vec<u8> {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        (0..TOKENS).map(|id| (format!("t{id}"), id.into())).collect();
    serde_json::to_vec(&serde_json::json!({ "model": { "vocab": vocabulary } })).unwrap()
}

struct Written {
    name: String,
    shape: Vec<i32>,
    element: i32,
    data: Vec<u8>,
}

fn read_back(ggml: &[u8]) -> (Vec<i32>, Vec<Written>) {
    let mut reader = Reader::new(ggml);
    assert_eq!(reader.u32().unwrap(), GGML_MAGIC);
    let header: Vec<i32> = (0..11).map(|_| reader.i32().unwrap()).collect();
    assert_eq!((reader.i32().unwrap(), reader.size().unwrap()), (80, BINS));
    reader.take(80 * BINS * 4).unwrap();
    for id in 0..reader.size().unwrap() {
        let size = reader.size().unwrap();
        assert_eq!(reader.take(size).unwrap(), format!("t{id}").as_bytes());
    }
    let mut tensors = Vec::new();
    while !reader.at_end() {
        let (dimensions, name_size, element) = (reader.size().unwrap(), reader.size().unwrap(), reader.i32().unwrap());
        let shape: Vec<i32> = (0..dimensions).map(|_| reader.i32().unwrap()).collect();
        let name = String::from_utf8(reader.take(name_size).unwrap().to_vec()).unwrap();
        let width = if element == TYPE_F16 { 2 } else { 4 };
        let count = shape.iter().product::<i32>().unsigned_abs() as usize;
        let data = reader.take(count * width).unwrap().to_vec();
        tensors.push(Written {
            name,
            shape,
            element,
            data,
        });
    }
    (header, tensors)
}

#[test]
fn writes_the_header_and_every_tensor_under_its_published_name() {
    let (header, tensors) = read_back(&to_ggml(&model(0.0), &tokenizer()).unwrap());

    assert_eq!(header, [51_865, 5, 2, 4, 1, 3, 2, 6, 1, 80, 1]);
    let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(
        names[..4],
        [
            "decoder.positional_embedding",
            "encoder.positional_embedding",
            "decoder.token_embedding.weight",
            "decoder.blocks.0.mlp_ln.weight"
        ]
    );
    assert_eq!(names.last(), Some(&"encoder.ln_post.bias"));
    // 3 tables, 2 x 15 per side's layer, 9 more of cross attention with its norm, 2 norms, 2 convolutions.
    assert_eq!(names.len(), 3 + 2 * 15 + 9 + 4 + 4);
}

#[test]
fn splits_the_fused_projection_into_query_key_and_value() {
    let (_, tensors) = read_back(&to_ggml(&model(0.0), &tokenizer()).unwrap());
    let first = |name: &str| {
        let tensor = tensors.iter().find(|tensor| tensor.name == name).unwrap();
        assert_eq!((&tensor.shape[..], tensor.element), (&[2, 2][..], TYPE_F16), "{name}");
        f16::from_le_bytes([tensor.data[0], tensor.data[1]]).to_f32()
    };
    assert!((first("encoder.blocks.0.attn.query.weight") - 0.0).abs() < 1e-6);
    assert!((first("encoder.blocks.0.attn.key.weight") - 4.0).abs() < 1e-6);
    assert!((first("encoder.blocks.0.attn.value.weight") - 8.0).abs() < 1e-6);
    assert!((first("decoder.blocks.0.cross_attn.value.weight") - 4.0).abs() < 1e-6);
    assert!(tensors.iter().all(|tensor| !tensor.name.ends_with("key.bias")));
}

#[test]
fn vectors_and_tables_are_float32_and_a_convolution_bias_is_a_column() {
    let (_, tensors) = read_back(&to_ggml(&model(0.0), &tokenizer()).unwrap());
    for tensor in &tensors {
        let wide = tensor.shape.len() == 1 || tensor.name.ends_with("positional_embedding");
        if wide {
            assert_eq!(tensor.element, TYPE_F32, "{}", tensor.name);
        }
    }
    let bias = tensors
        .iter()
        .find(|tensor| tensor.name == "encoder.conv1.bias")
        .unwrap();
    assert_eq!((&bias.shape[..], bias.element), (&[1, 2][..], TYPE_F32));
}

#[test]
fn what_is_no_such_model_is_an_error() {
    let tokens = tokenizer();
    assert!(matches!(
        to_ggml(&model(0.5), &tokens),
        Err(ConvertError::Unexpected { .. })
    ));
    let whole = model(0.0);
    for end in [0, 3, 20, 400, whole.len() - 1] {
        assert!(to_ggml(&whole[..end], &tokens).is_err(), "cut at {end}");
    }
    assert!(matches!(to_ggml(&whole, b"{}"), Err(ConvertError::Vocabulary(_))));
}
