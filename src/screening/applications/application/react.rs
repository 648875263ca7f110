//! What applications do when something happened: they prepare the plan, and they learn that the interview is over.

use std::sync::Arc;

use async_trait::async_trait;

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::application::JobOfferApplied;
use crate::screening::applications::domain::ports::Stage;
use crate::screening::calls::domain::call::CallFinished;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// On `JobOfferApplied`: compiles the interview plan ahead of the call.
pub struct GenerateCallPrompt(pub Arc<ApplicationService>);

/// On `CallFinished`: the application has been screened, unless the interview can still go on.
pub struct EndScreening(pub Arc<ApplicationService>);

#[async_trait]
impl EventHandler for GenerateCallPrompt {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let applied: JobOfferApplied = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        self.0
            .plan_of(&applied.application_id)
            .await
            .map(drop)
            .map_err(HandlerError::from)
    }
}

#[async_trait]
impl EventHandler for EndScreening {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let finished: CallFinished = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        if self.0.calls.progress(&finished.application_id).await?.stage != Stage::Over {
            return Ok(());
        }
        let mut application = self.0.application(&finished.application_id).await?;
        // Moved on meanwhile, or told before: nothing is left to do.
        if application.end_screening().is_ok() {
            self.0.store.save_application(&application).await?;
        }
        Ok(())
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
