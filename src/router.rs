//! All routes of Emma on one screen.

use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::screening::analysis::infrastructure::http as analysis;
use crate::screening::applications::infrastructure::http as applications;
use crate::screening::calls::infrastructure::http::{calls, door, interviews};
use crate::shared::http::auth::RecruiterToken;
use crate::shared::http::idempotency::{Idempotency, idempotent};
use crate::shared::http::problem::{Problem, ProblemKind};
use crate::shared::http::protect::{answer_panic, harden, limit_time, observe};
use crate::shared::http::{dead_letters, health, pages};
use crate::shared::jobs::runner::JobRunner;
use crate::shared::llm::costs;

/// Body of a request, bytes; uploads have a limit of their own.
const MAX_BODY: usize = 64 * 1024;

/// What the handlers need, each its part.
#[derive(Clone, FromRef)]
pub struct AppState {
    pub recruiter: RecruiterToken,
    pub applications: applications::ApplicationsState,
    pub calls: calls::CallsState,
    pub interviews: door::InterviewsState,
    pub analysis: analysis::AnalysisState,
    pub health: health::HealthState,
    pub costs: costs::CostsState,
    pub jobs: JobRunner,
    pub idempotency: Idempotency,
    pub metrics: PrometheusHandle,
}

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Emma",
    description = "The open voice screening interviewer. Errors are RFC 9457 problems."
))]
struct Description;

/// Everything Emma serves.
pub fn build(state: AppState) -> Router {
    let idempotency = state.idempotency.clone();
    let (api, description) = api(|routes| routes.layer(from_fn_with_state(idempotency.clone(), idempotent)));
    api.route(
        "/metrics",
        get(async |State(metrics): State<PrometheusHandle>| {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render())
        }),
    )
    .route("/openapi.json", get(async || Json(description)))
    .merge(pages::routes())
    .fallback(async || Problem::from(ProblemKind::NotFound))
    .method_not_allowed_fallback(async || Problem::from(ProblemKind::MethodNotAllowed))
    .layer(DefaultBodyLimit::max(MAX_BODY))
    .layer(from_fn(limit_time))
    .layer(CatchPanicLayer::custom(answer_panic))
    .layer(from_fn(observe))
    .layer(from_fn(harden))
    .with_state(state)
}

/// The description of the interface.
pub fn openapi() -> OpenApi {
    api(|routes| routes).1
}

/// `creating` wraps the routes whose POSTs create something.
fn api(creating: impl Fn(OpenApiRouter<AppState>) -> OpenApiRouter<AppState>) -> (Router<AppState>, OpenApi) {
    let all = OpenApiRouter::new()
        .merge(creating(applications::routes()))
        .merge(interviews::routes())
        .merge(calls::routes())
        .merge(analysis::router())
        .merge(costs::routes())
        .merge(dead_letters::routes())
        .merge(health::routes());
    let (router, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1", all)
        .split_for_parts();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    description
        .components
        .get_or_insert_default()
        .add_security_scheme("recruiter", bearer);
    (router, description)
}
