//! Error kinds that several contexts share.

use std::time::Duration;

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

/// Why a service that Emma depends on gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("it did not answer in time")]
    TimedOut,
    /// It wants to be left alone for a while.
    #[error("it is overloaded")]
    Overloaded { retry_after: Option<Duration> },
    #[error("it cannot be reached")]
    Unreachable,
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
    /// What it said, without its words: they are not ours to pass on.
    #[error("{0}")]
    Failed(String),
}
