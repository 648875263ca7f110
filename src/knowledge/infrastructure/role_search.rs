//! Answers what a posting says about something: every statement of the job offer, ranked by meaning and words.

use std::sync::Arc;

use async_trait::async_trait;

use crate::knowledge::domain::ranking::rank;
use crate::screening::calls::domain::ports::{RoleFact, RoleKnowledge, SpeechError};
use crate::screening::shared::ids::JobOfferId;
use crate::shared::embeddings::TextEmbedder;
use crate::shared::errors::StoreError;

/// What a job offer states, as (field, sentence) pairs.
#[async_trait]
pub trait RoleStatements: Send + Sync {
    async fn of(&self, job_offer: &JobOfferId) -> Result<Vec<(String, String)>, StoreError>;
}

/// Searches the statements of job offers.
pub struct RoleSearch {
    pub statements: Arc<dyn RoleStatements>,
    pub embedder: Arc<dyn TextEmbedder>,
}

#[async_trait]
impl RoleKnowledge for RoleSearch {
    async fn search(&self, job_offer: &JobOfferId, question: &str, limit: usize) -> Result<Vec<RoleFact>, SpeechError> {
        let failed = |e: &dyn std::fmt::Display| SpeechError::Failed(e.to_string());
        let statements = self.statements.of(job_offer).await.map_err(|e| failed(&e))?;
        let mut texts = vec![question.to_owned()];
        texts.extend(statements.iter().map(|(_, text)| text.clone()));
        let vectors = self.embedder.embed(&texts).await.map_err(|e| failed(&e))?;
        let Some((asked, stated)) = vectors.split_first() else {
            return Ok(Vec::new());
        };
        let cosines: Vec<f32> = stated
            .iter()
            .map(|v| v.iter().zip(asked).map(|(a, b)| a * b).sum())
            .collect();
        let ranked = rank(question, &statements, &cosines).into_iter().take(limit);
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
