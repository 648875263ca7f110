//! Error kinds that several contexts share.

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The stored state does not allow it (already exists, already final).
    #[error("conflict: {0}")]
    Conflict(String),
    #[error("database: {0}")]
    Database(String),
    /// Something stored cannot be read back.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}
