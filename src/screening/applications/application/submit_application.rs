//! A candidate applies to a job offer, both of them from here or from a directory.

use crate::screening::applications::application::{ApplicationError, ApplicationService, Thing};
use crate::screening::applications::domain::application::{JobOfferApplied, ScreeningApplication};
use crate::screening::applications::domain::candidate::Candidate;
use crate::screening::applications::domain::directory::{
    Bio, DirectoryError, Opportunity, OpportunityId, TORRE, TalentDirectory, Username,
};
use crate::screening::applications::domain::job_offer::{JobOffer, JobOfferStatus};
use crate::screening::applications::domain::ports::Submission;
use crate::screening::shared::ids::{ApplicationId, CandidateId, JobOfferId};
use crate::shared::errors::StoreError;
use crate::shared::events::Event;

/// One to look up, and one more for each race that may be lost: for the candidate, and for the position.
const TRIES: usize = 4;

/// What the directory told in this request.
#[derive(Default)]
struct LookedUp {
    bio: Option<Bio>,
    opportunity: Option<Opportunity>,
}

impl ApplicationService {
    /// Stores the application and publishes [`JobOfferApplied`] with it. The same pair again gets the same id, and
    /// nothing is published. `who` is the id or the username of a candidate, `position` the id of a job offer or of an
    /// opportunity in the directory. Who or what is not here yet is looked up there and stored with the application;
    /// when anything of that fails, nothing is stored.
    ///
    /// # Errors
    /// When one of the two is not known, cannot be looked up or used, or the offer takes no applications.
    pub async fn submit_application(&self, who: &str, position: &str) -> Result<ApplicationId, ApplicationError> {
        let mut told = LookedUp::default();
        for _ in 0..TRIES {
            let candidate = self.known_candidate(who, told.bio.as_ref()).await?;
            let offer = self.known_offer(position).await?;
            if let (Some(candidate), Some(offer)) = (&candidate, &offer)
                && let Some(same) = self.store.application_of(&candidate.id, &offer.id).await?
            {
                return Ok(same);
            }
            if let Some(offer) = &offer {
                check_open(offer.status)?;
            }
            let is_missing = (
                candidate.is_none() && told.bio.is_none(),
                offer.is_none() && told.opportunity.is_none(),
            );
            if is_missing != (false, false) {
                self.look_up(is_missing.0.then_some(who), is_missing.1.then_some(position), &mut told)
                    .await?;
                // The directory may write the name in another way, under which the candidate is here.
                continue;
            }
            let submission = self.submission(candidate, offer, position, &told)?;
            match self.store.submit(&submission).await {
                // Somebody else stored the same candidate or position meanwhile.
                Err(StoreError::Conflict(_)) if submission.imports() => {}
                other => return Ok(other?),
            }
        }
        Err(ApplicationError::Conflict(
            "the same candidate or job offer is being taken over elsewhere".to_owned(),
        ))
    }

    async fn known_candidate(&self, who: &str, bio: Option<&Bio>) -> Result<Option<Candidate>, ApplicationError> {
        if let Ok(id) = CandidateId::parse(who) {
            return self.candidate(&id).await.map(Some);
        }
        let name = bio.map_or(who, |bio| bio.username.as_str());
        let known = self.store.candidate_named(name).await?;
        if known.is_none() && self.directory.is_none() {
            // What is no name at all is told as such, as by the directory.
            Username::parse(name)?;
            return Err(ApplicationError::NotFound(Thing::Candidate));
        }
        Ok(known)
    }

    async fn known_offer(&self, position: &str) -> Result<Option<JobOffer>, ApplicationError> {
        if let Ok(id) = JobOfferId::parse(position) {
            return self.job_offer(&id).await.map(Some);
        }
        let id = OpportunityId::parse(position)?;
        let source = self.directory.as_deref().map_or(TORRE, TalentDirectory::source);
        let known = self.store.imported_job_offer(&id.at(source)).await?;
        if known.is_none() && self.directory.is_none() {
            return Err(ApplicationError::NotFound(Thing::JobOffer));
        }
        Ok(known)
    }

