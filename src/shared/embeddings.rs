//! Meaning as vectors: the port that search and analysis share.

use async_trait::async_trait;

/// Turns texts into vectors of length 1; the dot product of two is their cosine.
#[async_trait]
pub trait TextEmbedder: Send + Sync {
    /// One vector per text, in order.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError>;
    /// Which model makes them; vectors of different models are never compared.
    fn model(&self) -> EmbeddingModel;
}

/// A model and the length of its vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingModel {
    pub name: String,
    pub dimension: usize,
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    #[error("overloaded")]
    Overloaded,
    #[error("timed out")]
    TimedOut,
    #[error("{0}")]
    Failed(String),
}
