//! Calls and transcripts in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tracing::warn;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::call::{CallFinished, ScreeningCall};
use crate::screening::calls::domain::interviewer::Flag;
use crate::screening::calls::domain::ports::Recordings;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::status::CallStatus;
use crate::screening::calls::domain::store::{CallEvent, CallStore};
use crate::screening::shared::ids::{ApplicationId, CallId};
use crate::shared::clock::Clock;
use crate::shared::db::{Db, Write, from_json, from_ms, from_word, to_json, to_ms, to_word};
use crate::shared::erased;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::outbox;

/// Calls in SQLite.
#[derive(Clone)]
pub struct SqliteCallStore {
    db: Db,
    clock: Arc<dyn Clock>,
    recordings: Option<Arc<dyn Recordings>>,
}

impl SqliteCallStore {
    /// The clock dates the log.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self {
            db,
            clock,
            recordings: None,
        }
    }

    /// Deletes recordings with transcripts.
    #[must_use]
    pub fn with_recordings(mut self, recordings: Arc<dyn Recordings>) -> Self {
        self.recordings = Some(recordings);
        self
    }

    async fn append(&self, write: &mut Write, call: &CallId, kind: &str, data: &Value) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO call_events (call_id, time, kind, data) VALUES ($1, $2, $3, $4)")
            .bind(call.as_str())
            .bind(to_ms(self.clock.now()))
            .bind(kind)
            .bind(to_json(data)?)
            .execute(&mut **write)
            .await?;
        Ok(())
    }

    /// Stores what can change in a call that is not final, and logs a changed status. False when it is final.
    async fn update(&self, write: &mut Write, call: &ScreeningCall) -> Result<bool, StoreError> {
        let before: Option<(String,)> = sqlx::query_as("SELECT status FROM calls WHERE id = $1")
            .bind(call.id.as_str())
            .fetch_optional(&mut **write)
            .await?;
        let Some((before,)) = before else {
            return Err(StoreError::Conflict("the call is not stored".to_owned()));
        };
        let changed = sqlx::query(
            "UPDATE calls SET status = $2, end_reason = $3, started_at = $4, ended_at = $5, media_ms = $6,
                              coverage = $7, engine = $8
             WHERE id = $1 AND status IN ('created', 'ready', 'in_progress', 'paused', 'reconnecting')",
        )
        .bind(call.id.as_str())
        .bind(call.status().as_str())
        .bind(call.end_reason().as_ref().map(to_word).transpose()?)
        .bind(call.started_at.map(to_ms))
        .bind(call.ended_at.map(to_ms))
        .bind(to_integer(call.media_ms)?)
        .bind(to_json(&call.coverage)?)
        .bind(to_json(&call.engine)?)
        .execute(&mut **write)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        if before != call.status().as_str() {
            let data = json!({ "from": before, "to": call.status(), "end_reason": call.end_reason() });
            self.append(write, &call.id, "status", &data).await?;
        }
        Ok(true)
    }
}

