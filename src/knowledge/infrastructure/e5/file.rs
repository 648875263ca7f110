//! Reads the file multilingual-e5-small is published in: tokenizer, tensors, matrices in 4-bit blocks. Every step is
//! checked: a broken file gives an error and never a panic.
//!
//! Little-endian: `E5S1`, version, sizes; pieces with scores; what characters are replaced by; a directory of tensors
//! with their places. A block is a half-precision scale and 32 numbers of 4 bits: byte `j` holds number `j` in its low
//! and number `j + 16` in its high half, each 8 too large.

use std::collections::BTreeMap;

use half::f16;

/// Numbers in a block, and its bytes.
pub const BLOCK: usize = 32;
const BLOCK_BYTES: usize = 18;

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum E5FileError {
    #[error("it is no e5 model of version 1")]
    NotE5,
    #[error("it ends too early, at byte {0}")]
    Short(usize),
    #[error("{0} is not possible")]
    Impossible(&'static str),
    #[error("the tensor {0} is missing or of another size")]
    Tensor(String),
}

/// How large the model is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// Length of a token's vector.
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    /// Width inside a layer's second half.
    pub inner: usize,
    /// Rows of the table of tokens.
    pub tokens: usize,
    /// Tokens the model can look at together.
    pub positions: usize,
    /// Added to variances.
    pub epsilon: f32,
}

/// The pieces texts are cut into, by their ids.
#[derive(Debug)]
pub struct Pieces<'a> {
    /// Where piece `i` begins in `text`; one more than there are pieces.
    pub starts: Vec<u32>,
    pub scores: Vec<f32>,
    pub text: &'a [u8],
    /// What stands for a character that is in no piece.
    pub unknown: u32,
    /// Marks of the beginning and the end of a text.
    pub begin: u32,
    pub end: u32,
    /// What a character is replaced by before the text is cut.
    pub replaced: BTreeMap<u32, Vec<u32>>,
}

/// The file, taken apart.
#[derive(Debug)]
pub struct E5File<'a> {
    pub sizes: Sizes,
    pub pieces: Pieces<'a>,
    tensors: BTreeMap<String, &'a [u8]>,
}

impl<'a> E5File<'a> {
    /// # Errors
    /// When the bytes are not what the model was published as.
    pub fn read(bytes: &'a [u8]) -> Result<Self, E5FileError> {
        let mut at = Cursor { bytes, at: 0 };
        if at.take(4).ok() != Some(b"E5S1".as_slice()) || at.number()? != 1 {
            return Err(E5FileError::NotE5);
        }
        let sizes = read_sizes(&mut at)?;
        let pieces = read_pieces(&mut at)?;
        if pieces.starts.len() > sizes.tokens + 1 {
            return Err(E5FileError::Impossible("more pieces than tokens"));
        }
        let tensors = read_directory(&mut at)?;
        Ok(Self { sizes, pieces, tensors })
    }

    /// Numbers that are not in blocks.
    ///
    /// # Errors
    /// When there is no such tensor of this length.
    pub fn floats(&self, name: &str, length: usize) -> Result<Vec<f32>, E5FileError> {
        let bytes = self.tensor(name, length * 4)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    /// A matrix in blocks, row by row; each row is `columns` long.
    ///
    /// # Errors
    /// When there is no such tensor of this size.
    pub fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix<'a>, E5FileError> {
        let bytes = self.tensor(name, rows * columns / BLOCK * BLOCK_BYTES)?;
        Ok(Matrix { bytes, columns })
    }

    fn tensor(&self, name: &str, length: usize) -> Result<&'a [u8], E5FileError> {
        let found = self.tensors.get(name).copied().filter(|bytes| bytes.len() == length);
        found.ok_or_else(|| E5FileError::Tensor(name.to_owned()))
    }
}

/// A matrix in 4-bit blocks.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub bytes: &'a [u8],
    columns: usize,
}

impl Matrix<'_> {
    /// All numbers, row by row.
    pub fn numbers(self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.bytes.len() / BLOCK_BYTES * BLOCK);
        unpack(self.bytes, &mut out);
        out
    }

    /// Bytes of a row.
    pub const fn stride(self) -> usize {
        row_bytes(self.columns)
    }
}

/// Bytes of a row of this many numbers.
pub const fn row_bytes(columns: usize) -> usize {
    columns / BLOCK * BLOCK_BYTES
}

/// Appends the numbers of whole blocks.
pub fn unpack(blocks: &[u8], out: &mut Vec<f32>) {
    let (blocks, _) = blocks.as_chunks::<BLOCK_BYTES>();
    for [low, high, numbers @ ..] in blocks {
        let scale = f16::from_le_bytes([*low, *high]).to_f32();
        let number = |nibble: u8| (f32::from(nibble) - 8.0) * scale;
        out.extend(numbers.iter().map(|byte| number(byte & 0x0F)));
        out.extend(numbers.iter().map(|byte| number(byte >> 4)));
    }
}

