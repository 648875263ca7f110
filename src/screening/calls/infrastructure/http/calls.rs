//! What recruiters see of calls.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize as _, Serialize};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::screening::calls::application::service::{CallOff, CallService};
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::coverage::Coverage;
use crate::screening::calls::domain::interviewer::Flag;
use crate::screening::calls::domain::ports::Recordings;
use crate::screening::calls::domain::status::{CallStatus, EndReason};
use crate::screening::calls::domain::store::{CallEvent, CallStore};
use crate::screening::calls::domain::transcript::transcript_sha256;
use crate::screening::calls::infrastructure::http::shown::{self, FlagView, SegmentView};
use crate::screening::shared::ids::{ApplicationId, CallId};
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::Ids;
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};
use crate::shared::llm::costs::{CostsState, CostsView};

/// A recording is sent in pieces of this many bytes.
const CHUNK: usize = 64 * 1024;

/// What the handlers here need.
#[derive(Clone)]
pub struct CallsState {
    pub store: Arc<dyn CallStore>,
    pub recordings: Arc<dyn Recordings>,
    pub calls: Arc<CallService>,
}

/// Calls and transcripts, for recruiters.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    CallsState: FromRef<S>,
    CostsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(get_call))
        .routes(routes!(get_call_costs))
        .routes(routes!(get_transcript))
        .routes(routes!(get_recording))
        .routes(routes!(list_calls))
        .routes(routes!(cancel_call))
}

/// One attempt at an interview.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CallView {
    id: CallId,
    application_id: ApplicationId,
    attempt: u32,
    plan_version: u32,
    status: CallStatus,
    end_reason: Option<EndReason>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    duration_ms: u64,
    coverage: Coverage,
    /// Names and versions of engines, agent and prompts used.
    #[schema(value_type = Object)]
    engine: serde_json::Value,
    /// What the candidate asked and the posting does not answer; only when one call is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered_questions: Option<Vec<String>>,
    /// What a person should look at, oldest first; never a penalty, and only when one call is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Vec<FlagView>>,
    /// What happened, oldest first; only when one call is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<CallEvent>,
}

/// What was said in a call, in order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TranscriptView {
    call_id: CallId,
    /// SHA-256 of the lines `speaker TAB start_ms TAB end_ms TAB text NEWLINE`, of all that was said.
    sha256: String,
    segments: Vec<SegmentView>,
}

/// The attempts of an application, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CallList {
    items: Vec<CallView>,
}

