//! Makes sure an application has an interview plan.

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::plan::deterministic_plan;
use crate::screening::applications::domain::ports::PlanOwner;
use crate::screening::shared::ids::{ApplicationId, JobOfferId};
use crate::screening::shared::plan::{InterviewPlan, MadeBy};
use crate::shared::errors::StoreError;

impl ApplicationService {
    /// The newest plan of the application, else of its job offer. Made on the spot where none was prepared: a call
    /// never waits for the background.
    ///
    /// # Errors
    /// When there is no such application, or no plan can be made from its offer.
    pub async fn plan_of(&self, application: &ApplicationId) -> Result<InterviewPlan, ApplicationError> {
        if let Some(own) = self.store.plan(&PlanOwner::Application(application.clone())).await? {
            return Ok(own);
        }
        let application = self.application(application).await?;
        self.plan_of_offer(&application.job_offer_id).await
    }

    /// Prepares the plan of an application's job offer in the background, where it may take its time: a better one than
    /// the deterministic plan becomes the newest version. Calls that were begun keep theirs.
    ///
    /// # Errors
    /// When there is no such application, or no plan can be made from its offer.
    pub async fn prepare_plan(&self, application: &ApplicationId) -> Result<(), ApplicationError> {
        let application = self.application(application).await?;
        let offer = self.job_offer(&application.job_offer_id).await?;
        let owner = PlanOwner::JobOffer(offer.id.clone());
        let known = self.store.plan(&owner).await?;
        if known.as_ref().is_some_and(|plan| plan.made_by != MadeBy::Deterministic) {
            return Ok(());
        }
        let version = known.as_ref().map_or(1, |plan| plan.version + 1);
        let plan = self
            .plans
            .make(&offer, version)
            .await
            .map_err(ApplicationError::NoPlan)?;
        if known.is_some() && plan.made_by == MadeBy::Deterministic {
            return Ok(());
        }
        match self.store.insert_plan(&owner, &plan, self.clock.now()).await {
            // Made by somebody else meanwhile, which is as good.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The newest plan of a job offer. Where there is none the deterministic one is made on the spot.
    ///
    /// # Errors
    /// When there is no such offer, or no plan can be made from it.
    pub async fn plan_of_offer(&self, id: &JobOfferId) -> Result<InterviewPlan, ApplicationError> {
        let owner = PlanOwner::JobOffer(id.clone());
        if let Some(plan) = self.store.plan(&owner).await? {
            return Ok(plan);
        }
        let offer = self.job_offer(id).await?;
        let plan = deterministic_plan(&offer, 1).map_err(|e| ApplicationError::NoPlan(e.to_string()))?;
        match self.store.insert_plan(&owner, &plan, self.clock.now()).await {
            // Made by somebody else meanwhile; plans never change, so theirs it is.
            Err(StoreError::Conflict(_)) => Ok(self.store.plan(&owner).await?.unwrap_or(plan)),
            other => Ok(other.map(|()| plan)?),
        }
    }

    /// The plan a call was made with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_version(
        &self,
        application: &ApplicationId,
        version: u32,
    ) -> Result<Option<InterviewPlan>, StoreError> {
        let own = PlanOwner::Application(application.clone());
        if let Some(plan) = self.store.plan_version(&own, version).await? {
            return Ok(Some(plan));
        }
        match self.store.application(application).await? {
            Some(found) => {
                self.store
                    .plan_version(&PlanOwner::JobOffer(found.job_offer_id), version)
                    .await
            }
            None => Ok(None),
        }
    }
}
