//! Ends calls from outside, and forgets what was said where the candidate withdrew consent.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tracing::warn;

use crate::screening::calls::application::diary;
use crate::screening::calls::application::service::CallService;
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::calls::domain::store::CallStore;
use crate::screening::shared::ids::ApplicationId;
use crate::shared::clock::Clock;
use crate::shared::errors::StoreError;

/// How long a running session has to store its end, in looks at the store.
const LOOKS: u32 = 30;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Ends calls, also those that run.
#[async_trait]
pub trait CallEnder: Send + Sync {
    /// Ends the call of an application, at once or soon.
    async fn end(&self, application: &ApplicationId, reason: EndReason) -> Result<(), StoreError>;
}

#[async_trait]
impl CallEnder for CallService {
    async fn end(&self, application: &ApplicationId, reason: EndReason) -> Result<(), StoreError> {
        Self::end(self, application, reason).await.map(drop)
    }
}

/// Ends the open call, if any, and waits a moment for that.
///
/// # Errors
/// When the store fails.
pub async fn call_off(
    store: &dyn CallStore,
    ender: &dyn CallEnder,
    application: &ApplicationId,
) -> Result<(), StoreError> {
    let is_over = async || -> Result<bool, StoreError> {
        let calls = store.of_application(application).await?;
        Ok(calls.iter().all(|call| call.status().is_final()))
    };
    if is_over().await? {
        return Ok(());
    }
    ender.end(application, EndReason::RecruiterCancelled).await?;
    for _ in 0..LOOKS {
        if is_over().await? {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}

/// Ends the open call, if any, and deletes everything that was said in all calls of the application that were begun
/// until then: a call that new consent opened later is left alone.
///
/// # Errors
/// When the store fails; it can be tried again.
pub async fn forget_calls(
    store: &dyn CallStore,
    ender: &dyn CallEnder,
    application: &ApplicationId,
    until: DateTime<Utc>,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let reason = EndReason::ConsentWithdrawn;
    let concerned = async || -> Result<Vec<ScreeningCall>, StoreError> {
        let mut calls = store.of_application(application).await?;
        calls.retain(|call| call.created_at <= until);
        Ok(calls)
    };
    if concerned().await?.iter().any(|call| !call.status().is_final()) {
        ender.end(application, reason).await?;
    }
    for _ in 0..LOOKS {
        if concerned().await?.iter().all(|call| call.status().is_final()) {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    for mut call in concerned().await? {
        if !call.status().is_final() {
            warn!(call.id = %call.id, "a session did not end in time, its call is ended without it");
            diary::finish(&mut call, reason, store, clock).await?;
        }
        store.purge_transcript(&call.id).await?;
    }
    Ok(())
}
