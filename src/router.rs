//! temporary
use std::sync::Arc;
use axum::Router;
use axum::extract::FromRef;
use metrics_exporter_prometheus::PrometheusHandle;
use crate::screening::analysis::infrastructure::http::AnalysisState;
use crate::screening::applications::application::ApplicationService;
use crate::screening::calls::infrastructure::http::calls::CallsState;
use crate::screening::calls::infrastructure::http::interviews::InterviewsState;
use crate::shared::db::Db;
use crate::shared::http::auth::RecruiterToken;
use crate::shared::jobs::runner::JobRunner;
#[derive(Clone, FromRef)]
pub struct AppState { pub recruiter: RecruiterToken, pub applications: Arc<ApplicationService>, pub calls: CallsState, pub interviews: InterviewsState, pub analysis: AnalysisState, pub jobs: JobRunner, pub base_url: String, pub health: u8, pub metrics: PrometheusHandle, pub db: Db }
pub fn openapi() -> utoipa::openapi::OpenApi { utoipa_axum::router::OpenApiRouter::<AppState>::new().split_for_parts().1 }
pub fn build(state: AppState) -> Router {
    let api = crate::screening::calls::infrastructure::http::interviews::routes::<AppState>().merge(crate::screening::calls::infrastructure::http::calls::routes::<AppState>());
    let extra = Router::new().route("/interviews/{token}", axum::routing::get(info)).route("/interviews/{token}/consent", axum::routing::post(consent)).with_state(state.clone());
    Router::new().nest("/api/v1", extra.merge(api.split_for_parts().0.with_state(state.clone())).merge(crate::screening::analysis::infrastructure::http::router().with_state(state.analysis.clone()).split_for_parts().0))
}
impl From<crate::screening::applications::application::ApplicationError> for crate::shared::http::problem::Problem {
    fn from(e: crate::screening::applications::application::ApplicationError) -> Self { Self::new(crate::shared::http::problem::ProblemKind::BadRequest, e.to_string()) }
}
async fn info(axum::extract::State(s): axum::extract::State<AppState>, axum::extract::Path(t): axum::extract::Path<String>) -> axum::Json<serde_json::Value> {
    let st = s.applications.interview(&t, crate::screening::applications::application::enter_interview::Visitor::Browser).await;
    let st = match st { Ok(x) => x, Err(e) => return axum::Json(serde_json::json!({"error": e.to_string()})) };
    axum::Json(serde_json::json!({"status": st.status, "call_id": null, "end_reason": null, "candidate_name": st.candidate_name, "job": {"title": st.plan.job_title, "organization": st.plan.organization}, "duration_min": 12, "topics": st.plan.questions.len(), "language": "en", "consent": crate::screening::applications::domain::consent::CONSENT, "ice_servers": [], "recording": false, "personal_token": null}))
}
async fn consent(axum::extract::State(s): axum::extract::State<AppState>, axum::extract::Path(t): axum::extract::Path<String>, axum::Json(b): axum::Json<serde_json::Value>) -> axum::Json<serde_json::Value> {
    use crate::screening::applications::application::give_consent::{ConsentAnswer, ConsentOutcome};
    let a = ConsentAnswer { version: b["version"].as_str().unwrap_or_default().to_owned(), accepted: b["accepted"].as_bool().unwrap_or(false), recording: false };
    match s.applications.give_consent(&t, &a).await {
        Ok(ConsentOutcome::Ready { token, call_id, .. }) => axum::Json(serde_json::json!({"status":"ready","token":token,"call_id":call_id,"message":""})),
        Ok(ConsentOutcome::Declined { token }) => axum::Json(serde_json::json!({"status":"declined","token":token,"call_id":null,"message":""})),
        Err(e) => axum::Json(serde_json::json!({"error": e.to_string()})),
    }
}
