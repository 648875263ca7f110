//! A candidate applies to a job offer.

use crate::screening::applications::application::{ApplicationError, ApplicationService, Thing};
use crate::screening::applications::domain::application::{JobOfferApplied, ScreeningApplication};
use crate::screening::applications::domain::job_offer::JobOfferStatus;
use crate::screening::shared::ids::{ApplicationId, CandidateId, JobOfferId};
use crate::shared::events::Event;

impl ApplicationService {
    /// Stores the application and publishes [`JobOfferApplied`] with it. The same pair again gets the same id, and
    /// nothing is published. `who` is the id or the username of a candidate.
    ///
    /// # Errors
    /// When one of the two is not known or the offer takes no applications.
    pub async fn submit_application(&self, who: &str, offer: &JobOfferId) -> Result<ApplicationId, ApplicationError> {
        let candidate = match CandidateId::parse(who) {
            Ok(id) => self.candidate(&id).await?,
            Err(_) => {
                self.store.candidate_named(who).await?.ok_or(ApplicationError::NotFound(Thing::Candidate))?
            }
        };
        let offer = self.job_offer(offer).await?;
        if offer.status != JobOfferStatus::Open {
            return Err(ApplicationError::Conflict("the job offer takes no applications".to_owned()));
        }
        let now = self.clock.now();
        let (application, applied) = ScreeningApplication::submit(candidate.id, offer.id, now);
        let event = Event::new(JobOfferApplied::NAME, application.id.as_str(), now, &applied);
        Ok(self.store.submit(&application, &event).await?)
    }
}
