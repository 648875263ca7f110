//! Meaning as vectors: the port that search and analysis share, and the vectors that are kept.

pub mod cached;
pub mod likeness;
pub mod pieces;
pub mod set;
pub mod store;

use std::time::Duration;

use async_trait::async_trait;

use crate::shared::errors::UpstreamError;
use crate::shared::jobs::HandlerError;

/// Turns texts into vectors of length 1; the dot product of two is their cosine.
#[async_trait]
pub trait TextEmbedder: Send + Sync {
    /// One vector per text, in order. Models that were taught to tell what looks from what is found need the role.
    async fn embed(&self, texts: &[String], role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError>;
    /// Which model makes them; vectors of different models are never compared.
    fn model(&self) -> EmbeddingModel;
}

/// Which side of a comparison a text is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextRole {
    /// It looks for something: a question, a criterion. Somebody waits for it.
    Query,
    /// It is found: a statement, a piece of a document. Stored vectors are of this kind.
    Passage,
}

/// The models on this machine, as their vectors are labelled.
pub const E5_SMALL: &str = "multilingual-e5-small-q4";
pub const MINI_LM: &str = "all-minilm-l6-v2-int8";
/// How many numbers the vectors of either have.
pub const LOCAL_DIMENSION: usize = 384;

/// A model and the length of its vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingModel {
    pub name: String,
    pub dimension: usize,
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// It may say how long it wants to be left alone.
    #[error("overloaded")]
    Overloaded { retry_after: Option<Duration> },
    #[error("timed out")]
    TimedOut,
    /// The key is missing or wrong.
    #[error("the server refused the key")]
    Unauthorized,
    /// The model or the texts are not taken; the same will not be taken later either.
    #[error("refused: {0}")]
    Rejected(String),
    /// What came back is not what was asked for, e.g. vectors of another length.
    #[error("the answer is not usable: {0}")]
    Malformed(String),
    #[error("{0}")]
    Failed(String),
}

impl EmbedError {
    /// Whether the same request may succeed later without anybody doing something about it.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded { .. } | Self::TimedOut | Self::Failed(_) => true,
            Self::Unauthorized | Self::Rejected(_) | Self::Malformed(_) => false,
        }
    }
}

impl EmbedError {
    /// What it means for a job. Whatever the model's server says may pass: a key is mended, an account topped up, a broken
    /// answer followed by a sound one. The tries are few.
    pub fn of_job(&self) -> HandlerError {
        let said = format!("embedding: {self}");
        match self {
            Self::Overloaded {
                retry_after: Some(pause),
            } => HandlerError::RetryAfter(said, *pause),
            Self::Overloaded { retry_after: None }
            | Self::TimedOut
            | Self::Unauthorized
            | Self::Rejected(_)
            | Self::Malformed(_)
            | Self::Failed(_) => HandlerError::Retry(said),
        }
    }
}

impl From<UpstreamError> for EmbedError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::TimedOut => Self::TimedOut,
            UpstreamError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            UpstreamError::TooLarge(_) => Self::Malformed(error.to_string()),
            UpstreamError::Unreachable | UpstreamError::Failed(_) => Self::Failed(error.to_string()),
        }
    }
}