    /// Asks for both at once. When both fail, the candidate's problem is told.
    async fn look_up(
        &self,
        who: Option<&str>,
        position: Option<&str>,
        told: &mut LookedUp,
    ) -> Result<(), ApplicationError> {
        let Some(directory) = self.directory.as_deref() else {
            return Err(ApplicationError::NotFound(Thing::JobOffer));
        };
        let who = who.map(Username::parse).transpose()?;
        let position = position.map(OpportunityId::parse).transpose()?;
        let (bio, opportunity) = tokio::join!(bio(directory, who.as_ref()), opportunity(directory, position.as_ref()));
        let (bio, opportunity) = (bio?, opportunity?);
        if let Some(found) = &opportunity {
            check_open(found.status)?;
            found.posting.check().map_err(ApplicationError::Invalid)?;
        }
        told.bio = bio.or(told.bio.take());
        told.opportunity = opportunity.or(told.opportunity.take());
        Ok(())
    }

    fn submission(
        &self,
        candidate: Option<Candidate>,
        offer: Option<JobOffer>,
        position: &str,
        told: &LookedUp,
    ) -> Result<Submission, ApplicationError> {
        let now = self.clock.now();
        let source = self.directory.as_deref().map_or("", TalentDirectory::source);
        let new_candidate = match (&candidate, &told.bio) {
            (None, Some(bio)) => Some(bio.candidate(source, now)),
            _ => None,
        };
        let new_offer = match (&offer, &told.opportunity) {
            (None, Some(opportunity)) => Some(opportunity.job_offer(OpportunityId::parse(position)?.at(source))),
            _ => None,
        };
        let candidate_id = candidate.or_else(|| new_candidate.clone()).map(|c| c.id);
        let candidate_id = candidate_id.ok_or(ApplicationError::NotFound(Thing::Candidate))?;
        let offer_id = offer.map(|o| o.id).or_else(|| new_offer.as_ref().map(|o| o.id.clone()));
        let offer_id = offer_id.ok_or(ApplicationError::NotFound(Thing::JobOffer))?;
        let (application, applied) = ScreeningApplication::submit(candidate_id, offer_id, now);
        Ok(Submission {
            applied: Event::new(JobOfferApplied::NAME, application.id.as_str(), now, &applied),
            application,
            new_candidate,
            new_offer,
            now,
        })
    }
}

async fn bio(directory: &dyn TalentDirectory, who: Option<&Username>) -> Result<Option<Bio>, ApplicationError> {
    match who {
        Some(who) => directory
            .bio(who)
            .await
            .map(Some)
            .map_err(|e| told(e, Thing::Candidate)),
        None => Ok(None),
    }
}

async fn opportunity(
    directory: &dyn TalentDirectory,
    id: Option<&OpportunityId>,
) -> Result<Option<Opportunity>, ApplicationError> {
    match id {
        Some(id) => directory
            .opportunity(id)
            .await
            .map(Some)
            .map_err(|e| told(e, Thing::JobOffer)),
        None => Ok(None),
    }
}

fn told(error: DirectoryError, what: Thing) -> ApplicationError {
    match error {
        DirectoryError::NotFound => ApplicationError::NotFound(what),
        DirectoryError::Rejected => ApplicationError::BadReference(format!("{error}: {what}")),
        DirectoryError::Unusable(why) => ApplicationError::Invalid(format!("the {what} cannot be used: {why}")),
        DirectoryError::Upstream(error) => ApplicationError::Upstream(error),
    }
}

pub(super) fn check_open(status: JobOfferStatus) -> Result<(), ApplicationError> {
    match status {
        JobOfferStatus::Open => Ok(()),
        JobOfferStatus::Paused | JobOfferStatus::Closed => Err(ApplicationError::Conflict(
            "the job offer takes no applications".to_owned(),
        )),
    }
}
