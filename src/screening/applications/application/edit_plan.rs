//! A recruiter reads the versions of a plan and edits it. An edit is a new version; calls keep the one they began with.

use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::plan::validate;
use crate::screening::applications::domain::ports::{InterviewPlanEdited, PlanEdit, PlanOwner, PlanVersion};
use crate::screening::shared::ids::{ApplicationId, JobOfferId};
use crate::screening::shared::plan::{InterviewPlan, MadeBy};
use crate::shared::events::Event;

/// What the time of a topic may be, seconds.
const TIME_BUDGET_S: std::ops::RangeInclusive<u32> = 15..=900;
/// What the silence before a reassurance may be, milliseconds.
const THINK_TIME_MS: std::ops::RangeInclusive<u32> = 1_000..=60_000;

/// The versions an application's interview can be held with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Made for this application; they win.
    pub own: Vec<PlanVersion>,
    /// Made for its job offer.
    pub of_offer: Vec<PlanVersion>,
}

impl ApplicationService {
    /// Stores an edit of a job offer's plan; `base` is the version that was edited.
    ///
    /// # Errors
    /// When the plan breaks a rule, or is not the one in force any more.
    pub async fn edit_offer_plan(
        &self,
        id: &JobOfferId,
        base: u32,
        plan: InterviewPlan,
    ) -> Result<InterviewPlan, ApplicationError> {
        // Made where there is none, so that there is something to edit.
        self.plan_of_offer(id).await?;
        let edit = PlanEdit {
            owner: PlanOwner::JobOffer(id.clone()),
            fallback: None,
            base,
            plan,
            edited: self.edited(id, None),
        };
        self.edit(id, edit).await
    }

    /// Stores an edit for one application alone. From then on its offer's plan counts no more for it.
    ///
    /// # Errors
    /// When the plan breaks a rule, or is not the one in force any more.
    pub async fn edit_application_plan(
        &self,
        id: &ApplicationId,
        base: u32,
        plan: InterviewPlan,
    ) -> Result<InterviewPlan, ApplicationError> {
        self.plan_of(id).await?;
        let offer = self.application(id).await?.job_offer_id;
        let edit = PlanEdit {
            owner: PlanOwner::Application(id.clone()),
            fallback: Some(PlanOwner::JobOffer(offer.clone())),
            base,
            plan,
            edited: self.edited(&offer, Some(id)),
        };
        self.edit(&offer, edit).await
    }

    /// The news that another plan is in force.
    pub(super) fn edited(&self, offer: &JobOfferId, application: Option<&ApplicationId>) -> Event {
        let told = InterviewPlanEdited {
            job_offer_id: offer.clone(),
            application_id: application.cloned(),
        };
        let subject = application.map_or(offer.as_str(), ApplicationId::as_str);
        Event::new(InterviewPlanEdited::NAME, subject, self.clock.now(), &told)
    }

    async fn edit(&self, offer: &JobOfferId, mut edit: PlanEdit) -> Result<InterviewPlan, ApplicationError> {
        let offer = self.job_offer(offer).await?;
        validate(&edit.plan, &offer).map_err(|fault| ApplicationError::BadPlan(fault.to_string()))?;
        measure(&edit.plan).map_err(ApplicationError::BadPlan)?;
        // Whatever the caller says: from now on no program replaces it.
        edit.plan.made_by = MadeBy::Recruiter;
        Ok(self.store.edit_plan(&edit, self.clock.now()).await?)
    }

    /// The versions of a job offer's plan, newest first.
    ///
    /// # Errors
    /// When there is no such offer.
    pub async fn offer_plan_versions(&self, id: &JobOfferId) -> Result<Vec<PlanVersion>, ApplicationError> {
        self.job_offer(id).await?;
        Ok(self.store.plan_versions(&PlanOwner::JobOffer(id.clone())).await?)
    }

    /// The versions of the plan of an application and of its offer, newest first.
    ///
    /// # Errors
    /// When there is no such application.
    pub async fn application_plan_versions(&self, id: &ApplicationId) -> Result<Versions, ApplicationError> {
        let offer = self.application(id).await?.job_offer_id;
        Ok(Versions {
            own: self.store.plan_versions(&PlanOwner::Application(id.clone())).await?,
            of_offer: self.store.plan_versions(&PlanOwner::JobOffer(offer)).await?,
        })
    }

    /// One version of a job offer's plan.
    ///
    /// # Errors
    /// When there is no such version.
    pub async fn offer_plan_version(&self, id: &JobOfferId, version: u32) -> Result<InterviewPlan, ApplicationError> {
        let owner = PlanOwner::JobOffer(id.clone());
        let found = self.store.plan_version(&owner, version).await?;
        found.ok_or(ApplicationError::NoSuchPlan)
    }
}

/// Times that an interview can be held with.
fn measure(plan: &InterviewPlan) -> Result<(), String> {
    for question in &plan.questions {
        if !TIME_BUDGET_S.contains(&question.time_budget_s) {
            return Err(format!("{}: time_budget_s is from 15 to 900", question.id));
        }
        if !THINK_TIME_MS.contains(&question.think_time_ms) {
            return Err(format!("{}: think_time_ms is from 1000 to 60000", question.id));
        }
    }
    Ok(())
}
