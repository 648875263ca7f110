//! The queue's tables: relaying events to jobs, claiming, finishing, dead letters.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::shared::db::{Db, from_json, from_ms, from_word, to_json, to_ms};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::ids::JobId;
use crate::shared::jobs::retry::MAX_ATTEMPTS;

/// A job that was claimed: its lease runs.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    pub id: JobId,
    pub subscriber: String,
    /// Counts this try; 1 is the first.
    pub attempt: u32,
    pub event: Event,
}

/// A job that failed for good and waits for somebody to look at it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct DeadLetter {
    pub id: JobId,
    /// Name of the event, e.g. `CallFinished`.
    pub event: String,
    /// The id of what the event is about.
    pub subject: String,
    pub subscriber: String,
    pub attempts: u32,
    pub last_error: String,
    pub failed_at: DateTime<Utc>,
}

/// Makes one job per subscriber of every event that waits in the outbox. Returns the number of events.
pub async fn relay(db: &Db, subscribers: &BTreeMap<&str, Vec<&str>>, now: DateTime<Utc>) -> Result<usize, StoreError> {
    const WAITING: &str = "SELECT id, name FROM outbox WHERE relayed_at IS NULL ORDER BY position LIMIT 100";
    // Looked up without the write lock first: usually nothing waits.
    let waiting: Vec<(String, String)> = sqlx::query_as(WAITING).fetch_all(db.reader()).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let mut write = db.write().await?;
    for (event_id, name) in &waiting {
        for subscriber in subscribers.get(name.as_str()).into_iter().flatten() {
            sqlx::query(
                "INSERT INTO jobs (id, event_id, subscriber, status, run_at) VALUES ($1, $2, $3, 'pending', $4)
                 ON CONFLICT (event_id, subscriber) DO NOTHING",
            )
            .bind(JobId::generate().as_str())
            .bind(event_id)
            .bind(*subscriber)
            .bind(to_ms(now))
            .execute(&mut *write)
            .await?;
        }
        sqlx::query("UPDATE outbox SET relayed_at = $2 WHERE id = $1")
            .bind(event_id)
            .bind(to_ms(now))
            .execute(&mut *write)
            .await?;
    }
    write.commit().await?;
    Ok(waiting.len())
}

/// The jobs whose workers died or hung on the last try that was left, with the failure before. They are nobody's: who
/// finds them gives them up.
pub async fn abandoned(db: &Db, now: DateTime<Utc>) -> Result<Vec<(ClaimedJob, String)>, StoreError> {
    type Row = (String, String, String, u32, String, String, i64, String, Option<String>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT j.id, j.event_id, j.subscriber, j.attempts, o.name, o.subject, o.time, o.data, j.last_error
         FROM jobs j JOIN outbox o ON o.id = j.event_id
         WHERE j.status = 'running' AND j.lease_until <= $1 AND j.attempts >= $2 LIMIT 100",
    )
    .bind(to_ms(now))
    .bind(MAX_ATTEMPTS)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(
            |(id, event, subscriber, attempt, name, subject, time, data, last_error)| {
                let event = Event {
                    id: from_word(&event)?,
                    name,
                    subject,
                    time: from_ms(time)?,
                    data: from_json(&data)?,
                };
                let job = ClaimedJob {
                    id: from_word(&id)?,
                    subscriber,
                    attempt,
                    event,
                };
                Ok((job, last_error.unwrap_or_else(|| "the worker stopped".to_owned())))
            },
        )
        .collect()
}

/// Takes the job that is due longest, also one whose lease ran out with its worker while it has tries left. Jobs of
/// `busy` subscribers wait.
pub async fn claim(
    db: &Db,
    now: DateTime<Utc>,
    lease: Duration,
    busy: &[String],
) -> Result<Option<ClaimedJob>, StoreError> {
    let mut write = db.write().await?;
    let row: Option<(String, String, String, u32)> = sqlx::query_as(
        "UPDATE jobs SET status = 'running', attempts = attempts + 1, lease_until = $2
         WHERE id = (SELECT id FROM jobs
                     WHERE ((status = 'pending' AND run_at <= $1)
                            OR (status = 'running' AND lease_until <= $1 AND attempts < $4))
                       AND subscriber NOT IN (SELECT value FROM json_each($3))
                     ORDER BY run_at, id LIMIT 1)
         RETURNING id, event_id, subscriber, attempts",
    )
    .bind(to_ms(now))
    .bind(to_ms(now + lease))
    .bind(to_json(busy)?)
    .bind(MAX_ATTEMPTS)
    .fetch_optional(&mut *write)
    .await?;
    let Some((id, event_id, subscriber, attempt)) = row else {
        write.commit().await?;
        return Ok(None);
    };
    let (name, subject, time, data): (String, String, i64, String) =
        sqlx::query_as("SELECT name, subject, time, data FROM outbox WHERE id = $1")
            .bind(&event_id)
            .fetch_one(&mut *write)
            .await?;
    write.commit().await?;
    let event = Event {
        id: from_word(&event_id)?,
        name,
        subject,
        time: from_ms(time)?,
        data: from_json(&data)?,
    };
    Ok(Some(ClaimedJob {
        id: from_word(&id)?,
        subscriber,
        attempt,
        event,
    }))
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    RetryAt(DateTime<Utc>, String),
    Dead(String),
    /// The server stopped under it: the try does not count.
    Interrupted,
}

