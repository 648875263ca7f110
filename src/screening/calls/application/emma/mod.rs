//! The interviewer with a language model. The model words acknowledgements and answers, in sentences that are said as
//! they are complete; the rules of the interview decide what comes next, and take every turn the model fails.

mod prompt;
pub mod tools;
mod turn;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tracing::{info, warn};

use crate::screening::calls::application::emma::turn::{Trouble, Turn};
use crate::screening::calls::application::guided::GuidedInterviewer;
use crate::screening::calls::application::interviewing::{EarlyNews, Interviewer, Talk, context};
use crate::screening::calls::domain::conversation::{Cause, ReplyRequest};
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{Reply, proposals};
use crate::screening::shared::ids::CallId;
use crate::shared::llm::ChatModel;
use crate::shared::prompts::Prompts;

/// Failures in a row after which the model is left alone for a while.
const MOST_FAILURES: u32 = 3;
/// Turns for which it is left alone.
const REST_TURNS: u32 = 5;
/// A call waits 8 s for a reply and then goes on without one: a model that is given longer would never be seen to fail.
const LONGEST_TURN: Duration = Duration::from_millis(7_500);
/// Calls whose trouble is remembered; the oldest is forgotten first.
const REMEMBERED: usize = 256;

/// What of an agent's file concerns the language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub name: String,
    pub persona: String,
    /// Names of the tools it may call.
    pub tools: Vec<String>,
    /// Rounds of tool calls in a turn.
    pub tool_rounds: usize,
    /// Lines of the talk that are handed on whole; what came before is summed up.
    pub history_lines: usize,
    /// Longest reply of the model's own words.
    pub sentences: usize,
    pub words: usize,
}

/// How the model is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub max_tokens: u32,
    pub temperature: f32,
    /// For a whole turn, look-ups included; 7.5 s at most.
    pub timeout: Duration,
}

/// Emma with a language model.
pub struct EmmaService {
    model: Arc<dyn ChatModel>,
    guided: GuidedInterviewer,
    prompts: Arc<Prompts>,
    agent: Agent,
    settings: Settings,
    /// Calls in which the model has failed of late.
    trouble: Mutex<BTreeMap<CallId, Spell>>,
}

/// How the model has been doing in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Spell {
    failures: u32,
    /// Turns still to go without it.
    rest: u32,
}

impl EmmaService {
    pub fn new(
        model: Arc<dyn ChatModel>,
        guided: GuidedInterviewer,
        prompts: Arc<Prompts>,
        agent: Agent,
        settings: Settings,
    ) -> Self {
        Self {
            model,
            guided,
            prompts,
            agent,
            settings,
            trouble: Mutex::default(),
        }
    }

    async fn with_model(
        &self,
        talk: &Talk,
        request: &ReplyRequest,
        early: &EarlyNews,
    ) -> Result<Reply, (Trouble, bool)> {
        let mut turn = Turn::new(self, talk, request, early);
        let outcome = tokio::time::timeout(self.settings.timeout.min(LONGEST_TURN), turn.run()).await;
        outcome
            .unwrap_or(Err(Trouble::TooLate))
            .map_err(|trouble| (trouble, turn.has_spoken()))
    }

    /// Whether the model is to be left alone in this turn.
    fn rests(&self, call: Option<&CallId>) -> bool {
        let Some(call) = call else { return false };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble.get_mut(call) {
            Some(spell) if spell.rest > 0 => {
                spell.rest -= 1;
                true
            }
            _ => false,
        }
    }

    fn went_well(&self, call: Option<&CallId>) {
        if let Some(call) = call {
            self.trouble.lock().unwrap_or_else(PoisonError::into_inner).remove(call);
        }
    }

    fn failed(&self, call: Option<&CallId>) {
        let Some(call) = call else { return };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.len() >= REMEMBERED && !trouble.contains_key(call) {
            trouble.pop_first();
        }
        let spell = trouble.entry(call.clone()).or_default();
        spell.failures += 1;
        if spell.failures >= MOST_FAILURES {
            *spell = Spell {
                failures: 0,
                rest: REST_TURNS,
            };
            info!(turns = REST_TURNS, "the language model is left alone for a while");
        }
    }
}

#[async_trait]
impl Interviewer for EmmaService {
    async fn reply(&self, talk: &Talk, request: &ReplyRequest, early: &EarlyNews) -> Reply {
        let suits = matches!(request.cause, Cause::Said(_)) && proposals::suits_a_model(&context(talk, request, &[]));
        let call = talk.call_id.as_ref();
        if !suits || self.rests(call) || self.guided.suspicion(request).await != Suspicion::None {
            let mut reply = self.guided.reply(talk, request, early).await;
            proposals::note_request(&mut reply);
            return reply;
        }
        match self.with_model(talk, request, early).await {
            Ok(reply) => {
                self.went_well(call);
                reply
            }
            Err((trouble, spoken)) => {
                warn!(cause = trouble.as_str(), "the guided interviewer takes this turn");
                metrics::counter!("emma_interviewer_fallbacks_total", "cause" => trouble.as_str()).increment(1);
                self.failed(call);
                let guided = self.guided.reply(talk, request, early).await;
                if spoken { proposals::after_words(guided) } else { guided }
            }
        }
    }

    fn without_help(&self, talk: &Talk, request: &ReplyRequest) -> Reply {
        let mut reply = self.guided.without_help(talk, request);
        proposals::note_request(&mut reply);
        reply
    }
}
