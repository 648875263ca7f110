//! Delivers events to their subscribers: at least once, in the background, each subscriber on its own.
//!
//! An event waits in the outbox; the relay makes one job per subscriber of it; a job is claimed with a lease, tried
//! up to three times with growing pauses, and then laid aside as a dead letter that can be replayed.

pub mod queue;
pub mod retry;
pub mod runner;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::shared::events::Event;

/// Reacts to an event. The same event may come again: handling it twice must do no harm.
#[async_trait]
pub trait EventHandler: Send + Sync {
    /// # Errors
    /// Says whether another try makes sense.
    async fn handle(&self, event: &Event) -> Result<(), HandlerError>;

    /// Told once no other try will be made, with the last failure, which may be a panic, a timeout or a process that
    /// died: what waits for this subscriber can say so. A replay may still follow.
    ///
    /// # Errors
    /// It is logged, and the event becomes a dead letter all the same.
    async fn given_up(&self, _event: &Event, _failure: &str) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Why an event could not be handled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// It may work later.
    #[error("{0}")]
    Retry(String),
    /// Likewise, and whoever is waited for says after how long.
    #[error("{0}")]
    RetryAfter(String, Duration),
    /// It will never work.
    #[error("{0}")]
    Fail(String),
}

impl From<crate::shared::errors::StoreError> for HandlerError {
    fn from(error: crate::shared::errors::StoreError) -> Self {
        Self::Retry(error.to_string())
    }
}

/// Who wants to know of which event.
#[derive(Clone)]
pub struct Subscription {
    /// Name of the event, e.g. `CallFinished`.
    pub event: &'static str,
    /// Name of the subscriber, stable over releases, e.g. `analyse-call`.
    pub subscriber: &'static str,
    pub handler: Arc<dyn EventHandler>,
}
