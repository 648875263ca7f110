//! Kept answers in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use sqlx::Row as _;

use crate::shared::clock::Clock;
use crate::shared::db::{Db, Write, to_ms};
use crate::shared::erased;
use crate::shared::errors::StoreError;
use crate::shared::llm::Purpose;
use crate::shared::llm::cached::{KeptReply, ReplyStore};

/// Older answers are not given any more: retries and replays come sooner.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);

/// Answers in SQLite.
pub struct SqliteReplies {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    /// Answers kept at most.
    pub entries: u32,
}

#[async_trait]
impl ReplyStore for SqliteReplies {
    async fn find(&self, key: &str) -> Result<Option<KeptReply>, StoreError> {
        let row = sqlx::query("SELECT reply FROM llm_replies WHERE key = $1 AND stored > $2")
            .bind(key)
            .bind(to_ms(self.clock.now() - KEPT_FOR))
            .fetch_optional(self.db.reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let text: String = row.try_get("reply")?;
        let reply = serde_json::from_str(&text).map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(Some(reply))
    }

    async fn keep(
        &self,
        key: &str,
        purpose: Purpose,
        subject: Option<&str>,
        reply: &KeptReply,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let text = serde_json::to_string(reply).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let mut write = self.db.write().await?;
        if let Some(subject) = subject
            && erased::is_marked(&mut write, subject).await?
        {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO llm_replies (key, subject, purpose, reply, stored) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (key) DO UPDATE SET subject = excluded.subject, reply = excluded.reply, stored = excluded.stored",
        )
        .bind(key)
        .bind(subject)
        .bind(purpose.as_str())
        .bind(text)
        .bind(to_ms(now))
        .execute(&mut *write)
        .await?;
        sqlx::query(
            "DELETE FROM llm_replies WHERE stored <= $1 OR key NOT IN
                 (SELECT key FROM llm_replies ORDER BY stored DESC, rowid DESC LIMIT $2)",
        )
        .bind(to_ms(now - KEPT_FOR))
        .bind(self.entries)
        .execute(&mut *write)
        .await?;
        Ok(write.commit().await?)
    }

    async fn forget(&self, subject: &str) -> Result<(), StoreError> {
        let mut write = self.db.write().await?;
        erase(&mut write, subject).await?;
        Ok(write.commit().await?)
    }
}

/// Deletes what was kept for a subject, in the caller's transaction.
///
/// # Errors
/// When the database refuses.
pub async fn erase(write: &mut Write, subject: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM llm_replies WHERE subject = $1")
        .bind(subject)
        .execute(&mut **write)
        .await?;
    Ok(())
}
