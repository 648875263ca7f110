//! Background work that failed for good: listed, and tried again on request.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::{Ids, Params};
use crate::shared::http::page::{Page, PageParams};
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};
use crate::shared::ids::JobId;
use crate::shared::jobs::queue::{DeadLetter, Place};
use crate::shared::jobs::runner::JobRunner;

/// The routes, relative to `/api/v1`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    JobRunner: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_dead_letters))
        .routes(routes!(replay_dead_letter))
}

/// Background work that failed for good, newest first.
#[utoipa::path(get, path = "/dead-letters", tag = "operations", security(("recruiter" = [])), params(PageParams),
    responses((status = 200, body = Page<DeadLetter>), (status = 400, body = ProblemBody),
    (status = 401, body = ProblemBody)))]
async fn list_dead_letters(
    _: Recruiter,
    State(jobs): State<JobRunner>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    let place = match &page.after {
        Some(text) => Some(Place::parse(text).ok_or_else(|| {
            Problem::new(
                ProblemKind::BadRequest,
                "after: give the `next` of the page before as it came",
            )
        })?),
        None => None,
    };
    let letters = jobs.dead_letters_after(page.limit(), place.as_ref()).await?;
    Ok(Json(Page::new(letters, &page, |letter| Place::of(letter).to_string())))
}

/// Tries a dead letter again, three times if need be.
#[utoipa::path(post, path = "/dead-letters/{id}/replay", tag = "operations", security(("recruiter" = [])),
    params(("id" = JobId, Path)), responses((status = 202), (status = 400, body = ProblemBody),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn replay_dead_letter(
    _: Recruiter,
    State(jobs): State<JobRunner>,
    Ids(id): Ids<JobId>,
) -> Result<StatusCode, Problem> {
    if jobs.replay(&id).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ProblemKind::JobNotFound.into())
    }
}
