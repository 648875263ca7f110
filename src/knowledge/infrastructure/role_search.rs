//! Answers what a posting says about something: every statement of the job offer, ranked by meaning and words.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use crate::knowledge::domain::ranking::rank;
use crate::screening::calls::domain::ports::{RoleFact, RoleKnowledge, SpeechError};
use crate::screening::shared::ids::JobOfferId;
use crate::shared::embeddings::likeness::likenesses;
use crate::shared::embeddings::pieces::{cut, in_pieces};
use crate::shared::embeddings::set::{EmbeddingStore, REFUSED};
use crate::shared::embeddings::{EmbedError, TextEmbedder, TextRole};
use crate::shared::errors::StoreError;

/// Somebody waits for the answer in a call: after this it is found by words alone.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a job offer states, as (field, sentence) pairs.
#[async_trait]
pub trait RoleStatements: Send + Sync {
    async fn of(&self, job_offer: &JobOfferId) -> Result<Vec<(String, String)>, StoreError>;
}

/// Searches the statements of job offers.
pub struct RoleSearch {
    pub statements: Arc<dyn RoleStatements>,
    pub embedder: Arc<dyn TextEmbedder>,
    /// Vectors made ahead; those of another model or of other texts are not used.
    pub vectors: Arc<dyn EmbeddingStore>,
}

#[async_trait]
impl RoleKnowledge for RoleSearch {
    async fn search(&self, job_offer: &JobOfferId, question: &str, limit: usize) -> Result<Vec<RoleFact>, SpeechError> {
        let statements = self.statements.of(job_offer).await;
        let statements = statements.map_err(|e| SpeechError::Failed(e.to_string()))?;
        let alike = tokio::time::timeout(PATIENCE, self.alike(job_offer, question, &statements)).await;
        let alike = alike.unwrap_or(Err(EmbedError::TimedOut)).unwrap_or_else(|error| {
            warn!(%error, "the posting is searched by words alone");
            vec![0.0; statements.len()]
        });
        let ranked = rank(question, &statements, &alike).into_iter().take(limit);
        Ok(ranked
            .map(|r| {
                let (field, text) = statements[r.index].clone();
                RoleFact {
                    field,
                    text,
                    score: r.score,
                }
            })
            .collect())
    }
}

impl RoleSearch {
    /// How like the question each statement is.
    async fn alike(
        &self,
        job_offer: &JobOfferId,
        question: &str,
        statements: &[(String, String)],
    ) -> Result<Vec<f32>, EmbedError> {
        let model = self.embedder.model();
        let stored = self.vectors.of(job_offer.as_str()).await.unwrap_or_else(|error| {
            warn!(%error, "stored vectors cannot be read");
            None
        });
        if let Some(other) = stored.as_ref().filter(|set| *set.model() != model) {
            warn!(job_offer.id = %job_offer, stored = other.model().name, configured = model.name, "{REFUSED}");
        }
        let pieces = in_pieces(statements);
        let stored = stored.filter(|set| set.fits(&model, &pieces));
        let asked = self.embedder.embed(&[question.to_owned()], TextRole::Query).await?;
        let Some(asked) = asked.first() else {
            return Err(EmbedError::Malformed("no vector for the question".to_owned()));
        };
        if let Some(set) = &stored {
            let all = set.vectors().iter().map(|(_, stated)| stated.as_slice());
            return Ok(best_of_each(statements, &likenesses(&model, asked, all)));
        }
        let texts: Vec<String> = pieces.into_iter().map(|(_, text)| text).collect();
        let made = self.embedder.embed(&texts, TextRole::Passage).await?;
        let alike = likenesses(&model, asked, made.iter().map(Vec::as_slice));
        Ok(best_of_each(statements, &alike))
    }
}

/// How like each statement is, from its pieces: one that answers answers for all of it.
fn best_of_each(statements: &[(String, String)], pieces: &[f32]) -> Vec<f32> {
    let mut pieces = pieces.iter().copied();
    let best = statements.iter().map(|(_, text)| {
        let own = pieces.by_ref().take(cut(text).len());
        own.reduce(f32::max).unwrap_or(0.0)
    });
    best.collect()
}
