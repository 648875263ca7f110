//! Applications, their links and plans, for recruiters.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::application::erase::Erasure;
use crate::screening::applications::application::invite::LinkTerms;
use crate::screening::applications::application::move_on::Decision;
use crate::screening::applications::domain::application::{ApplicationStatus, ScreeningApplication};
use crate::screening::applications::domain::consent::Consent;
use crate::screening::applications::domain::invitation::Invitation;
use crate::screening::applications::domain::ports::Verdict;
use crate::screening::applications::infrastructure::http::upload::Created;
use crate::screening::applications::infrastructure::http::{ApplicationsState, slice_of};
use crate::screening::shared::ids::{ApplicationId, CandidateId, InvitationId, JobOfferId};
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::{Ids, JsonBody, Params, bytes_problem};
use crate::shared::http::page::{Page, PageParams};
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(submit_application, list_applications))
        .routes(routes!(get_application, change_application, erase_application))
        .routes(routes!(invite))
        .routes(routes!(revoke))
}

/// Who applies to what.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SubmitBody {
    /// A candidate's username or id. A username that is not known here is looked up at Torre.
    #[schema(example = "ana-example")]
    username: Option<String>,
    /// A candidate's id; the same as giving it as `username`.
    candidate_id: Option<CandidateId>,
    /// The id of a job offer made here, or of an opportunity at Torre.
    #[schema(example = "AbCd1234")]
    job_offer_id: String,
}

/// What can be changed of an application.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ApplicationChange {
    status: DecidedStatus,
}

/// What a recruiter decides; everything else happens by itself.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum DecidedStatus {
    InReview,
    Advanced,
    Declined,
    /// The candidate told the recruiter.
    Withdrawn,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Submitted {
    application_id: ApplicationId,
}

/// One candidate applying to one job offer.
#[derive(Serialize, utoipa::ToSchema)]
struct ApplicationView {
    id: ApplicationId,
    candidate_id: CandidateId,
    job_offer_id: JobOfferId,
    status: ApplicationStatus,
    created_at: DateTime<Utc>,
    /// How far the analysis of the latest call is; null where there is none yet.
    #[schema(example = "completed")]
    analysis_status: Option<String>,
    /// 0 to 100; null where too little was said, which is not a low score.
    fit_score: Option<u8>,
    #[schema(example = "review")]
    recommendation: Option<String>,
    /// The candidate's last answer to the consent text; only when one application is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Consent>,
    /// Links sent; only when one application is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invitations: Vec<InvitationView>,
}

/// A link that was sent. Its secret is not kept.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct InvitationView {
    id: InvitationId,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    max_attempts: u32,
}

/// How long and how often the link can be used.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct InviteBody {
    /// 1 to 2160; as configured (a week by default) when not given.
    valid_hours: Option<u32>,
    /// 1 to 10 from now on, those after a technical break included; 3 when not given.
    max_attempts: Option<u32>,
}

/// A link for the candidate. The address is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct NewInvitation {
    invitation_id: InvitationId,
    #[schema(example = "https://emma.example.com/i/2yQ0…")]
    url: String,
    expires_at: DateTime<Utc>,
}

/// Applies a candidate to a job offer. The same pair again gets the same id. Who or what is not known here is looked up
/// at Torre and stored with the application; when that fails nothing is stored.
#[utoipa::path(post, path = "/applications", tag = "applications", security(("recruiter" = [])),
    params(("Idempotency-Key" = Option<String>, Header)), request_body = SubmitBody,
    responses((status = 201, body = Submitted), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 502, body = ProblemBody), (status = 503, body = ProblemBody), (status = 504, body = ProblemBody)))]
async fn submit_application(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    JsonBody(body): JsonBody<SubmitBody>,
) -> Result<Created<Submitted>, Problem> {
    let who = body.candidate_id.map(|id| id.to_string()).or(body.username);
    let who = who.ok_or_else(|| Problem::new(ProblemKind::BadRequest, "give a username or a candidate_id"))?;
    let position = body.job_offer_id.trim();
    let application_id = state.service.submit_application(who.trim(), position).await?;
    let location = format!("/api/v1/applications/{application_id}");
    let body = Submitted { application_id };
    Ok(Created { location, body })
}

/// Applications, newest first.
#[utoipa::path(get, path = "/applications", tag = "applications", security(("recruiter" = [])), params(PageParams),
    responses((status = 200, body = Page<ApplicationView>), (status = 401, body = ProblemBody)))]
