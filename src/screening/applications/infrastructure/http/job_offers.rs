//! Job offers, for recruiters.

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::application::create_job_offer::PostingHints;
use crate::screening::applications::domain::job_offer::{JobOffer, JobOfferStatus, Posting};
use crate::screening::applications::infrastructure::http::upload::{Created, MAX_UPLOAD, Sent, read_sent};
use crate::screening::applications::infrastructure::http::{ApplicationsState, slice_of};
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
        .routes(routes!(get_job_offer, change_job_offer))
}

/// A position to fill. What is not listed here is refused rather than lost.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
struct JobOfferBody {
    /// Only an open one takes applications.
    #[serde(default)]
    status: JobOfferStatus,
    /// `objective` is taken for `title`.
    #[serde(flatten)]
    posting: Posting,
}

/// What can be changed of a job offer.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct JobOfferChange {
    /// Only an open one takes applications.
    status: JobOfferStatus,
}

/// Creates a job offer from fields (JSON) or from an uploaded posting: a form with `file` (PDF, DOCX, Markdown or
/// plain text, at most 5 MiB) and, where the file does not say, `title` and `organization`. A field that is none of these
/// is refused. `objective` is another word for `title`; a job offer is open where `status` does not say otherwise.
#[utoipa::path(post, path = "/job-offers", tag = "job offers", security(("recruiter" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body(content((JobOfferBody = "application/json"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 201, body = JobOffer), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "The first request with this key is still at work"),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 503, body = ProblemBody, description = "Too many files are being read")))]
async fn create_job_offer(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    request: Request,
) -> Result<Created<JobOffer>, Problem> {
    let body = match read_sent::<Value>(request, "file").await? {
        Sent::Json(sent) => {
            let JobOfferBody { status, posting } = job_offer_of(sent)?;
            state.service.create_job_offer(posting, status).await?
        }
        Sent::Form(mut form) => {
            let hints = PostingHints {
                title: form.take("title").or_else(|| form.take("objective")),
                organization: form.take("organization"),
            };
            let file = form.file.take();
            let file = file.ok_or_else(|| Problem::new(ProblemKind::BadRequest, "the form has no field `file`"))?;
            form.has_no_more()?;
            state.service.upload_job_offer(file, hints).await?
        }
    };
    let location = format!("/api/v1/job-offers/{}", body.id);
    Ok(Created { location, body })
}

/// Job offers, newest first.
#[utoipa::path(get, path = "/job-offers", tag = "job offers", security(("recruiter" = [])), params(PageParams),
    responses((status = 200, body = Page<JobOffer>), (status = 401, body = ProblemBody)))]
async fn list_job_offers(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<JobOffer>>, Problem> {
    let offers = state.service.store.job_offers(&slice_of(&page)).await?;
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

/// Opens, pauses or closes a job offer. Interviews that were promised go on.
#[utoipa::path(patch, path = "/job-offers/{id}", tag = "job offers", security(("recruiter" = [])),
    params(("id" = JobOfferId, Path)), request_body = JobOfferChange, responses((status = 200, body = JobOffer),
    (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn change_job_offer(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<JobOfferId>,
    JsonBody(change): JsonBody<JobOfferChange>,
) -> Result<Json<JobOffer>, Problem> {
    Ok(Json(state.service.set_job_offer_status(&id, change.status).await?))
}

fn job_offer_of(mut sent: Value) -> Result<JobOfferBody, Problem> {
    let bad = |what: String| Problem::new(ProblemKind::BadRequest, what);
    if let Some(fields) = sent.as_object_mut()
        && let Some(objective) = fields.remove("objective")
        && fields.insert("title".to_owned(), objective).is_some()
    {
        return Err(bad("give a title or an objective, not both".to_owned()));
    }
    let offer: JobOfferBody = serde_json::from_value(sent.clone()).map_err(|e| bad(e.to_string()))?;
    let read = serde_json::to_value(&offer).map_err(|e| bad(e.to_string()))?;
    match unread(&sent, &read) {
        Some(field) => Err(bad(format!("unknown field `{:.100}`", field.trim_start_matches('.')))),
        None => Ok(offer),
    }
}

/// A field that was sent and not read, e.g. `.skills[0].must`. Postings are stored with what they may hold today, so the
/// types themselves pass over what they do not know.
fn unread(sent: &Value, read: &Value) -> Option<String> {
    match (sent, read) {
        (Value::Object(sent), Value::Object(read)) => sent.iter().find_map(|(name, value)| match read.get(name) {
            Some(known) => unread(value, known).map(|rest| format!("{name}{rest}")),
            None => Some(format!(".{name}")),
        }),
        (Value::Array(sent), Value::Array(read)) => {
            let mut pairs = sent.iter().zip(read).enumerate();
            pairs.find_map(|(i, (sent, read))| unread(sent, read).map(|rest| format!("[{i}]{rest}")))
        }
        _ => None,
    }
}
