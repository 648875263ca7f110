//! Makes sure an application has an interview plan.

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::plan::deterministic_plan;
use crate::screening::applications::domain::ports::{PlanEdit, PlanOwner};
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
        let known = self.store.plan(&PlanOwner::JobOffer(offer.id.clone())).await?;
        if known.as_ref().is_some_and(|plan| !is_makeshift(plan)) {
            return Ok(());
        }
        let version = known.map_or(1, |plan| plan.version + 1);
        let plan = self
            .plans
            .make(&offer, version)
            .await
            .map_err(ApplicationError::NoPlan)?;
        if plan.made_by == MadeBy::Deterministic {
            return self.plan_of_offer(&offer.id).await.map(drop);
        }
        self.put_drafted(&offer.id, plan).await
    }

    /// Puts a drafted plan in force, unless somebody made or edited one meanwhile. The makeshift plan that a page, a call
    /// or the voice asked for while it was being drafted is no such plan.
    async fn put_drafted(&self, offer: &JobOfferId, plan: InterviewPlan) -> Result<(), ApplicationError> {
        let owner = PlanOwner::JobOffer(offer.clone());
        let mut tries = 0;
        loop {
            let known = self.store.plan(&owner).await?;
            if known.as_ref().is_some_and(|plan| !is_makeshift(plan)) {
                return Ok(());
            }
            let edit = PlanEdit {
                owner: owner.clone(),
                fallback: None,
                base: known.map_or(0, |plan| plan.version),
                plan: plan.clone(),
                edited: self.edited(offer, None),
            };
            tries += 1;
            match self.store.edit_plan(&edit, self.clock.now()).await {
                // Another version came between reading and writing.
                Err(StoreError::Conflict(_)) if tries < 3 => {}
                other => return Ok(other.map(drop)?),
            }
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

/// Whether a plan was made on the spot, as good as it gets without a language model. Only first versions are: a later one
/// is somebody's edit.
fn is_makeshift(plan: &InterviewPlan) -> bool {
    plan.made_by == MadeBy::Deterministic && plan.version == 1
}
