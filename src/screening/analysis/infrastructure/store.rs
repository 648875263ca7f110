//! Analyses in the embedded database.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::screening::analysis::domain::analysis::{AnalysisCompleted, AnalysisStore, ScreeningAnalysis};
use crate::screening::applications::domain::ports::{Verdict, Verdicts};
use crate::screening::shared::ids::{ApplicationId, CallId};
use crate::shared::db::{Db, Write, from_json, from_word, to_json, to_ms, to_word};
use crate::shared::erased;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::outbox;

/// Analyses in SQLite.
pub struct SqliteAnalysisStore(pub Db);

#[async_trait]
impl Verdicts for SqliteAnalysisStore {
    async fn of(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Verdict>, StoreError> {
        let rows: Vec<(String, String, Option<u8>, Option<String>)> = sqlx::query_as(
            "SELECT application_id, status, json_extract(body, '$.assessment.score'),
                    json_extract(body, '$.assessment.recommendation')
             FROM analyses WHERE application_id IN (SELECT value FROM json_each($1)) ORDER BY attempt, created_at, id",
        )
        .bind(to_json(&applications)?)
        .fetch_all(self.0.reader())
        .await?;
        let verdict = |(application, status, fit_score, recommendation): (String, _, _, _)| {
            let verdict = Verdict {
                status,
                fit_score,
                recommendation,
            };
            Ok((from_word(&application)?, verdict))
        };
        // The latest comes last and stays.
        rows.into_iter().map(verdict).collect()
    }
}

#[async_trait]
impl AnalysisStore for SqliteAnalysisStore {
    async fn of_call(&self, call: &CallId) -> Result<Option<ScreeningAnalysis>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT body FROM analyses WHERE call_id = $1")
            .bind(call.as_str())
            .fetch_optional(self.0.reader())
            .await?;
        row.map(|(body,)| from_json(&body)).transpose()
    }

    async fn latest(&self, application: &ApplicationId) -> Result<Option<ScreeningAnalysis>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT body FROM analyses WHERE application_id = $1 ORDER BY attempt DESC, created_at DESC LIMIT 1",
        )
        .bind(application.as_str())
        .fetch_optional(self.0.reader())
        .await?;
        row.map(|(body,)| from_json(&body)).transpose()
    }

    async fn put(&self, analysis: &ScreeningAnalysis, event: Option<&AnalysisCompleted>) -> Result<(), StoreError> {
        let mut write = self.0.write().await?;
        if erased::is_marked(&mut write, analysis.application_id.as_str()).await? {
            return Ok(());
        }
        let stored = sqlx::query(
            "INSERT INTO analyses (id, application_id, call_id, status, body, created_at, completed_at, attempt)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (call_id) DO UPDATE
             SET status = excluded.status, body = excluded.body, completed_at = excluded.completed_at
             WHERE analyses.status <> 'withdrawn'
               AND (analyses.status NOT IN ('completed', 'insufficient_evidence')
                    OR excluded.status NOT IN ('running', 'failed'))",
        )
        .bind(analysis.id.as_str())
        .bind(analysis.application_id.as_str())
        .bind(analysis.call_id.as_str())
        .bind(to_word(&analysis.status)?)
        .bind(to_json(analysis)?)
        .bind(to_ms(analysis.created_at))
        .bind(analysis.completed_at.map(to_ms))
        .bind(analysis.attempt)
        .execute(&mut *write)
        .await?;
        if stored.rows_affected() == 0 {
            return Ok(());
        }
        if let (Some(event), Some(at)) = (event, analysis.completed_at) {
            let event = Event::new(ScreeningAnalysis::COMPLETED, analysis.id.as_str(), at, event);
            outbox::append(&mut write, &event).await?;
        }
        write.commit().await?;
        if event.is_some() {
            self.0.new_events().notify_one();
        }
        Ok(())
    }
}

/// Deletes the analyses of an application in the caller's transaction and tells their ids.
///
/// # Errors
/// When the database refuses.
pub async fn erase(write: &mut Write, application: &ApplicationId) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("DELETE FROM analyses WHERE application_id = $1 RETURNING id")
        .bind(application.as_str())
        .fetch_all(&mut **write)
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
