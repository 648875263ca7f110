//! Who decides what Emma says: the seam between the live call and an interviewer.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::screening::calls::domain::conversation::{Cause, ReplyRequest};
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{Reply, ReplyContext, SpeechPart};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::shared::ids::{CallId, JobOfferId};
use crate::screening::shared::plan::InterviewPlan;

/// What one interview is about.
#[derive(Debug, Clone)]
pub struct Talk {
    pub job_offer_id: JobOfferId,
    pub plan: Arc<InterviewPlan>,
    /// The call it is held in, once there is one.
    pub call_id: Option<CallId>,
}

/// What an interviewer tells before its reply is decided.
#[derive(Debug, Clone)]
pub enum Early {
    /// A language model began to answer; for the record of delays.
    FirstToken,
    /// May be said before the rest is decided. Nothing is heard before the candidate's turn is known to be over.
    Part(SpeechPart),
}

/// Takes what comes early. Bounded: who sends waits until it was taken.
pub type EarlyNews = mpsc::Sender<Early>;

/// Decides what Emma says next. It may look things up; it never ends a call or moves the plan by itself: the
/// conversation takes its reply or leaves it. A reply may be asked for before it is known whether the turn is over, and
/// thrown away: everything with an effect is part of the reply.
#[async_trait]
pub trait Interviewer: Send + Sync {
    /// The reply; what went to `early` is not in it again.
    async fn reply(&self, talk: &Talk, request: &ReplyRequest, early: &EarlyNews) -> Reply;
    /// A reply that needs nothing from outside, for when help does not come in time.
    fn without_help(&self, talk: &Talk, request: &ReplyRequest) -> Reply;
}

/// The request as the rules of the interview see it.
pub fn context<'a>(talk: &'a Talk, request: &'a ReplyRequest, facts: &'a [RoleFact]) -> ReplyContext<'a> {
    let utterance = match &request.cause {
        Cause::Said(utterance) => utterance.as_str(),
        _ => "",
    };
    ReplyContext {
        plan: &talk.plan,
        coverage: &request.coverage,
        phase: request.phase,
        question: request.question_id.as_deref().and_then(|id| talk.plan.question(id)),
        answer_so_far: &request.answer_so_far,
        utterance,
        facts,
        history: &request.history,
        elapsed_ms: request.elapsed_ms,
        time_limit_ms: request.time_limit_ms,
        typed: request.typed,
        suspicion: Suspicion::None,
    }
}
