//! Reads what is there; what is not there is an error here.

use crate::screening::applications::application::{ApplicationError, ApplicationService, Thing};
use crate::screening::applications::domain::application::ScreeningApplication;
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::shared::ids::{ApplicationId, CandidateId, JobOfferId};

impl ApplicationService {
    pub async fn job_offer(&self, id: &JobOfferId) -> Result<JobOffer, ApplicationError> {
        self.store.job_offer(id).await?.ok_or(ApplicationError::NotFound(Thing::JobOffer))
    }

    pub async fn candidate(&self, id: &CandidateId) -> Result<Candidate, ApplicationError> {
        self.store.candidate(id).await?.ok_or(ApplicationError::NotFound(Thing::Candidate))
    }

    pub async fn application(&self, id: &ApplicationId) -> Result<ScreeningApplication, ApplicationError> {
        self.store.application(id).await?.ok_or(ApplicationError::NotFound(Thing::Application))
    }
}