/// One call with its log.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(("id" = CallId, Path)), security(("recruiter" = [])),
    responses((status = 200, body = CallView), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn get_call(
    _: Recruiter,
    State(calls): State<CallsState>,
    Ids(id): Ids<CallId>,
) -> Result<Json<CallView>, Problem> {
    let call = calls.store.find(&id).await?.ok_or(ProblemKind::CallNotFound)?;
    let log = shown::log(calls.store.log_of(&id).await?);
    let transcript = calls.store.transcript(&id).await?;
    Ok(Json(CallView {
        unanswered_questions: Some(unanswered_questions(&log)),
        flags: Some(shown::flags(&log, &transcript)),
        log,
        ..CallView::from(call)
    }))
}

/// What was said, without what the candidate told of themselves that plays no part in hiring: covered, character by
/// character. Empty when consent was withdrawn.
#[utoipa::path(get, path = "/calls/{id}/transcript", tag = "calls", params(("id" = CallId, Path)),
    security(("recruiter" = [])), responses((status = 200, body = TranscriptView), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
async fn get_transcript(
    _: Recruiter,
    State(calls): State<CallsState>,
    Ids(id): Ids<CallId>,
) -> Result<Json<TranscriptView>, Problem> {
    calls.store.find(&id).await?.ok_or(ProblemKind::CallNotFound)?;
    let segments = calls.store.transcript(&id).await?;
    Ok(Json(TranscriptView {
        call_id: id,
        sha256: transcript_sha256(&segments),
        segments: segments.into_iter().map(shown::segment).collect(),
    }))
}

/// The sound of a call, as far as it has come: stereo, left the candidate, right Emma, on the time of the transcript.
/// There is none where the candidate did not agree, or no longer does.
#[utoipa::path(get, path = "/calls/{id}/recording", tag = "calls", params(("id" = CallId, Path)),
    security(("recruiter" = [])), responses((status = 200, content_type = "audio/ogg", description = "Ogg/Opus"),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
async fn get_recording(
    _: Recruiter,
    State(calls): State<CallsState>,
    Ids(id): Ids<CallId>,
) -> Result<Response, Problem> {
    calls.store.find(&id).await?.ok_or(ProblemKind::CallNotFound)?;
    let file = calls
        .recordings
        .find(&id)
        .await?
        .ok_or(ProblemKind::RecordingNotFound)?;
    let file = File::open(file).await.map_err(|error| {
        // Deleted a moment ago.
        if error.kind() == std::io::ErrorKind::NotFound {
            return ProblemKind::RecordingNotFound;
        }
        tracing::error!(%error, call.id = %id, "a recording cannot be read");
        ProblemKind::Internal
    })?;
    let chunks = futures::stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
    });
    let disposition = format!("attachment; filename=\"{id}.ogg\"");
    let head = [
        (CONTENT_TYPE, "audio/ogg".to_owned()),
        (CONTENT_DISPOSITION, disposition),
    ];
    Ok((head, Body::from_stream(chunks)).into_response())
}

/// What language models cost for this call, by purpose and model.
#[utoipa::path(get, path = "/calls/{id}/costs", tag = "calls", params(("id" = CallId, Path)),
    security(("recruiter" = [])), responses((status = 200, body = CostsView), (status = 401, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
async fn get_call_costs(
    _: Recruiter,
    State(calls): State<CallsState>,
    State(CostsState(log)): State<CostsState>,
    Ids(id): Ids<CallId>,
) -> Result<Json<CostsView>, Problem> {
    calls.store.find(&id).await?.ok_or(ProblemKind::CallNotFound)?;
    let items = log.costs(Some(id.as_str())).await?;
    Ok(Json(CostsView::of(Some(id.to_string()), items)))
}

/// All attempts of an application.
#[utoipa::path(get, path = "/applications/{id}/calls", tag = "calls", params(("id" = ApplicationId, Path)),
    security(("recruiter" = [])), responses((status = 200, body = CallList), (status = 401, body = ProblemBody)))]
async fn list_calls(
    _: Recruiter,
    State(calls): State<CallsState>,
    Ids(id): Ids<ApplicationId>,
) -> Result<Json<CallList>, Problem> {
    let items = calls
        .store
        .of_application(&id)
        .await?
        .into_iter()
        .map(CallView::from)
        .collect();
    Ok(Json(CallList { items }))
}

/// Calls an interview off: nobody can join it any more, and a candidate who is in it is told so and hears a goodbye.
#[utoipa::path(post, path = "/calls/{id}/cancel", tag = "calls", params(("id" = CallId, Path)),
    security(("recruiter" = [])), responses((status = 202, description = "It ends now, or in some seconds"),
    (status = 401, body = ProblemBody), (status = 404, body = ProblemBody),
    (status = 409, body = ProblemBody, description = "It is over already")))]
async fn cancel_call(
    _: Recruiter,
    State(calls): State<CallsState>,
    Ids(id): Ids<CallId>,
) -> Result<StatusCode, Problem> {
    match calls.calls.cancel(&id).await? {
        CallOff::Done => Ok(StatusCode::ACCEPTED),
        CallOff::Over => Err(Problem::new(ProblemKind::Conflict, "the call is over already")),
        CallOff::Unknown => Err(ProblemKind::CallNotFound.into()),
    }
}

/// Each question once, in the order they were asked.
fn unanswered_questions(log: &[CallEvent]) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    for event in log.iter().filter(|event| event.kind == "flag") {
        if let Ok(Flag::UnansweredQuestion(question)) = Flag::deserialize(&event.data["flag"])
            && !questions.contains(&question)
        {
            questions.push(question);
        }
    }
    questions
}

impl From<ScreeningCall> for CallView {
    fn from(call: ScreeningCall) -> Self {
        Self {
            status: call.status(),
            end_reason: call.end_reason(),
            id: call.id,
            application_id: call.application_id,
            attempt: call.attempt,
            plan_version: call.plan_version,
            created_at: call.created_at,
            started_at: call.started_at,
            ended_at: call.ended_at,
            duration_ms: call.media_ms,
            coverage: call.coverage,
            engine: call.engine,
            unanswered_questions: None,
            flags: None,
            log: Vec::new(),
        }
    }
}
