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
    /// Which attempt of the application the call is; the latest one counts.
    #[serde(default)]
    pub attempt: u32,
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
    /// It is being made, or will be tried again.
    Running,
    Completed,
    /// Done, but too little was said for a score.
    InsufficientEvidence,
    /// No other try will be made, unless somebody asks for one.
    Failed,
    /// The candidate withdrew consent: what was found has been deleted, and nothing is looked for again.
    Withdrawn,
}

impl AnalysisStatus {
    /// Whether another try would change nothing.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::InsufficientEvidence | Self::Withdrawn => true,
            Self::Running | Self::Failed => false,
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
    pub fn begin(application_id: ApplicationId, call_id: CallId, attempt: u32, now: DateTime<Utc>) -> Self {
        Self {
            id: AnalysisId::generate(),
            application_id,
            call_id,
            attempt,
            status: AnalysisStatus::Running,
            assessment: None,
            problem: None,
            created_at: now,
            completed_at: None,
        }
    }

    /// It is tried again.
    pub fn go_on(&mut self) {
        self.status = AnalysisStatus::Running;
        self.problem = None;
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

    /// It could not be done, and is not tried again.
    pub fn fail(&mut self, problem: String) {
        self.status = AnalysisStatus::Failed;
        self.problem = Some(problem);
    }
}

/// Where analyses are kept.
#[async_trait]
pub trait AnalysisStore: Send + Sync {
    async fn of_call(&self, call: &CallId) -> Result<Option<ScreeningAnalysis>, StoreError>;
    /// The analysis of the application's latest attempt that is or was analysed.
    async fn latest(&self, application: &ApplicationId) -> Result<Option<ScreeningAnalysis>, StoreError>;
    /// Stores it, replacing the one of the same call, with the event in the same transaction. One that is withdrawn in
    /// the store stays so, one that is done there does not begin or fail, and nothing is published; nothing is stored for
    /// an application whose data was erased.
    async fn put(&self, analysis: &ScreeningAnalysis, event: Option<&AnalysisCompleted>) -> Result<(), StoreError>;
}
