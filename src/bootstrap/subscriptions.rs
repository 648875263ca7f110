//! Which event wakes whom: all of it on one screen.

use std::sync::Arc;

use crate::bootstrap::prepare::PrepareVoice;
use crate::screening::analysis::application::analyse::{AnalysisService, ForgetAnalyses};
use crate::screening::analysis::application::forget_replies::ForgetReplies;
use crate::screening::analysis::domain::analysis::ScreeningAnalysis;
use crate::screening::applications::application::ApplicationService;
use crate::screening::applications::application::embed::{
    Embeddings, GenerateCandidateEmbeddings, GenerateJobOfferEmbeddings,
};
use crate::screening::applications::application::erase::FinishErasure;
use crate::screening::applications::application::react::{
    EndScreening, ForgetCalls, GenerateCallPrompt, NoteWithdrawal,
};
use crate::screening::applications::domain::application::{ApplicationErased, JobOfferApplied};
use crate::screening::applications::domain::consent::ConsentWithdrawn;
use crate::screening::applications::domain::ports::InterviewPlanEdited;
use crate::screening::calls::domain::call::ScreeningCall;
use crate::shared::jobs::{EventHandler, Subscription};

/// Those who listen.
pub struct Subscribers {
    pub applications: Arc<ApplicationService>,
    pub embeddings: Arc<Embeddings>,
    pub prepare_voice: Arc<PrepareVoice>,
    pub analysis: Arc<AnalysisService>,
    pub forget_replies: Arc<ForgetReplies>,
}

/// Every subscription. The second name is a subscriber's own: jobs are stored under it.
pub fn all(who: Subscribers) -> Vec<Subscription> {
    let Subscribers {
        applications,
        embeddings,
        prepare_voice,
        analysis,
        forget_replies,
    } = who;
    let applied = JobOfferApplied::NAME;
    let edited = InterviewPlanEdited::NAME;
    let finished = ScreeningCall::FINISHED;
    let completed = ScreeningAnalysis::COMPLETED;
    let withdrawn = ConsentWithdrawn::NAME;
    let erased = ApplicationErased::NAME;
    let of_candidates = GenerateCandidateEmbeddings(embeddings.clone());
    let of_offers = GenerateJobOfferEmbeddings(embeddings);
    vec![
        on(
            applied,
            "generate-call-prompt",
            GenerateCallPrompt(applications.clone()),
        ),
        on(applied, "generate-candidate-embeddings", of_candidates),
        on(applied, "generate-job-offer-embeddings", of_offers),
        shared(applied, "prepare-voice", prepare_voice.clone()),
        shared(edited, "prepare-voice", prepare_voice),
        shared(finished, "analyse-call", analysis.clone()),
        on(finished, "end-screening", EndScreening(applications.clone())),
        on(finished, "note-withdrawal", NoteWithdrawal(applications.clone())),
        shared(completed, "forget-replies", forget_replies.clone()),
        on(withdrawn, "forget-calls", ForgetCalls(applications.clone())),
        on(withdrawn, "forget-analyses", ForgetAnalyses(analysis)),
        shared(withdrawn, "forget-replies", forget_replies),
        on(erased, "finish-erasure", FinishErasure(applications)),
    ]
}

fn on(event: &'static str, subscriber: &'static str, handler: impl EventHandler + 'static) -> Subscription {
    shared(event, subscriber, Arc::new(handler))
}

fn shared(event: &'static str, subscriber: &'static str, handler: Arc<dyn EventHandler>) -> Subscription {
    Subscription {
        event,
        subscriber,
        handler,
    }
}
