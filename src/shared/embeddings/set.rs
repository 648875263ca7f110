//! The vectors of one thing, all of one model.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::shared::embeddings::EmbeddingModel;
use crate::shared::errors::StoreError;
use crate::shared::secrets::sha256_hex;

/// The vectors of one candidate's or job offer's texts. Vectors of different models cannot be in one set.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingSet {
    model: EmbeddingModel,
    content_hash: String,
    /// Field and vector of each text, in order.
    vectors: Vec<(String, Vec<f32>)>,
}

/// What is said of vectors that are not used because another model made them.
pub const REFUSED: &str =
    "stored vectors are of another model and not used; run `emma embeddings rebuild` to make them anew";

/// Vectors that are not of the model they are said to be of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixedVectors {
    #[error("a vector of {found} numbers among those of {model}, which have {expected}")]
    Dimension {
        model: String,
        expected: usize,
        found: usize,
    },
    #[error("{texts} texts have {vectors} vectors")]
    Count { texts: usize, vectors: usize },
}

/// Where the vectors are kept.
#[async_trait]
pub trait EmbeddingStore: Send + Sync {
    /// Replaces all vectors of the owner, those of another model too.
    async fn put(&self, owner: &str, set: &EmbeddingSet, now: DateTime<Utc>) -> Result<(), StoreError>;
    async fn of(&self, owner: &str) -> Result<Option<EmbeddingSet>, StoreError>;
    /// Deletes all vectors of the owner.
    async fn remove(&self, owner: &str) -> Result<(), StoreError>;
    /// How many sets there are of each model, the most frequent first.
    async fn models(&self) -> Result<Vec<(EmbeddingModel, u64)>, StoreError>;
}

impl EmbeddingSet {
    /// The vectors of (field, text) pairs.
    ///
    /// # Errors
    /// When they do not fit the texts or the model.
    pub fn new(
        model: EmbeddingModel,
        texts: &[(String, String)],
        vectors: Vec<Vec<f32>>,
    ) -> Result<Self, MixedVectors> {
        if texts.len() != vectors.len() {
            return Err(MixedVectors::Count {
                texts: texts.len(),
                vectors: vectors.len(),
            });
        }
        let fields = texts.iter().map(|(field, _)| field.clone());
        Self::restore(model, content_hash(texts), fields.zip(vectors).collect())
    }

    /// A stored set.
    ///
    /// # Errors
    /// When a vector has another length than the model's.
    pub fn restore(
        model: EmbeddingModel,
        content_hash: String,
        vectors: Vec<(String, Vec<f32>)>,
    ) -> Result<Self, MixedVectors> {
        match vectors.iter().find(|(_, vector)| vector.len() != model.dimension) {
            Some((_, odd)) => Err(MixedVectors::Dimension {
                expected: model.dimension,
                found: odd.len(),
                model: model.name,
            }),
            None => Ok(Self {
                model,
                content_hash,
                vectors,
            }),
        }
    }

    pub fn model(&self) -> &EmbeddingModel {
        &self.model
    }

    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    pub fn vectors(&self) -> &[(String, Vec<f32>)] {
        &self.vectors
    }

    /// Whether these are the vectors that `model` makes of these texts.
    pub fn fits(&self, model: &EmbeddingModel, texts: &[(String, String)]) -> bool {
        self.model == *model && self.vectors.len() == texts.len() && self.content_hash == content_hash(texts)
    }
}

/// SHA-256 of (field, text) pairs.
pub fn content_hash(texts: &[(String, String)]) -> String {
    let mut all = Vec::new();
    for part in texts.iter().flat_map(|(field, text)| [field, text]) {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    sha256_hex(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, dimension: usize) -> EmbeddingModel {
        EmbeddingModel {
            name: name.to_owned(),
            dimension,
        }
    }

    fn texts() -> Vec<(String, String)> {
        vec![("a".to_owned(), "one".to_owned()), ("b".to_owned(), "two".to_owned())]
    }

    // spec: APP-6, KNOW-4
    #[test]
    fn vectors_of_another_model_are_refused() {
        let mixed = EmbeddingSet::new(model("m", 2), &texts(), vec![vec![1.0, 0.0], vec![1.0, 0.0, 0.0]]);
        assert!(matches!(
            mixed,
            Err(MixedVectors::Dimension {
                expected: 2,
                found: 3,
                ..
            })
        ));
        let short = EmbeddingSet::new(model("m", 2), &texts(), vec![vec![1.0, 0.0]]);
        assert!(matches!(short, Err(MixedVectors::Count { .. })));
    }

    #[test]
    fn a_set_fits_its_own_texts_and_model_only() {
        let set = EmbeddingSet::new(model("m", 1), &texts(), vec![vec![1.0], vec![1.0]]).expect("sound");
        assert!(set.fits(&model("m", 1), &texts()));
        assert!(!set.fits(&model("other", 1), &texts()));
        // The same letters, cut in another way.
        let shifted = vec![("ao".to_owned(), "ne".to_owned()), ("b".to_owned(), "two".to_owned())];
        assert!(!set.fits(&model("m", 1), &shifted));
    }
}
