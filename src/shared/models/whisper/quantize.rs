//! ggml float16 to ggml `q8_0`, as whisper.cpp's `quantize` does it.
//!
//! Matrices become blocks of 32 values that share a float16 scale; vectors, convolutions and the position tables stay.

use half::f16;

use super::bytes::Reader;
use super::{ConvertError, GGML_MAGIC, TYPE_F16, TYPE_F32, TYPE_Q8_0};

/// Values that share a scale.
const BLOCK: usize = 32;
/// File type "mostly `q8_0`" under quantisation version 2, as the header states it.
const FILE_TYPE: i32 = 2 * 1000 + 7;
/// Position of the file type among the header's eleven integers.
const FILE_TYPE_AT: usize = 10;
/// Matrices that stay as they are.
const KEPT: [&str; 4] = [
    "encoder.conv1.bias",
    "encoder.conv2.bias",
    "encoder.positional_embedding",
    "decoder.positional_embedding",
];

/// Quantises a float16 ggml Whisper file.
///
/// # Errors
/// When the bytes are no such file.
pub fn to_q8_0(ggml: &[u8]) -> Result<Vec<u8>, ConvertError> {
    let mut reader = Reader::new(ggml);
    let mut out = Vec::with_capacity(ggml.len() * 6 / 10);
    if reader.u32()? != GGML_MAGIC {
        return Err(ConvertError::NotGgml);
    }
    out.extend_from_slice(&GGML_MAGIC.to_le_bytes());
    for index in 0..=FILE_TYPE_AT {
        let value = reader.i32()?;
        if index == FILE_TYPE_AT && value != TYPE_F16 {
            return Err(ConvertError::NotGgml);
        }
        put(&mut out, if index == FILE_TYPE_AT { FILE_TYPE } else { value });
    }
    copy_filters_and_tokens(&mut reader, &mut out)?;
    while !reader.at_end() {
        tensor(&mut reader, &mut out)?;
    }
    Ok(out)
}

fn copy_filters_and_tokens(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let (mels, bins) = (reader.i32()?, reader.i32()?);
    put(out, mels);
    put(out, bins);
    let weights = elements("mel filters", &[mels, bins])?;
    out.extend_from_slice(reader.take(weights.saturating_mul(4))?);
    let tokens = reader.i32()?;
    put(out, tokens);
    for _ in 0..tokens {
        let size = reader.size()?;
        put(out, i32::try_from(size).map_err(|_| ConvertError::NotGgml)?);
        out.extend_from_slice(reader.take(size)?);
    }
    Ok(())
}