/// Writes down how a try ended. Nothing happens when the lease ran out and the job is somebody else's by now.
pub async fn settle(db: &Db, job: &ClaimedJob, outcome: &Outcome, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (status, run_at, error, finished_at) = match outcome {
        Outcome::Done => ("done", now, None, Some(to_ms(now))),
        Outcome::RetryAt(time, error) => ("pending", *time, Some(error), None),
        Outcome::Dead(error) => ("dead", now, Some(error), Some(to_ms(now))),
        Outcome::Interrupted => ("pending", now, None, None),
    };
    let given_back = u32::from(*outcome == Outcome::Interrupted);
    let mut write = db.write().await?;
    sqlx::query(
        "UPDATE jobs SET status = $3, run_at = $4, last_error = $5, finished_at = $6, lease_until = NULL,
             attempts = attempts - $7
         WHERE id = $1 AND attempts = $2 AND status = 'running'",
    )
    .bind(job.id.as_str())
    .bind(job.attempt)
    .bind(status)
    .bind(to_ms(run_at))
    .bind(error)
    .bind(finished_at)
    .bind(given_back)
    .execute(&mut *write)
    .await?;
    write.commit().await?;
    Ok(())
}

/// Gives up the leases of a process that is gone. Only for the start of the one process that uses the file.
pub async fn release_leases(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut write = db.write().await?;
    let released = sqlx::query("UPDATE jobs SET lease_until = $1 WHERE status = 'running'")
        .bind(to_ms(now))
        .execute(&mut *write)
        .await?;
    write.commit().await?;
    Ok(released.rows_affected())
}

/// Deletes events that were delivered to everybody before `then`, with their jobs; dead letters stay, and their events.
/// Takes some hundred at a time, so that nobody waits long for the database; gives how many it took.
pub async fn prune(db: &Db, then: DateTime<Utc>) -> Result<u64, StoreError> {
    const OLD: &str = "SELECT id FROM outbox WHERE relayed_at < $1 AND NOT EXISTS
        (SELECT 1 FROM jobs WHERE event_id = outbox.id AND (status <> 'done' OR finished_at >= $1)) LIMIT 200";
    // Looked up without the write lock first: what is delivered stays so.
    let old: Vec<(String,)> = sqlx::query_as(OLD).bind(to_ms(then)).fetch_all(db.reader()).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let ids: Vec<String> = old.into_iter().map(|(id,)| id).collect();
    let mut write = db.write().await?;
    // The jobs go with their events.
    let pruned = sqlx::query("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each($1))")
        .bind(to_json(&ids)?)
        .execute(&mut *write)
        .await?;
    write.commit().await?;
    Ok(pruned.rows_affected())
}

/// Whether a job can be claimed. Looked up before [`claim`] takes the write lock.
pub async fn is_due(db: &Db, now: DateTime<Utc>, busy: &[String]) -> Result<bool, StoreError> {
    let (due,): (bool,) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM jobs
             WHERE ((status = 'pending' AND run_at <= $1) OR (status = 'running' AND lease_until <= $1))
               AND subscriber NOT IN (SELECT value FROM json_each($2)))",
    )
    .bind(to_ms(now))
    .bind(to_json(busy)?)
    .fetch_one(db.reader())
    .await?;
    Ok(due)
}

/// A place in the list of dead letters: one that was replayed meanwhile is a place all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    failed_at: DateTime<Utc>,
    id: JobId,
}

impl Place {
    /// Where this one stands.
    pub fn of(letter: &DeadLetter) -> Self {
        Self {
            failed_at: letter.failed_at,
            id: letter.id.clone(),
        }
    }

    /// Reads what [`Place`] is written as; none where it is no such thing.
    pub fn parse(text: &str) -> Option<Self> {
        let (failed_at, id) = text.split_once('.')?;
        Some(Self {
            failed_at: from_ms(failed_at.parse().ok()?).ok()?,
            id: JobId::parse(id).ok()?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", to_ms(self.failed_at), self.id)
    }
}

/// Jobs that failed for good, newest first: the first of them, or those behind a place.
pub async fn dead_letters(db: &Db, limit: u32, after: Option<&Place>) -> Result<Vec<DeadLetter>, StoreError> {
    type Row = (String, String, String, String, u32, Option<String>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT j.id, o.name, o.subject, j.subscriber, j.attempts, j.last_error, j.finished_at
         FROM jobs j JOIN outbox o ON o.id = j.event_id
         WHERE j.status = 'dead' AND ($1 IS NULL OR (j.finished_at, j.id) < ($1, $2))
         ORDER BY j.finished_at DESC, j.id DESC LIMIT $3",
    )
    .bind(after.map(|place| to_ms(place.failed_at)))
    .bind(after.map(|place| place.id.as_str()))
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(|(id, event, subject, subscriber, attempts, last_error, failed_at)| {
            Ok(DeadLetter {
                id: from_word(&id)?,
                event,
                subject,
                subscriber,
                attempts,
                last_error: last_error.unwrap_or_default(),
                failed_at: from_ms(failed_at)?,
            })
        })
        .collect()
}

/// Gives a dead letter its three tries again. False when there is no such dead letter.
pub async fn replay(db: &Db, id: &JobId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut write = db.write().await?;
    let revived = sqlx::query(
        "UPDATE jobs SET status = 'pending', attempts = 0, run_at = $2, finished_at = NULL
         WHERE id = $1 AND status = 'dead'",
    )
    .bind(id.as_str())
    .bind(to_ms(now))
    .execute(&mut *write)
    .await?;
    write.commit().await?;
    Ok(revived.rows_affected() == 1)
}