#[async_trait]
impl CallStore for SqliteCallStore {
    async fn insert(&self, call: &ScreeningCall) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        erased::refuse(&mut write, call.application_id.as_str()).await?;
        sqlx::query(
            "INSERT INTO calls (id, application_id, attempt, plan_version, status, end_reason, created_at, started_at,
                                ended_at, media_ms, coverage, engine)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(call.id.as_str())
        .bind(call.application_id.as_str())
        .bind(call.attempt)
        .bind(call.plan_version)
        .bind(call.status().as_str())
        .bind(call.end_reason().as_ref().map(to_word).transpose()?)
        .bind(to_ms(call.created_at))
        .bind(call.started_at.map(to_ms))
        .bind(call.ended_at.map(to_ms))
        .bind(to_integer(call.media_ms)?)
        .bind(to_json(&call.coverage)?)
        .bind(to_json(&call.engine)?)
        .execute(&mut *write)
        .await?;
        self.append(
            &mut write,
            &call.id,
            "status",
            &json!({ "from": null, "to": call.status() }),
        )
        .await?;
        Ok(write.commit().await?)
    }

    async fn find(&self, id: &CallId) -> Result<Option<ScreeningCall>, StoreError> {
        let row = sqlx::query("SELECT * FROM calls WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db.reader())
            .await?;
        row.as_ref().map(call).transpose()
    }

    async fn of_application(&self, application: &ApplicationId) -> Result<Vec<ScreeningCall>, StoreError> {
        let rows = sqlx::query("SELECT * FROM calls WHERE application_id = $1 ORDER BY attempt")
            .bind(application.as_str())
            .fetch_all(self.db.reader())
            .await?;
        rows.iter().map(call).collect()
    }

    async fn unfinished(&self) -> Result<Vec<ScreeningCall>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM calls WHERE status IN ('created', 'ready', 'in_progress', 'paused', 'reconnecting') ORDER BY id",
        )
        .fetch_all(self.db.reader())
        .await?;
        // One that cannot be read keeps nobody from the others.
        let readable = rows.iter().filter_map(|row| {
            let id: &str = row.try_get("id").unwrap_or_default();
            call(row)
                .inspect_err(|error| warn!(call.id = id, %error, "a stored call cannot be read; it is left as it is"))
                .ok()
        });
        Ok(readable.collect())
    }

    async fn save(&self, call: &ScreeningCall) -> Result<(), StoreError> {
        if call.status().is_final() {
            return Err(StoreError::Conflict("a call ends together with its event".to_owned()));
        }
        let mut write = self.db.write().await?;
        if !self.update(&mut write, call).await? {
            return Err(StoreError::Conflict("the call is over".to_owned()));
        }
        Ok(write.commit().await?)
    }

    async fn put_segment(&self, call: &CallId, segment: &TranscriptSegment) -> Result<(), StoreError> {
        let mut detail = as_object(segment)?;
        let words = detail.remove("words").unwrap_or_default();
        for column in ["id", "speaker", "text", "start_ms", "end_ms"] {
            detail.remove(column);
        }
        let mut write = self.db.write().await?;
        let stored = sqlx::query(
            "INSERT INTO segments (id, call_id, speaker, text, start_ms, end_ms, words, detail)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
             WHERE NOT EXISTS (SELECT 1 FROM calls WHERE id = $2 AND end_reason = 'consent_withdrawn')
             ON CONFLICT (id) DO UPDATE SET text = excluded.text, start_ms = excluded.start_ms,
                 end_ms = excluded.end_ms, words = excluded.words, detail = excluded.detail",
        )
        .bind(segment.id.as_str())
        .bind(call.as_str())
        .bind(to_word(&segment.speaker)?)
        .bind(&segment.text)
        .bind(to_integer(segment.start_ms.ms())?)
        .bind(to_integer(segment.end_ms.ms())?)
        .bind(to_json(&words)?)
        .bind(to_json(&detail)?)
        .execute(&mut *write)
        .await?;
        if stored.rows_affected() == 0 {
            return Err(StoreError::Conflict("consent was withdrawn".to_owned()));
        }
        Ok(write.commit().await?)
    }

    async fn transcript(&self, call: &CallId) -> Result<Vec<TranscriptSegment>, StoreError> {
        let rows = sqlx::query("SELECT * FROM segments WHERE call_id = $1 ORDER BY start_ms, rowid")
            .bind(call.as_str())
            .fetch_all(self.db.reader())
            .await?;
        rows.iter().map(segment).collect()
    }

    async fn finish(&self, call: &ScreeningCall, event: &CallFinished) -> Result<bool, StoreError> {
        if !call.status().is_final() {
            return Err(StoreError::Conflict("the call is not over".to_owned()));
        }
        let mut write = self.db.write().await?;
        if !self.update(&mut write, call).await? {
            return Ok(false);
        }
        let time = call.ended_at.unwrap_or_else(|| self.clock.now());
        outbox::append(
            &mut write,
            &Event::new(ScreeningCall::FINISHED, call.id.as_str(), time, event),
        )
        .await?;
        write.commit().await?;
        self.db.new_events().notify_one();
        Ok(true)
    }

    async fn purge_transcript(&self, call: &CallId) -> Result<(), StoreError> {
        // First what cannot be rolled back: when it fails, all of it is tried again.
        if let Some(recordings) = &self.recordings {
            recordings.purge(call).await?;
        }
        let mut write = self.db.write().await?;
        sqlx::query("DELETE FROM segments WHERE call_id = $1")
            .bind(call.as_str())
            .execute(&mut *write)
            .await?;
        // What the log says besides the call's course may quote the candidate. An older mark makes way for the new one.
        sqlx::query("DELETE FROM call_events WHERE call_id = $1 AND kind <> 'status'")
            .bind(call.as_str())
            .execute(&mut *write)
            .await?;
        self.append(&mut write, call, "purged", &Value::Null).await?;
        Ok(write.commit().await?)
    }

    async fn put_flag(&self, call: &CallId, flag: &Flag, at: CallTime) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        self.append(&mut write, call, "flag", &json!({ "at_ms": at, "flag": flag }))
            .await?;
        Ok(write.commit().await?)
    }

    async fn log_of(&self, call: &CallId) -> Result<Vec<CallEvent>, StoreError> {
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT time, kind, data FROM call_events WHERE call_id = $1 ORDER BY position")
                .bind(call.as_str())
                .fetch_all(self.db.reader())
                .await?;
        rows.into_iter()
            .map(|(time, kind, data)| {
                Ok(CallEvent {
                    time: from_ms(time)?,
                    kind,
                    data: from_json(&data)?,
                })
            })
            .collect()
    }
}