async fn list_applications(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<ApplicationView>>, Problem> {
    let applications = state.service.store.applications(&slice_of(&page)).await?;
    let ids: Vec<_> = applications.iter().map(|application| application.id.clone()).collect();
    let mut verdicts = state.verdicts.of(&ids).await?;
    let view = |application: ScreeningApplication| {
        let verdict = verdicts.remove(&application.id);
        ApplicationView::from(application).with(verdict)
    };
    let items = applications.into_iter().map(view).collect();
    Ok(Json(Page::new(items, &page, |view: &ApplicationView| {
        view.id.to_string()
    })))
}

/// One application with its links and consent.
#[utoipa::path(get, path = "/applications/{id}", tag = "applications", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path)), responses((status = 200, body = ApplicationView),
    (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn get_application(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    let application = state.service.application(&id).await?;
    let invitations = state.service.store.invitations_of(&id).await?;
    let verdict = state.verdicts.of(std::slice::from_ref(&id)).await?.remove(&id);
    Ok(Json(ApplicationView {
        consent: state.service.store.consent(&id).await?,
        invitations: invitations.into_iter().map(InvitationView::from).collect(),
        ..ApplicationView::from(application).with(verdict)
    }))
}

/// Moves an application on: people decide, and only people.
#[utoipa::path(patch, path = "/applications/{id}", tag = "applications", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path)), request_body = ApplicationChange,
    responses((status = 200, body = ApplicationView), (status = 400, body = ProblemBody),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
async fn change_application(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
    JsonBody(change): JsonBody<ApplicationChange>,
) -> Result<Json<ApplicationView>, Problem> {
    let decision = match change.status {
        DecidedStatus::InReview => Decision::Review,
        DecidedStatus::Advanced => Decision::Advance,
        DecidedStatus::Declined => Decision::Decline,
        DecidedStatus::Withdrawn => Decision::Withdraw,
    };
    Ok(Json(state.service.decide(&id, decision).await?.into()))
}

/// Erases everything personal about an application, at once and for good: what was said, its recordings, what was found
/// in it, links, consents, what was told to others about its calls; and the candidate with name, address, résumé and
/// vectors, where no other application needs them. The application stays as ids with the status `erased`. A call that
/// waits for its candidate is called off; one that is going on must be ended first. Again, it changes nothing.
#[utoipa::path(delete, path = "/applications/{id}", tag = "applications", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path)), responses((status = 204, description = "Nothing is left"),
    (status = 202, description = "Nothing can be read any more; files are still being deleted"),
    (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody, description = "The interview is going on")))]
async fn erase_application(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
) -> Result<StatusCode, Problem> {
    Ok(match state.service.erase(&id).await? {
        Erasure::Done => StatusCode::NO_CONTENT,
        Erasure::Finishing => StatusCode::ACCEPTED,
    })
}

/// Makes a link for the candidate. The body may be left out.
#[utoipa::path(post, path = "/applications/{id}/invitations", tag = "applications", security(("recruiter" = [])),
    params(("id" = ApplicationId, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<InviteBody>, responses((status = 201, body = NewInvitation),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
    (status = 422, body = ProblemBody)))]
async fn invite(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<ApplicationId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Created<NewInvitation>, Problem> {
    let body = body.map_err(|rejection| bytes_problem(&rejection))?;
    let body: InviteBody = if body.is_empty() {
        InviteBody::default()
    } else {
        serde_json::from_slice(&body).map_err(|e| Problem::new(ProblemKind::BadRequest, e.to_string()))?
    };
    let default = state.service.link_terms;
    let terms = LinkTerms {
        valid_for: body
            .valid_hours
            .map_or(default.valid_for, |hours| TimeDelta::hours(hours.into())),
        max_attempts: body.max_attempts.unwrap_or(default.max_attempts),
    };
    let link = state.service.invite(&id, terms).await?;
    let url = format!("{}/i/{}", state.public_url, link.token);
    let location = format!("/api/v1/applications/{id}/invitations/{}", link.id);
    let body = NewInvitation {
        invitation_id: link.id,
        url,
        expires_at: link.expires_at,
    };
    Ok(Created { location, body })
}

/// Makes a link useless at once.
#[utoipa::path(delete, path = "/applications/{id}/invitations/{invitation}", tag = "applications",
    security(("recruiter" = [])), params(("id" = ApplicationId, Path), ("invitation" = InvitationId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn revoke(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids((id, invitation)): Ids<(ApplicationId, InvitationId)>,
) -> Result<StatusCode, Problem> {
    state.service.revoke(&id, &invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ScreeningApplication> for ApplicationView {
    fn from(application: ScreeningApplication) -> Self {
        Self {
            status: application.status(),
            id: application.id,
            candidate_id: application.candidate_id,
            job_offer_id: application.job_offer_id,
            created_at: application.created_at,
            analysis_status: None,
            fit_score: None,
            recommendation: None,
            consent: None,
            invitations: Vec::new(),
        }
    }
}

impl ApplicationView {
    fn with(mut self, verdict: Option<Verdict>) -> Self {
        if let Some(verdict) = verdict {
            self.analysis_status = Some(verdict.status);
            self.fit_score = verdict.fit_score;
            self.recommendation = verdict.recommendation;
        }
        self
    }
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            revoked_at: invitation.revoked_at,
            max_attempts: invitation.max_attempts,
        }
    }
}
