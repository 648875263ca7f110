//! Who decides what Emma says: the seam between the live call and an interviewer.

use std::sync::Arc;

use async_trait::async_trait;

use crate::screening::calls::domain::conversation::ReplyRequest;
use crate::screening::calls::domain::interviewer::Reply;
use crate::screening::shared::ids::JobOfferId;
use crate::screening::shared::plan::InterviewPlan;

/// What one interview is about.
#[derive(Debug, Clone)]
pub struct Talk {
    pub job_offer_id: JobOfferId,
    pub plan: Arc<InterviewPlan>,
}

/// Decides what Emma says next. It may look things up; it never ends a call or moves the plan by itself: the
/// conversation takes its reply or leaves it.
#[async_trait]
pub trait Interviewer: Send + Sync {
    async fn reply(&self, talk: &Talk, request: &ReplyRequest) -> Reply;
    /// A reply that needs nothing from outside, for when help does not come in time.
    fn without_help(&self, talk: &Talk, request: &ReplyRequest) -> Reply;
}
