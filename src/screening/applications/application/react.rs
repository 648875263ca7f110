//! What applications do when something happened: they prepare the plan, they learn that the interview is over, and they
//! see to it that what consent was withdrawn for is forgotten.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::warn;

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::application::{JobOfferApplied, ScreeningApplication};
use crate::screening::applications::domain::consent::ConsentWithdrawn;
use crate::screening::applications::domain::ports::Stage;
use crate::screening::calls::domain::call::CallFinished;
use crate::screening::calls::domain::status::EndReason;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// On `JobOfferApplied`: compiles the interview plan ahead of the call.
pub struct GenerateCallPrompt(pub Arc<ApplicationService>);

/// On `CallFinished`: the application has been screened, unless the interview can still go on.
pub struct EndScreening(pub Arc<ApplicationService>);

/// On `CallFinished`: a candidate who withdrew consent inside the call has withdrawn it for all that was said before.
pub struct NoteWithdrawal(pub Arc<ApplicationService>);

/// On `ConsentWithdrawn`: deletes what was said, also where the server went down before that was done.
pub struct ForgetCalls(pub Arc<ApplicationService>);

#[async_trait]
impl EventHandler for GenerateCallPrompt {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let applied: JobOfferApplied = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        self.0
            .prepare_plan(&applied.application_id)
            .await
            .map_err(HandlerError::from)
    }
}

#[async_trait]
impl EventHandler for EndScreening {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let finished: CallFinished = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        let application = self.0.application(&finished.application_id).await?;
        Ok(self.0.end_screening(application).await?)
    }
}

impl ApplicationService {
    /// Ends the screening of those whose interview broke off and was not taken up again in time: no event tells of that.
    ///
    /// # Errors
    /// When the store fails; it can be tried again.
    pub async fn end_lapsed_screenings(&self) -> Result<(), StoreError> {
        for application in self.store.in_screening().await? {
            match self.end_screening(application).await {
                // Of a conflict: somebody moved it just now, and the next look tells.
                Ok(()) | Err(StoreError::Conflict(_)) => {}
                Err(error) => {
                    warn!(%error, "an interview that broke off for good could not be ended; it is tried again");
                }
            }
        }
        Ok(())
    }

    /// The application has been screened if its interview cannot go on.
    async fn end_screening(&self, mut application: ScreeningApplication) -> Result<(), StoreError> {
        let is_over = self.calls.progress(&application.id).await?.stage == Stage::Over;
        // Moved on meanwhile, or told before: nothing is left to do.
        if is_over && application.end_screening().is_ok() {
            self.store.save_application(&application).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl EventHandler for NoteWithdrawal {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let finished: CallFinished = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        if finished.end_reason != EndReason::ConsentWithdrawn {
            return Ok(());
        }
        Ok(self.0.mark_withdrawn(&finished.application_id, event.time).await?)
    }
}

#[async_trait]
impl EventHandler for ForgetCalls {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let withdrawn: ConsentWithdrawn = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        Ok(self.0.calls.forget(&withdrawn.application_id, event.time).await?)
    }
}

impl From<ApplicationError> for HandlerError {
    fn from(error: ApplicationError) -> Self {
        match error {
            ApplicationError::Store(_) | ApplicationError::Upstream(_) => Self::Retry(error.to_string()),
            _ => Self::Fail(error.to_string()),
        }
    }
}
