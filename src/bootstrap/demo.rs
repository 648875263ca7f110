//! The demo: our own job offer and an open link to its interview.

use crate::bootstrap::prepare::facts_of;
use crate::screening::applications::application::{ApplicationError, ApplicationService};
use crate::screening::applications::domain::demo::demo_posting;
use crate::screening::applications::domain::job_offer::JobOfferStatus;
use crate::screening::applications::domain::ports::Slice;
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::shared::ids::JobOfferId;
use crate::screening::shared::plan::InterviewPlan;

/// A fresh link to the demo interview.
pub struct Demo {
    pub token: String,
    pub plan: InterviewPlan,
    pub facts: Vec<RoleFact>,
}

/// Makes the demo job offer where it is not there yet, and a link to its interview.
///
/// # Errors
/// When the store fails.
pub async fn demo_link(applications: &ApplicationService) -> Result<Demo, ApplicationError> {
    let offer = demo_offer(applications).await?;
    let plan = applications.plan_of_offer(&offer).await?;
    let link = applications.open_link(&offer, applications.link_terms).await?;
    let facts = facts_of(applications, &offer).await?;
    Ok(Demo {
        token: link.token,
        plan,
        facts,
    })
}

async fn demo_offer(applications: &ApplicationService) -> Result<JobOfferId, ApplicationError> {
    let posting = demo_posting();
    let known = applications
        .store
        .job_offers(&Slice {
            limit: 200,
            after: None,
        })
        .await?;
    match known.into_iter().find(|offer| offer.posting == posting) {
        Some(offer) => Ok(offer.id),
        None => Ok(applications.create_job_offer(posting, JobOfferStatus::Open).await?.id),
    }
}
