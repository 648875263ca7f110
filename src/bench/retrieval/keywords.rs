//! Search by words: FTS5 with its BM25, in memory.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{SqlitePool, query, query_as};

/// An index of texts by their places.
pub struct Keywords(SqlitePool);

impl Keywords {
    pub async fn index(texts: &[String]) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().in_memory(true);
        // One connection: the database lives and dies with it.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        let pool = pool.connect_with(options).await?;
        query("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')")
            .execute(&pool)
            .await?;
        let mut all = pool.begin().await?;
        for (place, text) in (0_i64..).zip(texts) {
            query("INSERT INTO texts (rowid, text) VALUES ($1, $2)")
                .bind(place)
                .bind(text)
                .execute(&mut *all)
                .await?;
        }
        all.commit().await?;
        Ok(Self(pool))
    }

    /// Places of the texts with any of the question's words, best first.
    pub async fn search(&self, question: &str, limit: usize) -> anyhow::Result<Vec<usize>> {
        let words: Vec<String> = question
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| format!("\"{word}\""))
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<(i64,)> = query_as("SELECT rowid FROM texts WHERE texts MATCH $1 ORDER BY bm25(texts) LIMIT $2")
            .bind(words.join(" OR "))
            .bind(i64::try_from(limit)?)
            .fetch_all(&self.0)
            .await?;
        found.into_iter().map(|(place,)| Ok(usize::try_from(place)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn words_are_found_without_their_accents() {
        let texts = ["Η ομάδα έχει εννέα άτομα", "The team has nine people", "Nine lives"].map(str::to_owned);
        let index = Keywords::index(&texts).await.expect("an index");
        assert_eq!(index.search("Πόσα άτομα έχει η ΟΜΑΔΑ;", 5).await.expect("found"), [0]);
        assert_eq!(index.search("nine people?", 5).await.expect("found"), [1, 2]);
        assert_eq!(index.search("?!", 5).await.expect("nothing"), Vec::<usize>::new());
    }
}
