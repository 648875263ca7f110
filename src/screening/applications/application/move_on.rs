//! People decide: about an application, and whether an offer takes any.

use crate::screening::applications::application::{ApplicationError, ApplicationService, Thing};
use crate::screening::applications::domain::application::{ApplicationStatus, ScreeningApplication};
use crate::screening::applications::domain::job_offer::{JobOffer, JobOfferStatus};
use crate::screening::shared::ids::{ApplicationId, JobOfferId};

/// What a recruiter can do with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The results are being looked at.
    Review,
    /// It goes on with the candidate.
    Advance,
    /// It does not.
    Decline,
    /// The candidate no longer wants to take part, and told the recruiter so.
    Withdraw,
}

impl ApplicationService {
    /// Moves an application. The same decision again changes nothing.
    ///
    /// # Errors
    /// When there is no such application, its status does not allow it, or somebody else moved it just now.
    pub async fn decide(
        &self,
        id: &ApplicationId,
        decision: Decision,
    ) -> Result<ScreeningApplication, ApplicationError> {
        let mut application = self.application(id).await?;
        if application.status() == decision.status() {
            return Ok(application);
        }
        match decision {
            Decision::Review => application.review(),
            Decision::Advance => application.promote(),
            Decision::Decline => application.decline(),
            Decision::Withdraw => application.withdraw(),
        }?;
        self.store.save_application(&application).await?;
        Ok(application)
    }

    /// Opens, pauses or closes a job offer. Interviews that were promised go on.
    ///
    /// # Errors
    /// When there is no such offer.
    pub async fn set_job_offer_status(
        &self,
        id: &JobOfferId,
        status: JobOfferStatus,
    ) -> Result<JobOffer, ApplicationError> {
        if !self.store.set_job_offer_status(id, status).await? {
            return Err(ApplicationError::NotFound(Thing::JobOffer));
        }
        self.job_offer(id).await
    }
}

impl Decision {
    /// What an application is after it.
    const fn status(self) -> ApplicationStatus {
        match self {
            Self::Review => ApplicationStatus::InReview,
            Self::Advance => ApplicationStatus::Advanced,
            Self::Decline => ApplicationStatus::Declined,
            Self::Withdraw => ApplicationStatus::Withdrawn,
        }
    }
}