fn read_sizes(at: &mut Cursor<'_>) -> Result<Sizes, E5FileError> {
    let [hidden, layers, heads, inner, tokens, positions, kinds] = at.counts()?;
    let epsilon = f32::from_bits(at.number()?);
    let block = at.count()?;
    let fits = (BLOCK..=4_096).contains(&hidden)
        && hidden % BLOCK == 0
        && (1..=64).contains(&layers)
        && (1..=64).contains(&heads)
        && hidden % heads == 0
        && (BLOCK..=16_384).contains(&inner)
        && inner % BLOCK == 0
        && (1..=1_000_000).contains(&tokens)
        && (3..=8_192).contains(&positions)
        && (1..=16).contains(&kinds)
        && block == BLOCK
        && epsilon > 0.0
        && epsilon < 1.0;
    if !fits {
        return Err(E5FileError::Impossible("its size"));
    }
    Ok(Sizes {
        hidden,
        layers,
        heads,
        inner,
        tokens,
        positions,
        epsilon,
    })
}

fn read_pieces<'a>(at: &mut Cursor<'a>) -> Result<Pieces<'a>, E5FileError> {
    let count = at.count()?;
    let [begin, end, _padding, unknown] = [at.number()?, at.number()?, at.number()?, at.number()?];
    if count > 1_000_000 || [begin, end, unknown].iter().any(|id| *id as usize >= count) {
        return Err(E5FileError::Impossible("its number of pieces"));
    }
    let length = usize::try_from(at.long()?).map_err(|_| E5FileError::Impossible("its pieces' length"))?;
    let starts: Vec<u32> = at.numbers(count + 1)?;
    let scores: Vec<f32> = at.numbers(count)?.into_iter().map(f32::from_bits).collect();
    let text = at.take(length)?;
    let ordered = starts.windows(2).all(|pair| pair[0] <= pair[1]);
    if !ordered || starts.last().is_none_or(|last| *last as usize > length) || !scores.iter().all(|s| s.is_finite()) {
        return Err(E5FileError::Impossible("the order of its pieces"));
    }
    let count = at.count()?;
    let length = at.count()?;
    let mut rules = Cursor {
        bytes: at.take(length)?,
        at: 0,
    };
    let mut replaced = BTreeMap::new();
    for _ in 0..count {
        let from = rules.number()?;
        let [by] = *rules.take(1)? else {
            return Err(E5FileError::Short(rules.at));
        };
        replaced.insert(from, rules.numbers(usize::from(by))?);
    }
    Ok(Pieces {
        starts,
        scores,
        text,
        unknown,
        begin,
        end,
        replaced,
    })
}

fn read_directory<'a>(at: &mut Cursor<'a>) -> Result<BTreeMap<String, &'a [u8]>, E5FileError> {
    let whole = at.bytes;
    let mut tensors = BTreeMap::new();
    for _ in 0..at.count()? {
        let [low, high] = *at.take(2)? else {
            return Err(E5FileError::Short(at.at));
        };
        let name = at.take(usize::from(u16::from_le_bytes([low, high])))?;
        let name = String::from_utf8_lossy(name).into_owned();
        // Element type and number of elements: the length says as much.
        at.take(5)?;
        let place = usize::try_from(at.long()?).ok();
        let length = usize::try_from(at.long()?).ok();
        let bytes = place
            .zip(length)
            .and_then(|(place, length)| whole.get(place..place.checked_add(length)?))
            .ok_or_else(|| E5FileError::Tensor(name.clone()))?;
        tensors.insert(name, bytes);
    }
    Ok(tensors)
}

/// How far the file is read.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], E5FileError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(E5FileError::Short(self.at))?;
        self.at += length;
        Ok(taken)
    }

    /// Their bytes are taken before room is made for them: a broken count cannot ask for more than the file holds.
    fn numbers(&mut self, count: usize) -> Result<Vec<u32>, E5FileError> {
        let length = count.checked_mul(4).ok_or(E5FileError::Short(self.at))?;
        let (numbers, _) = self.take(length)?.as_chunks::<4>();
        Ok(numbers.iter().map(|number| u32::from_le_bytes(*number)).collect())
    }

    fn number(&mut self) -> Result<u32, E5FileError> {
        let four = self.take(4)?.first_chunk().ok_or(E5FileError::Short(self.at))?;
        Ok(u32::from_le_bytes(*four))
    }

    fn count(&mut self) -> Result<usize, E5FileError> {
        self.number().map(|number| number as usize)
    }

    fn counts<const N: usize>(&mut self) -> Result<[usize; N], E5FileError> {
        let mut out = [0; N];
        for count in &mut out {
            *count = self.count()?;
        }
        Ok(out)
    }

    fn long(&mut self) -> Result<u64, E5FileError> {
        let eight = self.take(8)?.first_chunk().ok_or(E5FileError::Short(self.at))?;
        Ok(u64::from_le_bytes(*eight))
    }
}
