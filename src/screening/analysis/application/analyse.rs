//! Analyses a finished call. Doing it again gives the same result and harms nothing.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::info;

use crate::screening::analysis::domain::analysis::{AnalysisStore, ScreeningAnalysis};
use crate::screening::analysis::domain::assessment::FitAssessment;
use crate::screening::analysis::domain::invariants::enforce;
use crate::screening::analysis::domain::scorer::{criterion_text, score};
use crate::screening::analysis::domain::statements::statements;
use crate::screening::calls::application::service::Interviews;
use crate::screening::calls::domain::call::CallFinished;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::store::CallStore;
use crate::screening::calls::domain::transcript::transcript_sha256;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::clock::Clock;
use crate::shared::embeddings::{EmbedError, TextEmbedder};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// Makes assessments of finished calls.
pub struct AnalysisService {
    pub calls: Arc<dyn CallStore>,
    pub interviews: Arc<dyn Interviews>,
    pub analyses: Arc<dyn AnalysisStore>,
    pub embedder: Arc<dyn TextEmbedder>,
    pub clock: Arc<dyn Clock>,
}

/// Why a call could not be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalyseError {
    #[error("the interview plan of the application is gone")]
    NoPlan,
    #[error(transparent)]
    Embedding(#[from] EmbedError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[async_trait]
impl EventHandler for AnalysisService {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let finished: CallFinished = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        self.analyse(&finished).await.map_err(|error| match error {
            AnalyseError::Embedding(ref e) if !e.is_transient() => HandlerError::Fail(error.to_string()),
            AnalyseError::NoPlan => HandlerError::Fail(error.to_string()),
            AnalyseError::Embedding(_) | AnalyseError::Store(_) => HandlerError::Retry(error.to_string()),
        })
    }
}

impl AnalysisService {
    /// Analyses the call. What fails is written down as failed; a later try may still succeed.
    pub async fn analyse(&self, finished: &CallFinished) -> Result<(), AnalyseError> {
        let known = self.analyses.of_call(&finished.call_id).await?;
        if known
            .as_ref()
            .is_some_and(|analysis| analysis.is_of(&finished.transcript_sha256))
        {
            // Told before: the event came again, and the world has heard of it.
            return Ok(());
        }
        let mut analysis = known.unwrap_or_else(|| {
            ScreeningAnalysis::begin(
                finished.application_id.clone(),
                finished.call_id.clone(),
                self.clock.now(),
            )
        });
        match self.assess(finished).await {
            Ok(assessment) => {
                let event = analysis.complete(assessment, self.clock.now());
                self.analyses.put(&analysis, Some(&event)).await?;
                info!(call.id = %finished.call_id, status = ?event.status, "call analysed");
                Ok(())
            }
            Err(error) => {
                analysis.fail(error.to_string());
                self.analyses.put(&analysis, None).await?;
                Err(error)
            }
        }
    }

    async fn assess(&self, finished: &CallFinished) -> Result<FitAssessment, AnalyseError> {
        let talk = self
            .interviews
            .talk_of(&finished.application_id, finished.plan_version)
            .await?;
        let plan = talk.ok_or(AnalyseError::NoPlan)?.plan;
        let transcript = self.calls.transcript(&finished.call_id).await?;
        let similarity = self.similarity(&plan, &transcript).await?;
        let assessment = score(
            &plan,
            &statements(&transcript),
            &similarity,
            &transcript_sha256(&transcript),
        );
        Ok(enforce(assessment, &transcript))
    }

    /// Cosine of every statement to every criterion.
    async fn similarity(
        &self,
        plan: &InterviewPlan,
        transcript: &[TranscriptSegment],
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let said: Vec<String> = statements(transcript).iter().map(|s| s.text.to_owned()).collect();
        let wanted: Vec<String> = plan.criteria.iter().map(criterion_text).collect();
        let (said, wanted) = (self.embedder.embed(&said).await?, self.embedder.embed(&wanted).await?);
        Ok(said
            .iter()
            .map(|s| wanted.iter().map(|w| cosine(s, w)).collect())
            .collect())
    }
}

/// Cosine of two vectors of length 1.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
