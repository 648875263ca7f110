//! Everything personal about an application is deleted.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::{info, warn};

use crate::screening::applications::application::{ApplicationError, ApplicationService, TRIES};
use crate::screening::applications::domain::application::{ApplicationErased, ApplicationStatus};
use crate::screening::applications::domain::ports::Stage;
use crate::screening::shared::ids::ApplicationId;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;
use crate::shared::jobs::{EventHandler, HandlerError};

/// How far an erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Nothing is left.
    Done,
    /// Nothing can be read any more; files are still being deleted.
    Finishing,
}

/// On `ApplicationErased`: deletes files, also where the server went down before that was done.
pub struct FinishErasure(pub Arc<ApplicationService>);

impl ApplicationService {
    /// Deletes what was said, recorded, found and uploaded for an application, its links, and the candidate where no
    /// other application needs it. The application stays as ids and a status. Again, it changes nothing.
    ///
    /// # Errors
    /// When there is no such application, or its interview is going on.
    pub async fn erase(&self, id: &ApplicationId) -> Result<Erasure, ApplicationError> {
        let mut tries = 1;
        let calls = loop {
            let mut application = self.application(id).await?;
            if application.status() == ApplicationStatus::Erased {
                return Ok(Erasure::Done);
            }
            match self.calls.progress(id).await?.stage {
                Stage::Live | Stage::Reconnecting => {
                    let why = "the interview is going on; it must be over before its data can be erased";
                    return Err(ApplicationError::Conflict(why.to_owned()));
                }
                Stage::None | Stage::Ready | Stage::Over => self.calls.call_off(id).await?,
            }
            application.erase()?;
            match self.eraser.erase(&application, self.clock.now()).await {
                Ok(calls) => break calls,
                // As when its call is called off for this.
                Err(StoreError::Conflict(_)) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        };
        info!(application.id = %id, calls = calls.len(), "an application was erased");
        // The event that went with the erasure has it done again.
        Ok(match self.eraser.wipe(&calls).await {
            Ok(()) => Erasure::Done,
            Err(error) => {
                warn!(application.id = %id, %error, "files of an erased application are still there; deleting them is tried again");
                Erasure::Finishing
            }
        })
    }
}

#[async_trait]
impl EventHandler for FinishErasure {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let erased: ApplicationErased = event.read().map_err(|e| HandlerError::Fail(e.to_string()))?;
        Ok(self.0.eraser.wipe(&erased.call_ids).await?)
    }
}
