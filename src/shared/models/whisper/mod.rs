//! Whisper weights as whisper.cpp reads them: from a `CTranslate2` conversion to float16, and on to 8-bit blocks.
//!
//! Nothing is rounded on the way to float16 (the published checkpoints are float16 and so is the conversion), so the
//! file is the published one, byte for byte. The 8-bit file equals what whisper.cpp's own `quantize` writes.

mod bytes;
mod convert;
mod ct2;
mod mel_filters;
mod quantize;
mod vocabulary;

pub use convert::to_ggml;
pub use quantize::to_q8_0;

/// First four bytes of a ggml file ("ggml" read as a little-endian integer).
const GGML_MAGIC: u32 = 0x6767_6d6c;
/// Tensor element types of the ggml file format.
const TYPE_F32: i32 = 0;
const TYPE_F16: i32 = 1;
const TYPE_Q8_0: i32 = 8;

/// Why weights could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    #[error("the file ends too early, at byte {0}")]
    Truncated(usize),
    #[error("not a CTranslate2 Whisper model of version 6")]
    NotCt2,
    #[error("not a ggml Whisper model in float16")]
    NotGgml,
    #[error("variable {0} is missing")]
    MissingVariable(String),
    #[error("{name}: {problem}")]
    Unexpected { name: String, problem: String },
    #[error("token table: {0}")]
    Vocabulary(String),
}

impl ConvertError {
    fn unexpected(name: &str, problem: impl Into<String>) -> Self {
        Self::Unexpected {
            name: name.to_owned(),
            problem: problem.into(),
        }
    }
}
