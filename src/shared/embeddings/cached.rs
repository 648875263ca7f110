//! Vectors that were made before are not made again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::shared::embeddings::{EmbedError, EmbeddingModel, TextEmbedder, TextRole};

/// Memory for vectors: 20 000 of 384 numbers, the statements of some hundred job offers.
const KEPT_BYTES: usize = 32 << 20;

/// SHA-256 of a role and a text: what is remembered is no text.
type Key = [u8; 32];

/// A model whose vectors are kept by the hash of their texts; the oldest go first. It is asked for each text once.
pub struct CachedEmbedder {
    inner: Arc<dyn TextEmbedder>,
    kept: Mutex<Kept>,
}

struct Kept {
    vectors: HashMap<Key, Arc<[f32]>>,
    oldest_first: VecDeque<Key>,
    limit: usize,
}

impl CachedEmbedder {
    pub fn new(inner: Arc<dyn TextEmbedder>) -> Self {
        let vector_bytes = inner.model().dimension.max(1) * size_of::<f32>();
        Self::with_limit(inner, KEPT_BYTES / vector_bytes)
    }

    fn with_limit(inner: Arc<dyn TextEmbedder>, limit: usize) -> Self {
        Self {
            inner,
            kept: Mutex::new(Kept {
                vectors: HashMap::new(),
                oldest_first: VecDeque::new(),
                limit,
            }),
        }
    }

    fn known(&self, keys: &[Key]) -> Vec<Option<Arc<[f32]>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| kept.vectors.get(key).cloned()).collect()
    }

    fn keep(&self, key: Key, vector: Arc<[f32]>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.vectors.insert(key, vector).is_none() {
            kept.oldest_first.push_back(key);
        }
        while kept.oldest_first.len() > kept.limit
            && let Some(oldest) = kept.oldest_first.pop_front()
        {
            kept.vectors.remove(&oldest);
        }
    }
}

#[async_trait]
impl TextEmbedder for CachedEmbedder {
    async fn embed(&self, texts: &[String], role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        let keys: Vec<Key> = texts.iter().map(|text| key(text, role)).collect();
        let mut found = self.known(&keys);
        // The place of each new text; a text that comes twice is asked for once.
        let mut new: Vec<usize> = Vec::new();
        for place in 0..keys.len() {
            if found[place].is_none() && !new.iter().any(|earlier| keys[*earlier] == keys[place]) {
                new.push(place);
            }
        }
        if !new.is_empty() {
            let asked: Vec<String> = new.iter().map(|place| texts[*place].clone()).collect();
            let made = self.inner.embed(&asked, role).await?;
            if made.len() != new.len() {
                let (asked, made) = (new.len(), made.len());
                return Err(EmbedError::Malformed(format!("{asked} texts have {made} vectors")));
            }
            for (place, vector) in new.into_iter().zip(made) {
                let vector: Arc<[f32]> = vector.into();
                self.keep(keys[place], vector.clone());
                for (slot, key) in found.iter_mut().zip(&keys) {
                    if *key == keys[place] {
                        *slot = Some(vector.clone());
                    }
                }
            }
        }
        let all: Option<Vec<_>> = found.into_iter().map(|v| v.map(|v| v.to_vec())).collect();
        all.ok_or_else(|| EmbedError::Malformed("a text has no vector".to_owned()))
    }

    fn model(&self) -> EmbeddingModel {
        self.inner.model()
    }
}

fn key(text: &str, role: TextRole) -> Key {
    let role = match role {
        TextRole::Query => b"q",
        TextRole::Passage => b"p",
    };
    Sha256::new().chain_update(role).chain_update(text).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// The length of the text, and what it was asked for.
    #[derive(Default)]
    struct Lengths {
        asked: Mutex<Vec<Vec<String>>>,
        broken: AtomicBool,
    }

    #[async_trait]
    impl TextEmbedder for Lengths {
        async fn embed(&self, texts: &[String], role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
            self.asked.lock().expect("unpoisoned").push(texts.to_vec());
            if self.broken.load(Ordering::SeqCst) {
                return Err(EmbedError::TimedOut);
            }
            let side = if role == TextRole::Query { 1.0 } else { -1.0 };
            Ok(texts.iter().map(|text| vec![text.len() as f32, side]).collect())
        }

        fn model(&self) -> EmbeddingModel {
            EmbeddingModel {
                name: "lengths".to_owned(),
                dimension: 2,
            }
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    // spec: KNOW-4
    #[tokio::test]
    async fn a_text_is_made_once_for_each_role() {
        let inner = Arc::new(Lengths::default());
        let cached = CachedEmbedder::new(inner.clone());
        let first = cached.embed(&owned(&["a", "bb", "a"]), TextRole::Passage).await;
        assert_eq!(first, Ok(vec![vec![1.0, -1.0], vec![2.0, -1.0], vec![1.0, -1.0]]));
        let second = cached.embed(&owned(&["ccc", "bb"]), TextRole::Passage).await;
        assert_eq!(second, Ok(vec![vec![3.0, -1.0], vec![2.0, -1.0]]));
        let other = cached.embed(&owned(&["bb"]), TextRole::Query).await;
        assert_eq!(other, Ok(vec![vec![2.0, 1.0]]));
        assert_eq!(
            cached
                .embed(&owned(&["a", "bb"]), TextRole::Passage)
                .await
                .map(|v| v.len()),
            Ok(2)
        );
        let asked = inner.asked.lock().expect("unpoisoned").clone();
        assert_eq!(asked, [owned(&["a", "bb"]), owned(&["ccc"]), owned(&["bb"])]);
    }

    // spec: KNOW-4
    #[tokio::test]
    async fn a_failure_is_not_kept_and_the_oldest_goes_first() {
        let inner = Arc::new(Lengths::default());
        let cached = CachedEmbedder::with_limit(inner.clone(), 2);
        inner.broken.store(true, Ordering::SeqCst);
        assert_eq!(
            cached.embed(&owned(&["a"]), TextRole::Query).await,
            Err(EmbedError::TimedOut)
        );
        inner.broken.store(false, Ordering::SeqCst);
        for text in ["a", "bb", "ccc", "bb", "a"] {
            cached.embed(&owned(&[text]), TextRole::Query).await.expect("a vector");
        }
        let asked = inner.asked.lock().expect("unpoisoned").concat();
        assert_eq!(asked, owned(&["a", "a", "bb", "ccc", "a"]), "bb was kept, a was not");
    }
}
