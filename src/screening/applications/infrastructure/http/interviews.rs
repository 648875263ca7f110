//! The candidate's way in: what a link is for, and consent. The secret of the link is the only credential.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::applications::application::enter_interview::{InterviewStatus, Visitor};
use crate::screening::applications::application::give_consent::{ConsentAnswer, ConsentOutcome};
use crate::screening::applications::domain::consent::{CONSENT, ConsentText};
use crate::screening::applications::domain::invitation::InvitationKind;
use crate::screening::applications::infrastructure::http::ApplicationsState;
use crate::screening::shared::ids::CallId;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::http::extract::{Ids, JsonBody};
use crate::shared::http::problem::{Problem, ProblemBody};

const READY: &str = "Thank you. You can start whenever you are ready.";
const DECLINED: &str = "That is fine, and it does not count against you. Nothing you said is kept. \
    Please answer the message that brought you here, and a person will arrange another way to talk.";

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ApplicationsState: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(get_interview))
        .routes(routes!(give_consent, withdraw_consent))
}

/// What a link is for and how far its interview has come.
#[derive(Serialize, utoipa::ToSchema)]
struct InterviewView {
    status: InterviewStatus,
    /// `open` for a demo link: anybody may come, and each consent gets a personal link.
    kind: InvitationKind,
    call_id: Option<CallId>,
    #[schema(example = "agenda_completed")]
    end_reason: Option<String>,
    candidate_name: Option<String>,
    job: JobView,
    duration_min: u32,
    topics: usize,
    /// Topics that are behind the candidate, where the interview goes on after a break.
    topics_done: usize,
    /// How long the interview has run, milliseconds.
    elapsed_ms: u64,
    /// BCP 47.
    #[schema(example = "en")]
    language: String,
    #[schema(inline)]
    consent: ConsentText,
    /// For the browser's `RTCPeerConnection`, as they are.
    #[schema(value_type = Vec<Object>)]
    ice_servers: Vec<serde_json::Value>,
    /// This server over HTTPS, where it knows of such an address: browsers give a microphone to no other page.
    secure_url: Option<String>,
    /// Whether the candidate can agree to be recorded.
    recording: bool,
    /// The token to go on with; null on an open link, where consent gives one.
    personal_token: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct JobView {
    title: String,
    organization: String,
}

/// A candidate's answer.
#[derive(Deserialize, utoipa::ToSchema)]
struct ConsentBody {
    /// Of the text that was shown.
    #[schema(example = "2026-11.1")]
    version: String,
    accepted: bool,
    /// Whether sound may be recorded.
    #[serde(default)]
    recording: bool,
}

/// How it goes on.
#[derive(Serialize, utoipa::ToSchema)]
struct ConsentView {
    /// `ready` or `declined`.
    status: InterviewStatus,
    /// The token to use from now on.
    token: String,
    call_id: Option<CallId>,
    message: &'static str,
}

/// What the link is for and how far its interview has come.
#[utoipa::path(get, path = "/interviews/{token}", tag = "interviews", params(("token" = String, Path)),
    responses((status = 200, body = InterviewView), (status = 404, body = ProblemBody), (status = 410, body = ProblemBody)))]
async fn get_interview(
    State(state): State<ApplicationsState>,
    Ids(token): Ids<String>,
    headers: HeaderMap,
) -> Result<Json<InterviewView>, Problem> {
    // Browsers say with every request how it came about; programs do not.
    let visitor = if headers.contains_key("sec-fetch-mode") {
        Visitor::Browser
    } else {
        Visitor::Program
    };
    let interview = state.service.interview(&token, visitor).await?;
    let plan = interview.plan;
    let progress = interview.progress;
    let (topics_done, elapsed_ms) = progress.as_ref().map_or((0, 0), |p| (p.topics_done, p.elapsed_ms));
    let (call_id, end_reason) = progress.map_or((None, None), |p| (p.call_id, p.end_reason));
    Ok(Json(InterviewView {
        status: interview.status,
        kind: interview.kind,
        call_id,
        end_reason,
        topics_done,
        elapsed_ms,
        candidate_name: interview.candidate_name,
        duration_min: minutes(&plan),
        topics: plan.questions.len(),
        job: JobView {
            title: plan.job_title,
            organization: plan.organization,
        },
        language: plan.language,
        consent: CONSENT,
        ice_servers: state.ice_servers.to_vec(),
        secure_url: state
            .public_url
            .starts_with("https://")
            .then(|| state.public_url.to_string()),
        recording: state.service.offers_recording,
        personal_token: (interview.kind == InvitationKind::Personal).then_some(token),
    }))
}

/// Answers the consent text. Through an open link each consent makes a new candidate with a token of its own, as long as
/// the job offer is open. Declining after having consented withdraws consent: the call ends and what was said is deleted.
#[utoipa::path(post, path = "/interviews/{token}/consent", tag = "interviews",
    params(("token" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = ConsentBody,
    responses((status = 200, body = ConsentView), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 410, body = ProblemBody)))]
async fn give_consent(
    State(state): State<ApplicationsState>,
    Ids(token): Ids<String>,
    JsonBody(body): JsonBody<ConsentBody>,
) -> Result<Json<ConsentView>, Problem> {
    let answer = ConsentAnswer {
        version: body.version,
        accepted: body.accepted,
        recording: body.recording,
    };
    Ok(Json(match state.service.give_consent(&token, &answer).await? {
        ConsentOutcome::Ready { token, call_id, .. } => ConsentView {
            status: InterviewStatus::Ready,
            token,
            call_id: Some(call_id),
            message: READY,
        },
        ConsentOutcome::Declined { token } => ConsentView {
            status: InterviewStatus::Declined,
            token,
            call_id: None,
            message: DECLINED,
        },
    }))
}

/// Takes consent back: the call ends and what was said is deleted.
#[utoipa::path(delete, path = "/interviews/{token}/consent", tag = "interviews", params(("token" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
async fn withdraw_consent(
    State(state): State<ApplicationsState>,
    Ids(token): Ids<String>,
) -> Result<StatusCode, Problem> {
    state.service.withdraw_consent(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The time budgets of all topics, in whole minutes.
fn minutes(plan: &InterviewPlan) -> u32 {
    plan.questions
        .iter()
        .map(|question| question.time_budget_s)
        .sum::<u32>()
        .div_ceil(60)
}
