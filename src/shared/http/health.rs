//! `GET /health`: whether Emma can hold interviews, part by part.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use futures::future::join_all;
use serde::Serialize;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::shared::db::Db;

/// A part that takes longer to answer is down.
const PATIENCE: Duration = Duration::from_secs(2);

/// How well a part, or all of it, works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    Ok,
    /// Works with less than it should have, or not yet.
    Degraded,
    Down,
}

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub status: HealthStatus,
    /// A word on it for people; nothing secret.
    pub detail: Option<String>,
    /// How long the part took when it was asked, where the answer may be one that was kept.
    pub measured: Option<Duration>,
}

impl Condition {
    pub fn new(status: HealthStatus, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::from(status)
        }
    }
}

impl From<HealthStatus> for Condition {
    fn from(status: HealthStatus) -> Self {
        Self {
            status,
            detail: None,
            measured: None,
        }
    }
}

/// A part whose health can be asked for.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    async fn check(&self) -> Condition;
}

/// A part of Emma.
#[derive(Clone)]
pub struct Part {
    /// E.g. `database`.
    pub name: &'static str,
    /// Whether nothing works without it.
    pub essential: bool,
    pub check: Arc<dyn HealthCheck>,
}

/// The parts that are asked.
#[derive(Clone)]
pub struct HealthState {
    pub parts: Arc<[Part]>,
}

/// Answers for the database.
pub struct DatabaseHealth(pub Db);

#[async_trait]
impl HealthCheck for DatabaseHealth {
    async fn check(&self) -> Condition {
        match self.0.ping().await {
            Ok(()) => HealthStatus::Ok.into(),
            Err(_) => Condition::new(HealthStatus::Down, "the database does not answer"),
        }
    }
}

/// How Emma is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HealthView {
    status: HealthStatus,
    version: &'static str,
    components: BTreeMap<&'static str, PartView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PartView {
    status: HealthStatus,
    /// How long the part took to answer.
    latency_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The route, relative to `/api/v1`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    HealthState: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(health))
}

/// Whether Emma can hold interviews. 503 when a part is down that nothing works without.
#[utoipa::path(get, path = "/health", tag = "operations",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)))]
async fn health(State(state): State<HealthState>) -> (StatusCode, Json<HealthView>) {
    let views = join_all(state.parts.iter().map(ask)).await;
    let mut overall = HealthStatus::Ok;
    for (part, view) in state.parts.iter().zip(&views) {
        let worst = if part.essential {
            HealthStatus::Down
        } else {
            HealthStatus::Degraded
        };
        overall = overall.max(view.status.min(worst));
    }
    let components = state.parts.iter().map(|part| part.name).zip(views).collect();
    let code = if overall == HealthStatus::Down {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (
        code,
        Json(HealthView {
            status: overall,
            version: env!("CARGO_PKG_VERSION"),
            components,
        }),
    )
}

async fn ask(part: &Part) -> PartView {
    let asked = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, part.check.check()).await;
    let condition = answer.unwrap_or_else(|_| Condition::new(HealthStatus::Down, "no answer in 2 s"));
    let took = condition.measured.unwrap_or_else(|| asked.elapsed());
    PartView {
        status: condition.status,
        // Tenths of a millisecond are as much as anybody reads.
        latency_ms: (took.as_secs_f64() * 10_000.0).round() / 10.0,
        detail: condition.detail,
    }
}
