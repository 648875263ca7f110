//! A candidate takes consent back.

use crate::screening::applications::application::{ApplicationError, ApplicationService};

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
        // First the mark, so that nobody connects meanwhile; then the deletion, which can be repeated.
        self.store.withdraw_consent(&application, self.clock.now()).await?;
        Ok(self.calls.forget(&application.id).await?)
    }
}
