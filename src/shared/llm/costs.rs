//! What language models cost: the record in SQLite, and recruiters' view of it.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::{FromRef, State};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::shared::clock::Clock;
use crate::shared::db::{Db, to_ms};
use crate::shared::errors::StoreError;
use crate::shared::http::auth::{Recruiter, RecruiterToken};
use crate::shared::http::extract::Params;
use crate::shared::http::problem::{Problem, ProblemBody, ProblemKind};
use crate::shared::ids::fresh_hex;
use crate::shared::llm::ledger::{CostLine, Record, RequestLog};

/// Longest subject asked for, characters; ids are shorter.
const LONGEST_SUBJECT: usize = 100;

/// Requests to language models in SQLite.
pub struct SqliteRequestLog {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl RequestLog for SqliteRequestLog {
    async fn put(&self, record: Record) -> Result<(), StoreError> {
        let integer = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let ms = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let mut write = self.db.write().await?;
        sqlx::query(
            "INSERT INTO llm_requests (id, time, purpose, subject, prompt, model, outcome, prompt_tokens,
                                       completion_tokens, cost_micro_usd, first_token_ms, latency_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(format!("req_{}", fresh_hex()))
        .bind(to_ms(self.clock.now()))
        .bind(record.purpose.as_str())
        .bind(record.subject)
        .bind(record.prompt)
        .bind(record.model)
        .bind(record.outcome)
        .bind(integer(record.usage.prompt_tokens))
        .bind(integer(record.usage.completion_tokens))
        .bind(record.usage.cost_micro_usd.map(integer))
        .bind(record.first_token.map(ms))
        .bind(ms(record.latency))
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    async fn costs(&self, subject: Option<&str>) -> Result<Vec<CostLine>, StoreError> {
        let rows = sqlx::query(
            "SELECT purpose, model, COUNT(*) AS requests,
                    SUM(outcome NOT IN ('ok', 'cancelled', 'cached')) AS failed, SUM(outcome = 'cancelled') AS cancelled,
                    SUM(outcome = 'cached') AS cached,
                    SUM(prompt_tokens) AS prompt_tokens, SUM(completion_tokens) AS completion_tokens,
                    SUM(cost_micro_usd) AS cost, AVG(first_token_ms) AS first_mean, MAX(first_token_ms) AS first_max,
                    AVG(latency_ms) AS latency_mean
             FROM llm_requests WHERE $1 IS NULL OR subject = $1
             GROUP BY purpose, model ORDER BY purpose, model",
        )
        .bind(subject)
        .fetch_all(self.db.reader())
        .await?;
        rows.iter()
            .map(|row| {
                let count = |name: &str| Ok::<u64, StoreError>(row.try_get::<i64, _>(name)?.cast_unsigned());
                let maybe =
                    |name: &str| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(name)?.map(i64::cast_unsigned));
                Ok(CostLine {
                    purpose: row.try_get("purpose")?,
                    model: row.try_get("model")?,
                    requests: count("requests")?,
                    failed: count("failed")?,
                    cancelled: count("cancelled")?,
                    cached: count("cached")?,
                    prompt_tokens: count("prompt_tokens")?,
                    completion_tokens: count("completion_tokens")?,
                    cost_micro_usd: maybe("cost")?,
                    first_token_ms_mean: row.try_get("first_mean")?,
                    first_token_ms_max: maybe("first_max")?,
                    latency_ms_mean: row.try_get("latency_mean")?,
                })
            })
            .collect()
    }
}

/// What the handlers here need.
#[derive(Clone)]
pub struct CostsState(pub Arc<dyn RequestLog>);

/// What was spent on language models.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CostsView {
    /// Id of the call or job offer it was spent on; absent where all is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub requests: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Millionths of a US dollar, of the requests whose price is known; null where none is.
    pub cost_micro_usd: Option<u64>,
    /// By purpose and model.
    pub items: Vec<CostLine>,
}

impl CostsView {
    pub fn of(subject: Option<String>, items: Vec<CostLine>) -> Self {
        let known: Vec<u64> = items.iter().filter_map(|line| line.cost_micro_usd).collect();
        Self {
            subject,
            requests: items.iter().map(|line| line.requests).sum(),
            prompt_tokens: items.iter().map(|line| line.prompt_tokens).sum(),
            completion_tokens: items.iter().map(|line| line.completion_tokens).sum(),
            cost_micro_usd: (!known.is_empty()).then(|| known.iter().sum()),
            items,
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CostsQuery {
    /// Id of a call or a job offer.
    subject: Option<String>,
}

/// Costs of language models, for recruiters.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    CostsState: FromRef<S>,
    RecruiterToken: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(get_costs))
}

/// What was spent on language models, by purpose and model.
#[utoipa::path(get, path = "/costs", tag = "operations", params(CostsQuery), security(("recruiter" = [])),
    responses((status = 200, body = CostsView), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody)))]
async fn get_costs(
    _: Recruiter,
    State(CostsState(log)): State<CostsState>,
    Params(query): Params<CostsQuery>,
) -> Result<Json<CostsView>, Problem> {
    if query
        .subject
        .as_ref()
        .is_some_and(|s| s.chars().count() > LONGEST_SUBJECT)
    {
        return Err(Problem::new(ProblemKind::BadRequest, "a subject is an id"));
    }
    let items = log.costs(query.subject.as_deref()).await?;
    Ok(Json(CostsView::of(query.subject, items)))
}
