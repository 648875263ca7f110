//! `GET /applications/{id}/analysis`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::analysis::domain::analysis::{AnalysisStatus, AnalysisStore, ScreeningAnalysis};
use crate::screening::analysis::domain::assessment::{FitAssessment, SkillFinding};
use crate::screening::shared::ids::ApplicationId;
use crate::shared::errors::StoreError;
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::Ids;
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};

/// Whether there is such an application; kept by the applications module.
#[async_trait]
pub trait ApplicationLookup: Send + Sync {
    async fn presence(&self, application: &ApplicationId) -> Result<Presence, StoreError>;
}

/// Whether there is such an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Unknown,
    Known,
    /// There was, and its data was erased.
    Erased,
}

/// What the routes need.
#[derive(Clone)]
pub struct AnalysisState {
    pub analyses: Arc<dyn AnalysisStore>,
    pub applications: Arc<dyn ApplicationLookup>,
    pub recruiter: RecruiterToken,
}

impl FromRef<AnalysisState> for RecruiterToken {
    fn from_ref(state: &AnalysisState) -> Self {
        state.recruiter.clone()
    }
}

/// How far the analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusWord {
    /// Nothing has begun.
    Pending,
    Running,
    Completed,
    InsufficientEvidence,
    Failed,
    Withdrawn,
}

impl From<AnalysisStatus> for StatusWord {
    fn from(status: AnalysisStatus) -> Self {
        match status {
            AnalysisStatus::Running => Self::Running,
            AnalysisStatus::Completed => Self::Completed,
            AnalysisStatus::InsufficientEvidence => Self::InsufficientEvidence,
            AnalysisStatus::Failed => Self::Failed,
            AnalysisStatus::Withdrawn => Self::Withdrawn,
        }
    }
}

/// The analysis as recruiters get it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AnalysisBody {
    #[schema(example = "completed")]
    status: StatusWord,
    #[schema(value_type = String)]
    application_id: ApplicationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
    /// 0 to 100; null where too little was said, which is not a low score.
    #[schema(example = 74)]
    fit_score: Option<u8>,
    skills: Vec<SkillFinding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assessment: Option<FitAssessment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime<Utc>>,
}

/// The routes of this module, relative to `/api/v1`.
pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    AnalysisState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(get_analysis))
}

/// The assessment of an application's latest call. 202 while it is being made or no call has ended yet.
#[utoipa::path(
    get,
    path = "/applications/{id}/analysis",
    tag = "analysis",
    params(("id" = String, Path, description = "Application id", example = "app_0190f7c2a5b17c3e8d4f5a6b7c8d9e0f")),
    responses(
        (status = 200, body = AnalysisBody, description = "Done, failed for good, or deleted because consent was withdrawn"),
        (status = 202, body = AnalysisBody, description = "Not there yet"),
        (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody, description = "No such application"),
        (status = 410, body = ProblemBody, description = "Its data was erased"),
    ),
    security(("recruiter" = []))
)]
async fn get_analysis(
    _recruiter: Recruiter,
    State(state): State<AnalysisState>,
    Ids(id): Ids<ApplicationId>,
) -> Result<Response, Problem> {
    let Some(analysis) = state.analyses.latest(&id).await? else {
        return match state.applications.presence(&id).await? {
            Presence::Unknown => Err(ProblemKind::ApplicationNotFound.into()),
            Presence::Erased => Err(ProblemKind::ApplicationErased.into()),
            Presence::Known => Ok((StatusCode::ACCEPTED, Json(pending(id))).into_response()),
        };
    };
    let status = match analysis.status {
        AnalysisStatus::Running => StatusCode::ACCEPTED,
        AnalysisStatus::Completed
        | AnalysisStatus::InsufficientEvidence
        | AnalysisStatus::Failed
        | AnalysisStatus::Withdrawn => StatusCode::OK,
    };
    Ok((status, Json(body(analysis))).into_response())
}

fn pending(application_id: ApplicationId) -> AnalysisBody {
    AnalysisBody {
        status: StatusWord::Pending,
        application_id,
        analysis_id: None,
        call_id: None,
        fit_score: None,
        skills: Vec::new(),
        assessment: None,
        problem: None,
        completed_at: None,
    }
}

fn body(analysis: ScreeningAnalysis) -> AnalysisBody {
    AnalysisBody {
        status: analysis.status.into(),
        application_id: analysis.application_id,
        analysis_id: Some(analysis.id.as_str().to_owned()),
        call_id: Some(analysis.call_id.as_str().to_owned()),
        fit_score: analysis.assessment.as_ref().and_then(|a| a.score),
        skills: analysis
            .assessment
            .as_ref()
            .map(|a| a.skills.clone())
            .unwrap_or_default(),
        assessment: analysis.assessment,
        problem: analysis.problem,
        completed_at: analysis.completed_at,
    }
}
