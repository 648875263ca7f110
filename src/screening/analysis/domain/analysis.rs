//! The analysis of one call, from waiting to done.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::screening::analysis::domain::assessment::FitAssessment;
use crate::screening::shared::ids::{AnalysisId, ApplicationId, CallId};
use crate::shared::errors::StoreError;

/// The analysis of one call. There is one per call; analysing again replaces it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreeningAnalysis {
    pub id: AnalysisId,
    pub application_id: ApplicationId,
    pub call_id: CallId,
    pub status: AnalysisStatus,
    pub assessment: Option<FitAssessment>,
    /// Why it failed.
    pub problem: Option<String>,
    pub created_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisStatus {
    Pending,
    Running,
    Completed,
    /// Done, but too little was said for a score.
    InsufficientEvidence,
    Failed,
    /// The candidate withdrew consent: what was found has been deleted, and nothing is looked for again.
    Withdrawn,
}

impl AnalysisStatus {
    /// Whether another try would change nothing.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::InsufficientEvidence | Self::Withdrawn => true,
            Self::Pending | Self::Running | Self::Failed => false,
        }
    }
}

/// Published when an analysis is done: thin, what is in it is behind the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisCompleted {
    pub analysis_id: AnalysisId,
    pub application_id: ApplicationId,
    pub call_id: CallId,
    pub status: AnalysisStatus,
    pub fit_score: Option<u8>,
    pub link: String,
}

impl ScreeningAnalysis {
    /// The name under which [`AnalysisCompleted`] is published.
    pub const COMPLETED: &'static str = "AnalysisCompleted";

    /// An analysis that has begun.
    pub fn begin(application_id: ApplicationId, call_id: CallId, now: DateTime<Utc>) -> Self {
        Self {
            id: AnalysisId::generate(),
            application_id,
            call_id,
            status: AnalysisStatus::Running,
            assessment: None,
            problem: None,
            created_at: now,
            completed_at: None,
        }
    }

    /// Whether it is done, and of this very transcript.
    pub fn is_of(&self, transcript_sha256: &str) -> bool {
        let assessed = self.assessment.as_ref();
        self.status != AnalysisStatus::Failed && assessed.is_some_and(|a| a.transcript_sha256 == transcript_sha256)
    }

    /// Takes the result and says what to publish.
    pub fn complete(&mut self, assessment: FitAssessment, now: DateTime<Utc>) -> AnalysisCompleted {
        self.status = if assessment.score.is_some() {
            AnalysisStatus::Completed
        } else {
            AnalysisStatus::InsufficientEvidence
        };
        let fit_score = assessment.score;
        self.assessment = Some(assessment);
        self.problem = None;
        self.completed_at = Some(now);
        AnalysisCompleted {
            analysis_id: self.id.clone(),
            application_id: self.application_id.clone(),
            call_id: self.call_id.clone(),
            status: self.status,
            fit_score,
            link: format!("/api/v1/applications/{}/analysis", self.application_id),
        }
    }

    /// Forgets everything that was found.
    pub fn withdraw(&mut self, now: DateTime<Utc>) {
        self.status = AnalysisStatus::Withdrawn;
        self.assessment = None;
        self.problem = None;
        self.completed_at = Some(now);
    }

    /// It could not be done.
    pub fn fail(&mut self, problem: String) {
        self.status = AnalysisStatus::Failed;
        self.problem = Some(problem);
    }
}

/// Where analyses are kept.
#[async_trait]
pub trait AnalysisStore: Send + Sync {
    async fn of_call(&self, call: &CallId) -> Result<Option<ScreeningAnalysis>, StoreError>;
    /// The analysis of the application's latest analysed call.
    async fn latest(&self, application: &ApplicationId) -> Result<Option<ScreeningAnalysis>, StoreError>;
    /// Stores it, replacing the one of the same call, with the event in the same transaction. One that is withdrawn in
    /// the store stays so, and nothing is published; nothing is stored for an application whose data was erased.
    async fn put(&self, analysis: &ScreeningAnalysis, event: Option<&AnalysisCompleted>) -> Result<(), StoreError>;
}
