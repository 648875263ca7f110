//! The guided interviewer at work: looks up what the posting says where that is asked for, the rest is pure.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use crate::screening::calls::application::interviewing::{EarlyNews, Interviewer, Talk, context};
use crate::screening::calls::application::second_look::SecondLook;
use crate::screening::calls::domain::conversation::{Cause, ReplyRequest};
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{self, Flag, Reply, ReplyContext, injection};
use crate::screening::calls::domain::ports::{RoleFact, RoleKnowledge};

/// A look-up that takes longer is answered as if nothing were known.
const LOOK_UP_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Passages taken for one answer.
const FACTS: usize = 2;

/// Runs the plan without a language model.
pub struct GuidedInterviewer {
    pub knowledge: Arc<dyn RoleKnowledge>,
    /// Looks for attempts to steer by meaning; the rules look by wording alone without it.
    pub second_look: Option<Arc<SecondLook>>,
}

#[async_trait]
impl Interviewer for GuidedInterviewer {
    async fn reply(&self, talk: &Talk, request: &ReplyRequest, _: &EarlyNews) -> Reply {
        let (facts, suspects) = tokio::join!(self.facts(talk, request), self.suspects(request));
        let suspicion = suspects
            .iter()
            .map(|(_, suspicion)| *suspicion)
            .max()
            .unwrap_or_default();
        let mut reply = decide(talk, request, &facts, suspicion);
        let sentences = suspects.into_iter().map(|(sentence, _)| Flag::Suspected(sentence));
        reply.flags.extend(sentences);
        reply
    }

    fn without_help(&self, talk: &Talk, request: &ReplyRequest) -> Reply {
        decide(talk, request, &[], Suspicion::None)
    }
}

impl GuidedInterviewer {
    /// Whether the turn tries to steer whoever interviews, as far as its meaning tells.
    pub async fn suspicion(&self, request: &ReplyRequest) -> Suspicion {
        let found = self.suspects(request).await;
        found
            .into_iter()
            .map(|(_, suspicion)| suspicion)
            .max()
            .unwrap_or_default()
    }

    async fn suspects(&self, request: &ReplyRequest) -> Vec<(String, Suspicion)> {
        match (&self.second_look, &request.cause) {
            (Some(look), Cause::Said(utterance)) => look.suspects(utterance).await,
            _ => Vec::new(),
        }
    }

    async fn facts(&self, talk: &Talk, request: &ReplyRequest) -> Vec<RoleFact> {
        let Cause::Said(utterance) = &request.cause else {
            return Vec::new();
        };
        match interviewer::lookup_query(utterance, request.phase) {
            Some(question) => self.look_up(talk, &question).await,
            None => Vec::new(),
        }
    }

    /// What the posting says to a question; nothing where it cannot be searched in time.
    pub async fn look_up(&self, talk: &Talk, question: &str) -> Vec<RoleFact> {
        let search = self.knowledge.search(&talk.job_offer_id, question, FACTS);
        match tokio::time::timeout(LOOK_UP_TIMEOUT, search).await {
            // A posting is what somebody wrote: what is meant to steer is neither said nor handed to a model.
            Ok(Ok(facts)) => facts
                .into_iter()
                .filter(|fact| !injection::is_suspected(&fact.text))
                .collect(),
            Ok(Err(error)) => {
                warn!(%error, "the posting could not be searched");
                Vec::new()
            }
            Err(_) => {
                warn!("searching the posting took too long");
                Vec::new()
            }
        }
    }
}

fn decide(talk: &Talk, request: &ReplyRequest, facts: &[RoleFact], suspicion: Suspicion) -> Reply {
    let context = ReplyContext {
        suspicion,
        ..context(talk, request, facts)
    };
    match request.cause {
        Cause::Opening => interviewer::open(&talk.plan),
        Cause::Said(_) => interviewer::reply(&context),
        Cause::Silence { times } => interviewer::on_silence(&context, times),
        Cause::NoAudio { times } => interviewer::on_no_audio(&context, times),
        Cause::Return => interviewer::resume(&context),
        Cause::RepeatRequested => interviewer::repeat(&context),
        Cause::TimeUp => interviewer::time_up(&context),
    }
}
