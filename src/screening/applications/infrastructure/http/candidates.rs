//! Candidates, for recruiters.

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::application::create_candidate::NewCandidate;
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::infrastructure::http::upload::{Created, MAX_UPLOAD, Sent, read_sent};
use crate::screening::applications::infrastructure::http::{ApplicationsState, slice_of};
use crate::screening::shared::ids::CandidateId;
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::{Ids, Params};
use crate::shared::http::page::{Page, PageParams};
use crate::shared::http::problem::{Problem, ProblemBody};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(create_candidate, list_candidates))
        .layer(DefaultBodyLimit::max(MAX_UPLOAD))
        .routes(routes!(get_candidate))
}

/// A candidate to add.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CandidateBody {
    #[schema(example = "Ana Example")]
    name: String,
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    /// The name under which another system knows the candidate.
    username: Option<String>,
    headline: Option<String>,
    resume_text: Option<String>,
}

/// Adds a candidate from fields (JSON), or from a form with the same fields and the résumé as `resume` (PDF, DOCX,
/// Markdown or plain text, at most 5 MiB), of which the text is kept.
#[utoipa::path(post, path = "/candidates", tag = "candidates", security(("recruiter" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body(content((CandidateBody = "application/json"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 201, body = Candidate), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 413, body = ProblemBody), (status = 415, body = ProblemBody),
        (status = 422, body = ProblemBody),
        (status = 503, body = ProblemBody, description = "Too many files are being read")))]
async fn create_candidate(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    request: Request,
) -> Result<Created<Candidate>, Problem> {
    let (new, resume) = match read_sent::<CandidateBody>(request, "resume").await? {
        Sent::Json(body) => (NewCandidate::from(body), None),
        Sent::Form(mut form) => {
            let new = NewCandidate {
                username: form.take("username"),
                name: form.take("name").unwrap_or_default(),
                email: form.take("email"),
                headline: form.take("headline"),
                resume_text: form.take("resume_text"),
            };
            form.has_no_more()?;
            (new, form.file)
        }
    };
    let body = state.service.create_candidate(new, resume).await?;
    let location = format!("/api/v1/candidates/{}", body.id);
    Ok(Created { location, body })
}

/// Candidates, newest first.
#[utoipa::path(get, path = "/candidates", tag = "candidates", security(("recruiter" = [])), params(PageParams),
    responses((status = 200, body = Page<Candidate>), (status = 401, body = ProblemBody)))]
async fn list_candidates(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<Candidate>>, Problem> {
    let candidates = state.service.store.candidates(&slice_of(&page)).await?;
    Ok(Json(Page::new(candidates, &page, |candidate| candidate.id.to_string())))
}

/// One candidate.
#[utoipa::path(get, path = "/candidates/{id}", tag = "candidates", security(("recruiter" = [])),
    params(("id" = CandidateId, Path)), responses((status = 200, body = Candidate), (status = 400, body = ProblemBody),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn get_candidate(
    _: Recruiter,
    State(state): State<ApplicationsState>,
    Ids(id): Ids<CandidateId>,
) -> Result<Json<Candidate>, Problem> {
    Ok(Json(state.service.candidate(&id).await?))
}

impl From<CandidateBody> for NewCandidate {
    fn from(body: CandidateBody) -> Self {
        let CandidateBody {
            name,
            email,
            username,
            headline,
            resume_text,
        } = body;
        Self {
            username,
            name,
            email,
            headline,
            resume_text,
        }
    }
}
