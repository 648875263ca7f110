//! Finds or makes the call that a candidate enters.

use chrono::{DateTime, Utc};

use crate::screening::calls::domain::attempt::{Entry, entry};
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::coverage::Coverage;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::calls::domain::store::CallStore;
use crate::screening::shared::ids::ApplicationId;
use crate::screening::shared::plan::InterviewPlan;
use crate::shared::errors::StoreError;

/// Why there is no call to enter.
#[derive(Debug, thiserror::Error)]
pub enum OpenCallError {
    #[error("the interview is over")]
    Over,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The open call of an application; else a new attempt, which after a technical break keeps the plan and what of it was
/// covered, also where another plan is in force by now.
/// Only for an application whose candidate has consented.
///
/// # Errors
/// When the interview is over or the store fails.
pub async fn open_call(
    store: &dyn CallStore,
    application: &ApplicationId,
    plan: &InterviewPlan,
    now: DateTime<Utc>,
) -> Result<ScreeningCall, OpenCallError> {
    let calls = store.of_application(application).await?;
    let (version, coverage) = match entry(&calls, now) {
        Entry::Current(call) => return Ok(call.clone()),
        Entry::Over(_) => return Err(OpenCallError::Over),
        Entry::Resume(call) if goes_on(call) => (call.plan_version, call.coverage.clone()),
        Entry::Resume(_) | Entry::First => (plan.version, Coverage::of_plan(plan)),
    };
    let attempt = calls.last().map_or(1, |call| call.attempt + 1);
    let call = ScreeningCall::ready(application.clone(), attempt, version, coverage, now);
    match store.insert(&call).await {
        Ok(()) => Ok(call),
        // Somebody else opened it at the same moment; there is only ever one.
        Err(StoreError::Conflict(_)) => match entry(&store.of_application(application).await?, now) {
            Entry::Current(call) => Ok(call.clone()),
            _ => Err(OpenCallError::Over),
        },
        Err(error) => Err(error.into()),
    }
}

/// Whether the attempt after this call takes it up. Where nothing was asked yet there is nothing to take up, and a purged
/// call has nothing left.
pub fn goes_on(call: &ScreeningCall) -> bool {
    call.coverage.summary().asked > 0 && call.end_reason() != Some(EndReason::ConsentWithdrawn)
}
