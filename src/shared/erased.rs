//! What was erased stays erased: whoever was still at work for it finds its id here and stores nothing.

use chrono::{DateTime, Utc};

use crate::shared::db::{Write, to_ms};
use crate::shared::errors::StoreError;

/// Notes in the caller's transaction that the data of an application or candidate was erased.
///
/// # Errors
/// When the database refuses.
pub async fn mark(write: &mut Write, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO erased (id, erased_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(to_ms(now))
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Whether that was noted. Asked in the transaction that stores something, it cannot change before that is stored.
///
/// # Errors
/// When the database refuses.
pub async fn is_marked(write: &mut Write, id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM erased WHERE id = $1)")
        .bind(id)
        .fetch_one(&mut **write)
        .await?)
}

/// Stops a caller who would store something for what was erased.
///
/// # Errors
/// Conflict where that was noted.
pub async fn refuse(write: &mut Write, id: &str) -> Result<(), StoreError> {
    if is_marked(write, id).await? {
        return Err(StoreError::Conflict("its data was erased".to_owned()));
    }
    Ok(())
}
