//! Job offers, for recruiters.

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest as _, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::application::create_job_offer::PostingHints;
use crate::screening::applications::domain::job_offer::{JobOffer, Posting};
use crate::screening::applications::domain::ports::Slice;
use crate::screening::applications::infrastructure::http::ApplicationsState;
use crate::screening::applications::infrastructure::http::upload::{MAX_UPLOAD, is_form, read_form};
use crate::screening::shared::ids::JobOfferId;
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::{Ids, JsonBody, Params};
use crate::shared::http::page::{Page, PageParams};
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(create_job_offer, list_job_offers))
        .layer(DefaultBodyLimit::max(MAX_UPLOAD))
        .routes(routes!(get_job_offer))
}

/// Creates a job offer from fields (JSON) or from an uploaded posting: a form with `file` (PDF, DOCX, Markdown or
/// plain text, at most 5 MiB) and, where the file does not say, `title` and `organization`.
#[utoipa::path(post, path = "/job-offers", tag = "job offers", security(("recruiter" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body(content((Posting = "application/json"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 201, body = JobOffer), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody), (status = 422, body = ProblemBody)))]
async fn create_job_offer(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    request: Request,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<JobOffer>), Problem> {
    let offer = if is_form(&request) {
        let mut form = read_form(request, "file").await?;
        let file = form
            .file
            .ok_or_else(|| Problem::new(ProblemKind::BadRequest, "the form has no field `file`"))?;
        let mut given = |name: &str| form.fields.remove(name).filter(|text| !text.trim().is_empty());
        let hints = PostingHints {
            title: given("title"),
            organization: given("organization"),
        };
        state.service.upload_job_offer(file, hints).await?
    } else {
        let JsonBody(posting) = JsonBody::<Posting>::from_request(request, &()).await?;
        state.service.create_job_offer(posting).await?
    };
    let location = [(header::LOCATION, format!("/api/v1/job-offers/{}", offer.id))];
    Ok((StatusCode::CREATED, location, Json(offer)))
}

/// Job offers, newest first.
#[utoipa::path(get, path = "/job-offers", tag = "job offers", security(("recruiter" = [])), params(PageParams),
    responses((status = 200, body = Page<JobOffer>), (status = 401, body = ProblemBody)))]
async fn list_job_offers(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<JobOffer>>, Problem> {
    let slice = Slice {
        limit: page.limit(),
        after: page.after.clone(),
    };
    let offers = state.service.store.job_offers(&slice).await?;
    Ok(Json(Page::new(offers, &page, |offer| offer.id.to_string())))
}

/// One job offer.
#[utoipa::path(get, path = "/job-offers/{id}", tag = "job offers", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path)), responses((status = 200, body = JobOffer), (status = 400, body = ProblemBody),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn get_job_offer(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<JobOfferId>,
) -> Result<Json<JobOffer>, Problem> {
    Ok(Json(state.service.job_offer(&id).await?))
}
