//! Analyses a finished call. Doing it again gives the same result and harms nothing.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::screening::analysis::application::score_by_model::ModelScorer;
use crate::screening::analysis::application::score_by_rules::score_by_rules;
use crate::screening::analysis::domain::analysis::{AnalysisStore, ScreeningAnalysis};
use crate::screening::analysis::domain::assessment::FitAssessment;
use crate::screening::analysis::domain::invariants::enforce;
use crate::screening::applications::domain::consent::ConsentWithdrawn;
use crate::screening::calls::application::service::Interviews;
use crate::screening::calls::domain::attempt::gone_on_from;
use crate::screening::calls::domain::call::CallFinished;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::calls::domain::store::CallStore;
use crate::screening::shared::ids::{ApplicationId, CallId, SegmentId};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::clock::Clock;
use crate::shared::embeddings::{EmbedError, TextEmbedder};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// Marks an assessment by rules that a language model was to make.
const FALLBACK: &str = "+fallback";

/// Makes assessments of finished calls.
pub struct AnalysisService {
    pub calls: Arc<dyn CallStore>,
    pub interviews: Arc<dyn Interviews>,
    pub analyses: Arc<dyn AnalysisStore>,
    pub embedder: Arc<dyn TextEmbedder>,
    /// Where a language model scores; the rules stand in for it when it fails.
    pub model: Option<ModelScorer>,
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
            AnalyseError::NoPlan => HandlerError::Fail(error.to_string()),
            AnalyseError::Embedding(error) => error.of_job(),
            AnalyseError::Store(_) => HandlerError::Retry(error.to_string()),
        })
    }

    async fn given_up(&self, event: &Event, failure: &str) -> Result<(), HandlerError> {
        let finished: CallFinished = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        Ok(self.fail(&finished, failure).await?)
    }
}

/// On `ConsentWithdrawn`: what was found in what was said is deleted too.
pub struct ForgetAnalyses(pub Arc<AnalysisService>);

#[async_trait]
impl EventHandler for ForgetAnalyses {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let withdrawn: ConsentWithdrawn = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        Ok(self.0.forget(&withdrawn.application_id, event.time).await?)
    }
}

impl AnalysisService {
    /// Analyses the call. From the start it can be seen that it is under way; whether what fails is tried again, the
    /// caller knows.
    ///
    /// # Errors
    /// When the plan is gone, or the embedding model or a store fails.
    pub async fn analyse(&self, finished: &CallFinished) -> Result<(), AnalyseError> {
        let Some(mut analysis) = self.unfinished(finished).await? else {
            return Ok(());
        };
        if finished.end_reason == EndReason::ConsentWithdrawn {
            return Ok(self
                .forget_call(&finished.application_id, &finished.call_id, finished.attempt)
                .await?);
        }
        analysis.go_on();
        self.analyses.put(&analysis, None).await?;
        let assessment = self.assess(finished).await?;
        let event = analysis.complete(assessment, self.clock.now());
        self.analyses.put(&analysis, Some(&event)).await?;
        info!(call.id = %finished.call_id, status = ?event.status, "call analysed");
        Ok(())
    }

    /// Writes down that the call could not be analysed.
    async fn fail(&self, finished: &CallFinished, failure: &str) -> Result<(), StoreError> {
        if let Some(mut analysis) = self.unfinished(finished).await? {
            analysis.fail(failure.to_owned());
            self.analyses.put(&analysis, None).await?;
        }
        Ok(())
    }

    /// The analysis as far as it is; none where it is done. A finished call does not change: what was delivered again was
    /// announced before, and what was withdrawn is gone.
    async fn unfinished(&self, finished: &CallFinished) -> Result<Option<ScreeningAnalysis>, StoreError> {
        let known = self.analyses.of_call(&finished.call_id).await?;
        let analysis = known.unwrap_or_else(|| {
            ScreeningAnalysis::begin(
                finished.application_id.clone(),
                finished.call_id.clone(),
                finished.attempt,
                self.clock.now(),
            )
        });
        Ok(Some(analysis).filter(|a| !a.status.is_final()))
    }

    /// Deletes what was found in the application's calls that were begun until then, and keeps it from being found again.
    ///
    /// # Errors
    /// When a store fails; it can be tried again.
    pub async fn forget(&self, application: &ApplicationId, until: DateTime<Utc>) -> Result<(), StoreError> {
        for call in self.calls.of_application(application).await? {
            if call.created_at <= until {
                self.forget_call(application, &call.id, call.attempt).await?;
            }
        }
        Ok(())
    }

    async fn forget_call(&self, application: &ApplicationId, call: &CallId, attempt: u32) -> Result<(), StoreError> {
        let now = self.clock.now();
        let known = self.analyses.of_call(call).await?;
        let mut analysis =
            known.unwrap_or_else(|| ScreeningAnalysis::begin(application.clone(), call.clone(), attempt, now));
        analysis.withdraw(now);
        self.analyses.put(&analysis, None).await
    }

    async fn assess(&self, finished: &CallFinished) -> Result<FitAssessment, AnalyseError> {
        let talk = self
            .interviews
            .talk_of(&finished.application_id, finished.plan_version)
            .await?;
        let plan = talk.ok_or(AnalyseError::NoPlan)?.plan;
        let (calls, transcript) = self.said(finished).await?;
        let assessment = match self.by_model(&finished.call_id, &plan, &transcript).await {
            Some(assessment) => assessment,
            None => self.by_rules(&plan, &transcript).await?,
        };
        Ok(enforce(assessment, &transcript).made_from(&calls))
    }

    /// What was said in the call and in the attempts it goes on from: who answered five questions, dropped out and came
    /// back for the last one answered six. With it, which segments are whose.
    async fn said(
        &self,
        finished: &CallFinished,
    ) -> Result<(Vec<(CallId, Vec<SegmentId>)>, Vec<TranscriptSegment>), StoreError> {
        let attempts = self.calls.of_application(&finished.application_id).await?;
        let this = attempts.iter().find(|call| call.id == finished.call_id);
        let earlier = this.map(|call| gone_on_from(call, &attempts)).unwrap_or_default();
        let (mut calls, mut all) = (Vec::new(), Vec::new());
        for call in earlier.iter().map(|call| &call.id).chain([&finished.call_id]) {
            let said = self.calls.transcript(call).await?;
            calls.push((call.clone(), said.iter().map(|segment| segment.id.clone()).collect()));
            all.extend(said);
        }
        Ok((calls, all))
    }

    /// None where no language model is configured, or it fails.
    async fn by_model(
        &self,
        call: &CallId,
        plan: &InterviewPlan,
        transcript: &[TranscriptSegment],
    ) -> Option<FitAssessment> {
        match self.model.as_ref()?.score(call, plan, transcript).await {
            Ok(assessment) => Some(assessment),
            Err(error) => {
                warn!(call.id = %call, %error, "the call is scored by rules instead");
                None
            }
        }
    }

    async fn by_rules(
        &self,
        plan: &InterviewPlan,
        transcript: &[TranscriptSegment],
    ) -> Result<FitAssessment, EmbedError> {
        let mut assessment = score_by_rules(&*self.embedder, plan, transcript).await?;
        if self.model.is_some() {
            assessment.scorer_version.push_str(FALLBACK);
        }
        Ok(assessment)
    }
}