fn tensor(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let (dimensions, name_size, element) = (reader.size()?, reader.size()?, reader.i32()?);
    let shape = (0..dimensions).map(|_| reader.i32()).collect::<Result<Vec<i32>, _>>()?;
    let name_bytes = reader.take(name_size)?;
    let name = String::from_utf8_lossy(name_bytes);
    let count = elements(&name, &shape)?;
    let width = match element {
        TYPE_F32 => 4,
        TYPE_F16 => 2,
        _ => return Err(ConvertError::unexpected(&name, "neither float32 nor float16")),
    };
    let data = reader.take(count.saturating_mul(width))?;
    let quantise = shape.len() == 2 && !KEPT.contains(&name.as_ref());
    put(out, i32::try_from(dimensions).map_err(|_| ConvertError::NotGgml)?);
    put(out, i32::try_from(name_size).map_err(|_| ConvertError::NotGgml)?);
    put(out, if quantise { TYPE_Q8_0 } else { element });
    for size in &shape {
        put(out, *size);
    }
    out.extend_from_slice(name_bytes);
    if !quantise {
        out.extend_from_slice(data);
        return Ok(());
    }
    let row = shape.first().map_or(0, |size| size.unsigned_abs() as usize);
    if !row.is_multiple_of(BLOCK) {
        return Err(ConvertError::unexpected(
            &name,
            format!("rows of {row} do not divide into blocks of {BLOCK}"),
        ));
    }
    let value = |chunk: &[u8]| match *chunk {
        [a, b] => f16::from_le_bytes([a, b]).to_f32(),
        [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
        _ => 0.0,
    };
    let mut block = [0.0; BLOCK];
    for chunk in data.chunks_exact(BLOCK * width) {
        for (place, raw) in block.iter_mut().zip(chunk.chunks_exact(width)) {
            *place = value(raw);
        }
        put_block(out, &block);
    }
    Ok(())
}

/// One block: scale `max |x| / 127` as float16, then 32 signed bytes, rounded half away from zero
/// (ggml's `quantize_row_q8_0_ref`; the bytes are made with the scale before it is rounded).
fn put_block(out: &mut Vec<u8>, values: &[f32; BLOCK]) {
    let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    out.extend_from_slice(&f16::from_f32(scale).to_le_bytes());
    out.extend(
        values
            .iter()
            .map(|value| ((value * inverse).round() as i8).cast_unsigned()),
    );
}

fn elements(name: &str, shape: &[i32]) -> Result<usize, ConvertError> {
    shape
        .iter()
        .try_fold(1_usize, |product, size| {
            product.checked_mul(usize::try_from(*size).ok()?)
        })
        .ok_or_else(|| ConvertError::unexpected(name, "impossible shape"))
}

fn put(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one mel filter weight, one token and the given tensors of float16.
    fn file(tensors: &[(&str, &[i32], &[f32])]) -> Vec<u8> {
        let mut out = GGML_MAGIC.to_le_bytes().to_vec();
        for value in [7, 1, 1, 1, 1, 1, 1, 1, 1, 1, TYPE_F16, 1, 1] {
            put(&mut out, value);
        }
        out.extend_from_slice(&0.5_f32.to_le_bytes());
        put(&mut out, 1);
        put(&mut out, 2);
        out.extend_from_slice(b"hi");
        for (name, shape, values) in tensors {
            put(&mut out, i32::try_from(shape.len()).unwrap());
            put(&mut out, i32::try_from(name.len()).unwrap());
            put(&mut out, TYPE_F16);
            shape.iter().for_each(|size| put(&mut out, *size));
            out.extend_from_slice(name.as_bytes());
            out.extend(values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
        }
        out
    }

    /// Bytes before the first tensor of [`file`].
    const HEAD: usize = 4 + 13 * 4 + 4 + 4 + 4 + 2;

    #[test]
    fn a_matrix_becomes_blocks_of_a_scale_and_32_bytes() {
        let mut values = [0.0; 32];
        values[0] = 127.0;
        values[1] = -127.0;
        values[2] = 0.5;
        values[3] = -0.5;
        values[4] = 0.49;

        let out = to_q8_0(&file(&[("w", &[32, 1], &values)])).unwrap();

        assert_eq!(&out[44..48], &2007_i32.to_le_bytes());
        let tensor = &out[HEAD..];
        assert_eq!(&tensor[8..12], &TYPE_Q8_0.to_le_bytes());
        let block = &tensor[12 + 8 + 1..];
        assert_eq!(block.len(), 34);
        assert_eq!(&block[..2], &f16::from_f32(1.0).to_le_bytes());
        assert_eq!(&block[2..7], &[127_u8, 0x81, 1, 0xff, 0]);
    }

    #[test]
    fn vectors_convolutions_and_position_tables_stay_as_they_are() {
        let values = [0.25; 64];
        let input = file(&[
            ("b", &[32], &values[..32]),
            ("encoder.conv1.weight", &[3, 4, 2], &values[..24]),
            ("encoder.positional_embedding", &[32, 2], &values),
        ]);

        let out = to_q8_0(&input).unwrap();

        assert_eq!(out[HEAD..], input[HEAD..]);
    }

    #[test]
    fn a_block_of_zeros_has_the_scale_zero() {
        let out = to_q8_0(&file(&[("w", &[32, 1], &[0.0; 32])])).unwrap();
        assert!(out[HEAD + 21..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn damaged_files_are_errors() {
        let whole = file(&[("w", &[32, 1], &[1.0; 32])]);
        assert_eq!(to_q8_0(b"GGUF"), Err(ConvertError::NotGgml));
        for end in 0..whole.len() - 1 {
            // A cut exactly between the token table and the tensor leaves a shorter, valid file.
            if end != HEAD {
                assert!(to_q8_0(&whole[..end]).is_err(), "cut at {end}");
            }
        }
        assert!(matches!(
            to_q8_0(&file(&[("w", &[31, 1], &[1.0; 31])])),
            Err(ConvertError::Unexpected { .. })
        ));
    }
}
