//! Events leave with the transaction that caused them: both are stored, or neither.

use crate::shared::db::{Write, to_json, to_ms};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;

/// Stores an event in the caller's transaction. The job runner takes it from there once that is committed.
///
/// # Errors
/// When the database refuses; the caller then gives its transaction up.
pub async fn append(write: &mut Write, event: &Event) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO outbox (id, name, subject, time, data) VALUES ($1, $2, $3, $4, $5)")
        .bind(event.id.as_str())
        .bind(&event.name)
        .bind(&event.subject)
        .bind(to_ms(event.time))
        .bind(to_json(&event.data)?)
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Deletes in the caller's transaction what was told about these subjects, and the jobs that came of it.
///
/// # Errors
/// When the database refuses.
pub async fn erase(write: &mut Write, subjects: &[&str]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE subject IN (SELECT value FROM json_each($1))")
        .bind(to_json(subjects)?)
        .execute(&mut **write)
        .await?;
    Ok(())
}
