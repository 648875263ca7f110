//! Links for anybody, e.g. a demo's, for recruiters.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::infrastructure::http::ApplicationsState;
use crate::screening::applications::infrastructure::http::applications::InvitationView;
use crate::screening::shared::ids::{InvitationId, JobOfferId};
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::Ids;
use crate::shared::http::problem::{Problem, ProblemBody};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_open_links))
        .routes(routes!(revoke_open_link))
}

/// The links for anybody of a job offer, oldest first. Their secrets are not kept.
#[derive(Serialize, utoipa::ToSchema)]
struct OpenLinks {
    items: Vec<InvitationView>,
}

/// The links through which anybody can be interviewed for a job offer.
#[utoipa::path(get, path = "/job-offers/{id}/links", tag = "job offers", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path)), responses((status = 200, body = OpenLinks), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
async fn list_open_links(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<JobOfferId>,
) -> Result<Json<OpenLinks>, Problem> {
    let offer = state.service.job_offer(&id).await?;
    let links = state.service.store.open_invitations(&offer.id).await?;
    let items = links.into_iter().map(InvitationView::from).collect();
    Ok(Json(OpenLinks { items }))
}

/// Makes a link for anybody useless at once. Interviews that were begun through it go on.
#[utoipa::path(delete, path = "/job-offers/{id}/links/{invitation}", tag = "job offers", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path), ("invitation" = InvitationId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn revoke_open_link(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids((id, invitation)): Ids<(JobOfferId, InvitationId)>,
) -> Result<StatusCode, Problem> {
    state.service.revoke_open_link(&id, &invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}
