//! Interview plans, for recruiters: every version can be read, an edit makes the next one.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::application::ApplicationError;
use crate::screening::applications::domain::ports::PlanVersion;
use crate::screening::applications::infrastructure::http::ApplicationsState;
use crate::screening::shared::ids::{ApplicationId, JobOfferId};
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::errors::StoreError;
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::{Ids, JsonBody, Params};
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(get_offer_plan, put_offer_plan))
        .routes(routes!(list_offer_plans))
        .routes(routes!(get_plan, put_plan))
        .routes(routes!(list_plans))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PlanParams {
    /// The one in force where it is not given.
    version: Option<u32>,
}

/// The versions of a job offer's plan, newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct OfferPlans {
    items: Vec<PlanVersion>,
}

/// The versions an application's interview can be held with, newest first.
#[derive(Serialize, utoipa::ToSchema)]
struct ApplicationPlans {
    /// Made for this application alone; the newest of them is in force, where there is one.
    items: Vec<PlanVersion>,
    /// Made for its job offer.
    job_offer: Vec<PlanVersion>,
}

/// A plan with its version as `ETag`.
struct Versioned(InterviewPlan);

impl IntoResponse for Versioned {
    fn into_response(self) -> Response {
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.0.version));
        let mut response = Json(self.0).into_response();
        if let Ok(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The interview plan of a job offer: the one in force, made where there is none, or the version asked for.
#[utoipa::path(get, path = "/job-offers/{id}/plan", tag = "plans", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path), PlanParams), responses((status = 200, body = InterviewPlan),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
async fn get_offer_plan(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<JobOfferId>,
    Params(params): Params<PlanParams>,
) -> Result<Versioned, Problem> {
    Ok(Versioned(match params.version {
        Some(version) => {
            state.service.job_offer(&id).await?;
            state.service.offer_plan_version(&id, version).await?
        }
        None => state.service.plan_of_offer(&id).await?,
    }))
}

/// Edits the interview plan of a job offer: what is sent becomes the next version. Which version was edited, `If-Match`
/// says or else the plan itself; when another one is in force by now, nothing is stored. Calls keep the version they
/// began with.
#[utoipa::path(put, path = "/job-offers/{id}/plan", tag = "plans", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path), ("If-Match" = Option<String>, Header)), request_body = InterviewPlan,
    responses((status = 200, body = InterviewPlan), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody),
    (status = 422, body = ProblemBody)))]
async fn put_offer_plan(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<JobOfferId>,
    headers: HeaderMap,
    JsonBody(plan): JsonBody<InterviewPlan>,
) -> Result<Versioned, Problem> {
    let base = edited(&headers, &plan)?;
    let stored = state.service.edit_offer_plan(&id, base, plan).await;
    Ok(Versioned(stored.map_err(|error| refused(error, &headers))?))
}

/// The versions of a job offer's plan.
#[utoipa::path(get, path = "/job-offers/{id}/plan/versions", tag = "plans", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path)), responses((status = 200, body = OfferPlans), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
async fn list_offer_plans(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<JobOfferId>,
) -> Result<Json<OfferPlans>, Problem> {
    let items = state.service.offer_plan_versions(&id).await?;
    Ok(Json(OfferPlans { items }))
}

/// The interview plan of an application: the one in force, or the version asked for.
#[utoipa::path(get, path = "/applications/{id}/plan", tag = "plans", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path), PlanParams), responses((status = 200, body = InterviewPlan),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
async fn get_plan(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
    Params(params): Params<PlanParams>,
) -> Result<Versioned, Problem> {
    let Some(version) = params.version else {
        return Ok(Versioned(state.service.plan_of(&id).await?));
    };
    state.service.application(&id).await?;
    let found = state.service.plan_version(&id, version).await?;
    Ok(Versioned(found.ok_or(ApplicationError::NoSuchPlan)?))
}

/// Edits the interview plan for this application alone: what is sent becomes its next version, and its job offer's plan
/// counts no more for it. Otherwise as for a job offer.
#[utoipa::path(put, path = "/applications/{id}/plan", tag = "plans", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path), ("If-Match" = Option<String>, Header)), request_body = InterviewPlan,
    responses((status = 200, body = InterviewPlan), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody),
    (status = 422, body = ProblemBody)))]
async fn put_plan(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
    headers: HeaderMap,
    JsonBody(plan): JsonBody<InterviewPlan>,
) -> Result<Versioned, Problem> {
    let base = edited(&headers, &plan)?;
    let stored = state.service.edit_application_plan(&id, base, plan).await;
    Ok(Versioned(stored.map_err(|error| refused(error, &headers))?))
}

/// The versions an application's interview can be held with.
#[utoipa::path(get, path = "/applications/{id}/plan/versions", tag = "plans", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path)), responses((status = 200, body = ApplicationPlans),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn list_plans(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
) -> Result<Json<ApplicationPlans>, Problem> {
    let versions = state.service.application_plan_versions(&id).await?;
    Ok(Json(ApplicationPlans {
        items: versions.own,
        job_offer: versions.of_offer,
    }))
}

/// A version that is not in force any more is told as `If-Match` has it, where that named it.
fn refused(error: ApplicationError, headers: &HeaderMap) -> Problem {
    match error {
        ApplicationError::Store(StoreError::Conflict(what)) if headers.contains_key(header::IF_MATCH) => {
            Problem::new(ProblemKind::PreconditionFailed, what)
        }
        error => error.into(),
    }
}

/// The version that was edited.
fn edited(headers: &HeaderMap, plan: &InterviewPlan) -> Result<u32, Problem> {
    let Some(tag) = headers.get(header::IF_MATCH) else {
        return Ok(plan.version);
    };
    let version = tag
        .to_str()
        .ok()
        .and_then(|tag| tag.trim().trim_matches('"').parse().ok());
    version.ok_or_else(|| Problem::new(ProblemKind::BadRequest, "If-Match takes a version, e.g. \"3\""))
}