/// Deletes the calls of an application and all that was said in them, in the caller's transaction, and tells their
/// ids. Their recordings are left to whoever commits.
///
/// # Errors
/// Conflict while one of them can still go on.
pub async fn erase(write: &mut Write, application: &ApplicationId) -> Result<Vec<CallId>, StoreError> {
    // What was said and what happened goes with the call.
    let rows: Vec<(String, String)> =
        sqlx::query_as("DELETE FROM calls WHERE application_id = $1 RETURNING id, status")
            .bind(application.as_str())
            .fetch_all(&mut **write)
            .await?;
    rows.iter()
        .map(|(id, status)| {
            if from_word::<CallStatus>(status)?.is_final() {
                from_word(id)
            } else {
                Err(StoreError::Conflict("the interview is not over".to_owned()))
            }
        })
        .collect()
}

fn call(row: &SqliteRow) -> Result<ScreeningCall, StoreError> {
    let end_reason = row
        .try_get::<Option<&str>, _>("end_reason")?
        .map(from_word)
        .transpose()?;
    let mut call = ScreeningCall::ready(
        from_word(row.try_get("application_id")?)?,
        row.try_get("attempt")?,
        row.try_get("plan_version")?,
        from_json(row.try_get("coverage")?)?,
        from_ms(row.try_get("created_at")?)?,
    );
    call.id = from_word(row.try_get("id")?)?;
    call.started_at = row.try_get::<Option<i64>, _>("started_at")?.map(from_ms).transpose()?;
    call.ended_at = row.try_get::<Option<i64>, _>("ended_at")?.map(from_ms).transpose()?;
    call.media_ms = row.try_get::<i64, _>("media_ms")?.cast_unsigned();
    call.engine = from_json(row.try_get("engine")?)?;
    Ok(call.restore(from_word(row.try_get("status")?)?, end_reason))
}

fn segment(row: &SqliteRow) -> Result<TranscriptSegment, StoreError> {
    let mut all: Map<String, Value> = from_json(row.try_get("detail")?)?;
    for column in ["id", "speaker", "text"] {
        all.insert(column.to_owned(), row.try_get::<String, _>(column)?.into());
    }
    for column in ["start_ms", "end_ms"] {
        all.insert(column.to_owned(), row.try_get::<i64, _>(column)?.into());
    }
    all.insert("words".to_owned(), from_json(row.try_get("words")?)?);
    serde_json::from_value(Value::Object(all)).map_err(|e| StoreError::Damaged(e.to_string()))
}

fn as_object(segment: &TranscriptSegment) -> Result<Map<String, Value>, StoreError> {
    match serde_json::to_value(segment) {
        Ok(Value::Object(fields)) => Ok(fields),
        other => Err(StoreError::Database(format!("a segment is not an object: {other:?}"))),
    }
}

fn to_integer(ms: u64) -> Result<i64, StoreError> {
    i64::try_from(ms).map_err(|_| StoreError::Database(format!("{ms} ms do not fit")))
}
