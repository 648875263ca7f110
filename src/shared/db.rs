//! The embedded database: one file, one writer, several readers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::Notify;

use crate::shared::errors::StoreError;

/// How long a statement waits for a lock or a connection before it fails.
const BUSY: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

/// A transaction that may write; dropped without `commit` it changes nothing.
pub type Write = Transaction<'static, Sqlite>;

/// The open database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    reader: SqlitePool,
    writer: SqlitePool,
    new_events: Arc<Notify>,
}

impl Db {
    /// Opens or creates the database file and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or a migration fails.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        create_private(file).map_err(|e| StoreError::Database(format!("{}: {e}", file.display())))?;
        let db = Self::open_existing(file).await?;
        let writer = &db.writer;
        let older = was_made_before_erasing(writer).await?;
        sqlx::migrate!("migrations/sqlite")
            .run(writer)
            .await
            .map_err(|e| StoreError::Database(e.to_string()))?;
        if older {
            // Its free pages still hold what was deleted before deleting overwrote.
            sqlx::query("VACUUM").execute(writer).await?;
        }
        Ok(db)
    }

    /// Opens a database file as it is.
    ///
    /// # Errors
    /// When it is not there or no database.
    pub async fn open_existing(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a sentence that was acknowledged as stored survives a power cut, not just a killed
            // process. A call writes a few rows a second, so the extra flush is not felt.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            // What is deleted is overwritten, not just no longer listed.
            .pragma("secure_delete", "ON")
            .optimize_on_close(true, None);
        // SQLite has one writer at a time; queueing for the one connection is fair, its file lock is not.
        let pool = |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(BUSY);
        let writer = pool(1).connect_with(options.clone()).await?;
        let reader = pool(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self {
            reader,
            writer,
            new_events: Arc::default(),
        })
    }

    /// Whether the file can be written: that shows at the first change only. Nothing of it stays.
    ///
    /// # Errors
    /// When it cannot, or somebody else writes for longer than a statement waits.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query("CREATE TABLE a_try (x INTEGER)")
            .execute(&mut *write)
            .await?;
        Ok(write.rollback().await?)
    }

    /// Where to read. Sees everything committed before the statement starts.
    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// Starts a writing transaction. It takes the write lock at once, so that what it reads cannot change
    /// before it writes.
    pub async fn write(&self) -> Result<Write, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Woken when events may wait in the outbox. Whoever commits one notifies; a missed wake-up costs a poll.
    pub fn new_events(&self) -> &Notify {
        &self.new_events
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Makes what was deleted unreadable in the files: deleting overwrites the pages, and this the log that still holds
    /// them as they were.
    ///
    /// # Errors
    /// When somebody reads for longer than a statement waits; it can be tried again.
    pub async fn wipe_deleted(&self) -> Result<(), StoreError> {
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.writer)
            .await?;
        if busy != 0 {
            return Err(StoreError::Database("the log is being read".to_owned()));
        }
        Ok(())
    }

    /// Closes all connections; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Whether this is a database of a version that did not overwrite what it deleted.
async fn was_made_before_erasing(writer: &SqlitePool) -> Result<bool, StoreError> {
    let (tables, erasing): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE name = 'erased') FROM sqlite_schema WHERE type = 'table'",
    )
    .fetch_one(writer)
    .await?;
    Ok(tables > 0 && erasing == 0)
}

/// Makes the file where there is none, for its owner alone: what candidates said is in it. SQLite gives the log beside
/// it the same mode.
fn create_private(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Conflict("it exists already".to_owned()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

/// A time as it is stored: Unix milliseconds.
pub fn to_ms(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

/// A stored time.
pub fn from_ms(ms: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(ms).ok_or_else(|| StoreError::Damaged(format!("{ms} is no time")))
}

/// A value as stored JSON.
pub fn to_json(value: &(impl serde::Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Database(e.to_string()))
}

/// A value from stored JSON.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Damaged(e.to_string()))
}

/// A value written as a plain word, such as an id or a status.
pub fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, StoreError> {
    serde_json::from_value(word.into()).map_err(|e| StoreError::Damaged(e.to_string()))
}

/// The plain word of a value that serializes as one, such as a status.
pub fn to_word(value: &impl serde::Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(StoreError::Database(format!("not a word: {other:?}"))),
    }
}
