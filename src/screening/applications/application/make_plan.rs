//! How interview plans are made: from the job offer alone, or by a language model whose draft is checked.

use async_trait::async_trait;

use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::deterministic_plan;
use crate::screening::applications::domain::ports::PlanMaker;
use crate::screening::shared::plan::InterviewPlan;

/// Plans from the fields of the job offer, without any language model.
pub struct DeterministicPlans;

#[async_trait]
impl PlanMaker for DeterministicPlans {
    async fn make(&self, offer: &JobOffer, version: u32) -> Result<InterviewPlan, String> {
        deterministic_plan(offer, version).map_err(|e| e.to_string())
    }
}
