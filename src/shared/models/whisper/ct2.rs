//! Reads the variables of a `CTranslate2` `model.bin` (binary version 6, as faster-whisper's converter writes it).

use std::collections::BTreeMap;

use half::f16;

use super::ConvertError;
use super::bytes::Reader;

/// Element types of the format, by their number.
const INT8: u8 = 1;
const INT16: u8 = 2;
const INT32: u8 = 3;
const FLOAT16: u8 = 4;

/// The variables of a model by name.
pub struct Variables<'a>(BTreeMap<String, Variable<'a>>);

/// One variable: row-major elements in little-endian bytes.
pub struct Variable<'a> {
    pub shape: Vec<usize>,
    element: u8,
    data: &'a [u8],
}

/// A float16 tensor: row-major elements in little-endian bytes, two each.
#[derive(Clone)]
pub struct Tensor<'a> {
    pub shape: Vec<usize>,
    pub data: &'a [u8],
}

impl<'a> Variables<'a> {
    /// Reads the whole file.
    pub fn read(blob: &'a [u8]) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(blob);
        let version = reader.u32()?;
        let specification = text(&mut reader)?;
        let _revision = reader.u32()?;
        if version != 6 || specification != "WhisperSpec" {
            return Err(ConvertError::NotCt2);
        }
        let mut variables = BTreeMap::new();
        for _ in 0..reader.u32()? {
            let name = text(&mut reader)?;
            let dimensions = reader.u8()?;
            let shape = (0..dimensions)
                .map(|_| Ok(reader.u32()? as usize))
                .collect::<Result<Vec<_>, ConvertError>>()?;
            let element = reader.u8()?;
            let size = reader.u32()? as usize;
            let data = reader.take(size)?;
            variables.insert(name, Variable { shape, element, data });
        }
        // Aliases (name, target): only the tied output projection, which ggml does not store.
        for _ in 0..reader.u32()?.saturating_mul(2) {
            text(&mut reader)?;
        }
        if !reader.at_end() {
            return Err(ConvertError::NotCt2);
        }
        Ok(Self(variables))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A float16 tensor.
    pub fn tensor(&self, name: &str) -> Result<Tensor<'a>, ConvertError> {
        let variable = self.get(name)?;
        if variable.element != FLOAT16 {
            return Err(ConvertError::unexpected(name, "not float16"));
        }
        if variable.shape.iter().product::<usize>() * 2 != variable.data.len() {
            return Err(ConvertError::unexpected(name, "shape and size disagree"));
        }
        Ok(Tensor {
            shape: variable.shape.clone(),
            data: variable.data,
        })
    }

    /// An integer scalar.
    pub fn integer(&self, name: &str) -> Result<i32, ConvertError> {
        let variable = self.get(name)?;
        let mut reader = Reader::new(variable.data);
        match variable.element {
            INT8 => Ok(i32::from(reader.u8()?.cast_signed())),
            INT16 => Ok(i32::from(reader.u16()?.cast_signed())),
            INT32 => reader.i32(),
            _ => Err(ConvertError::unexpected(name, "not an integer")),
        }
    }

    fn get(&self, name: &str) -> Result<&Variable<'a>, ConvertError> {
        self.0
            .get(name)
            .ok_or_else(|| ConvertError::MissingVariable(name.to_owned()))
    }
}

impl Tensor<'_> {
    /// The `index`th of `parts` equal slices along the first dimension.
    pub fn rows(&self, index: usize, parts: usize, name: &str) -> Result<Self, ConvertError> {
        let rows = self.shape.first().copied().unwrap_or(0);
        if rows == 0 || !rows.is_multiple_of(parts) || index >= parts {
            return Err(ConvertError::unexpected(
                name,
                format!("{rows} rows do not split into {parts}"),
            ));
        }
        let mut shape = self.shape.clone();
        shape[0] = rows / parts;
        let size = self.data.len() / parts;
        Ok(Self {
            shape,
            data: &self.data[index * size..(index + 1) * size],
        })
    }

    pub fn is_zero(&self) -> bool {
        self.values().all(|value| value == 0.0)
    }

    /// Its elements, widened to float32.
    pub fn values(&self) -> impl Iterator<Item = f32> {
        self.data
            .chunks_exact(2)
            .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
    }
}

/// A string with its length in front (16 bits, counting the closing NUL).
fn text(reader: &mut Reader<'_>) -> Result<String, ConvertError> {
    let size = usize::from(reader.u16()?);
    let raw = reader.take(size)?;
    Ok(String::from_utf8_lossy(raw).trim_end_matches('\0').to_owned())
}
