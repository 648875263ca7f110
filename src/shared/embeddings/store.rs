//! Vectors in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::shared::db::{Db, Write, to_ms};
use crate::shared::embeddings::EmbeddingModel;
use crate::shared::embeddings::set::{EmbeddingSet, EmbeddingStore};
use crate::shared::erased;
use crate::shared::errors::StoreError;

/// Vectors in SQLite.
pub struct SqliteEmbeddingStore(pub Db);

#[async_trait]
impl EmbeddingStore for SqliteEmbeddingStore {
    async fn put(&self, owner: &str, set: &EmbeddingSet, now: DateTime<Utc>) -> Result<(), StoreError> {
        let model = set.model();
        let dimension = i64::try_from(model.dimension).map_err(|e| StoreError::Database(e.to_string()))?;
        let mut write = self.0.write().await?;
        if erased::is_marked(&mut write, owner).await? {
            return Ok(());
        }
        erase(&mut write, owner).await?;
        sqlx::query(
            "INSERT INTO embedding_sets (owner, model, dimension, content_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(owner)
        .bind(&model.name)
        .bind(dimension)
        .bind(set.content_hash())
        .bind(to_ms(now))
        .execute(&mut *write)
        .await?;
        for (position, (field, vector)) in (0_i64..).zip(set.vectors()) {
            sqlx::query(
                "INSERT INTO embedding_vectors (owner, dimension, position, field, vector) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(owner)
            .bind(dimension)
            .bind(position)
            .bind(field)
            .bind(to_bytes(vector))
            .execute(&mut *write)
            .await?;
        }
        Ok(write.commit().await?)
    }

    async fn of(&self, owner: &str) -> Result<Option<EmbeddingSet>, StoreError> {
        // One statement, so that a set that is being replaced is seen whole.
        type Row = (String, u32, String, Option<String>, Option<Vec<u8>>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT s.model, s.dimension, s.content_hash, v.field, v.vector
             FROM embedding_sets s LEFT JOIN embedding_vectors v ON v.owner = s.owner
             WHERE s.owner = $1 ORDER BY v.position",
        )
        .bind(owner)
        .fetch_all(self.0.reader())
        .await?;
        let Some((name, dimension, hash, ..)) = rows.first() else {
            return Ok(None);
        };
        let model = EmbeddingModel {
            name: name.clone(),
            dimension: *dimension as usize,
        };
        let hash = hash.clone();
        let vectors = rows.iter().filter_map(|(.., field, vector)| {
            let (field, vector) = (field.as_ref()?, vector.as_ref()?);
            Some((field.clone(), from_bytes(vector)))
        });
        EmbeddingSet::restore(model, hash, vectors.collect())
            .map(Some)
            .map_err(|e| StoreError::Damaged(e.to_string()))
    }

    async fn remove(&self, owner: &str) -> Result<(), StoreError> {
        let mut write = self.0.write().await?;
        erase(&mut write, owner).await?;
        Ok(write.commit().await?)
    }

    async fn models(&self) -> Result<Vec<(EmbeddingModel, u64)>, StoreError> {
        let rows: Vec<(String, u32, u32)> = sqlx::query_as(
            "SELECT model, dimension, count(*) FROM embedding_sets GROUP BY model, dimension ORDER BY count(*) DESC, model",
        )
        .fetch_all(self.0.reader())
        .await?;
        let model = |(name, dimension, sets): (String, u32, u32)| {
            let dimension = dimension as usize;
            (EmbeddingModel { name, dimension }, u64::from(sets))
        };
        Ok(rows.into_iter().map(model).collect())
    }
}

/// Deletes the vectors of an owner in the caller's transaction.
///
/// # Errors
/// When the database refuses.
pub async fn erase(write: &mut Write, owner: &str) -> Result<(), StoreError> {
    // Its vectors go with it.
    sqlx::query("DELETE FROM embedding_sets WHERE owner = $1")
        .bind(owner)
        .execute(&mut **write)
        .await?;
    Ok(())
}

fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}
