//! A candidate takes consent back.

use chrono::{DateTime, Utc};

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::consent::ConsentWithdrawn;
use crate::screening::shared::ids::ApplicationId;
use crate::shared::errors::StoreError;
use crate::shared::events::Event;

impl ApplicationService {
    /// Ends the call, if one is open, and deletes what was said. Without consent there is nothing to withdraw, which
    /// is fine.
    ///
    /// # Errors
    /// When the link is unknown or the store fails.
    pub async fn withdraw_consent(&self, token: &str) -> Result<(), ApplicationError> {
        let Some(application) = self.application_for_withdrawal(token).await? else {
            return Ok(());
        };
        Ok(self.forget(&application.id).await?)
    }

    /// First the mark, so that nobody connects meanwhile; then the deletion. Should that fail, the event that went with
    /// the mark has it done again.
    pub(super) async fn forget(&self, id: &ApplicationId) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.mark_withdrawn(id, now).await?;
        self.calls.forget(id, now).await
    }

    /// Marks what was consented to until `at` as withdrawn and publishes [`ConsentWithdrawn`] with that.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn mark_withdrawn(&self, id: &ApplicationId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let withdrawn = ConsentWithdrawn {
            application_id: id.clone(),
        };
        let event = Event::new(ConsentWithdrawn::NAME, id.as_str(), at, &withdrawn);
        self.store.withdraw_consent(id, &event).await
    }
}
