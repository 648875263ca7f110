//! The guided interviewer: decides what Emma says from the plan, what was said, and what the posting states. Pure: the
//! same context gives the same reply, so a reply can be prepared ahead and thrown away.
//!
//! It never ends a call or moves the plan by itself: [`Action`] says what is to happen once its words were heard.

mod answer;
pub mod breach;
mod dialogue;
mod flow;
pub mod grounding;
mod guards;
mod history;
pub mod injection;
pub mod intent;
mod lines;
pub mod openings;
pub mod phrases;
mod pick;
pub mod prohibited;
pub mod proposals;
mod protected;
mod reply;
mod role;
pub mod sense;
mod silence;
pub mod speech_guard;
pub mod steering;

pub use dialogue::Dialogue;
pub use guards::{COVER, covered, not_evidence, not_evidence_in, places_of, protected_parts};
pub use history::TalkHistory;
pub use lines::{lines, role_lines};
pub use reply::reply;
pub use role::{lookup_query, told_and_asked};
pub use silence::{on_no_audio, on_silence};

use serde::{Deserialize, Serialize};

use crate::screening::calls::domain::coverage::{Coverage, CoverageState};
use crate::screening::calls::domain::interviewer::pick::pick;
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::segment::SegmentKind;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::{InterviewPlan, Question};

/// The part of the interview the candidate is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Greeting,
    Questions,
    /// Emma has asked what the candidate would like to know.
    CandidateQuestions,
    Closing,
}

/// Everything a reply is decided from.
#[derive(Debug, Clone, Copy)]
pub struct ReplyContext<'a> {
    pub plan: &'a InterviewPlan,
    pub coverage: &'a Coverage,
    pub phase: Phase,
    /// The current question.
    pub question: Option<&'a Question>,
    /// All the candidate said to the current question, this turn included.
    pub answer_so_far: &'a str,
    /// This turn; empty where the candidate said nothing.
    pub utterance: &'a str,
    /// What the posting says about the question in the utterance, best first; empty when nothing was found or looked up.
    pub facts: &'a [RoleFact],
    pub history: &'a TalkHistory,
    /// The call's media clock.
    pub elapsed_ms: u64,
    pub time_limit_ms: u64,
    /// Whether the candidate typed this turn.
    pub typed: bool,
    /// What the second look for attempts to steer says of this turn.
    pub suspicion: Suspicion,
}

/// What Emma says next and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// In order. The last part carries the action.
    pub parts: Vec<SpeechPart>,
    pub action: Action,
    pub flags: Vec<Flag>,
}

/// One thing Emma says: one segment of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechPart {
    pub text: String,
    pub kind: SegmentKind,
    pub question_id: Option<String>,
    /// Job fields it is taken from, e.g. `benefits[0]`.
    pub source_refs: Vec<String>,
}

/// What happens once the words were heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// This question is the current one from now on.
    Ask { question_id: String },
    /// A follow-up of the question's bank; an index past the bank is the general, easier one.
    Probe { question_id: String, index: usize },
    /// The question was said again.
    Repeat { question_id: String },
    /// The question was said in other words.
    Rephrase { question_id: String },
    /// Something else was answered; the current question (none outside the questions) still waits for its answer.
    StayOn { question_id: Option<String> },
    /// Listen on with more patience than usual.
    Wait,
    /// The candidate's own questions begin.
    InviteQuestions,
    /// The call ends.
    Close { reason: EndReason },
}

/// Something for a human to look at. Never a penalty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    InjectionSuspected,
    /// The turn holds something that must not be evidence.
    ProtectedTopic,
    HumanRequested,
    AccommodationRequested,
    Distress,
    /// The candidate spoke of ending their life.
    Crisis,
    Abuse,
    /// Somebody else seems to be speaking.
    WrongPerson,
    /// The speaker seems to be under age.
    Minor,
    /// A sentence that seems meant to steer the interviewer, by what it means; it is no evidence.
    Suspected(String),
    /// The candidate would rather not answer this question.
    Skipped(String),
    /// Asked by the candidate, not answered by the posting.
    UnansweredQuestion(String),
    /// What a language model found worth noting in an answer, in the candidate's own words.
    Noted(String),
}

impl Reply {
    /// The sentences of the candidate's turn that seem meant to steer the interviewer.
    pub fn suspected(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for flag in &self.flags {
            if let Flag::Suspected(sentence) = flag {
                found.push(sentence.as_str());
            }
        }
        found
    }

    /// What the candidate's turn was that this replies to, for its segment in the transcript. Only an answer belongs to
    /// the evidence.
    pub fn turn_kind(&self, phase: Phase) -> SegmentKind {
        let answered = matches!(
            self.action,
            Action::Ask { .. }
                | Action::Probe { .. }
                | Action::InviteQuestions
                | Action::Close {
                    reason: EndReason::AgendaCompleted | EndReason::TimeLimit
                }
        );
        let skipped = self.flags.iter().any(|f| matches!(f, Flag::Skipped(_)));
        if phase == Phase::Questions && answered && !skipped {
            SegmentKind::Answer
        } else if self.parts.iter().any(|p| p.kind == SegmentKind::RoleAnswer) {
            SegmentKind::CandidateQuestion
        } else {
            SegmentKind::Meta
        }
    }
}

/// Builds every pattern, so that the first turn of the first call does not wait for it.
pub fn warm_up() {
    let ground = grounding::Ground {
        facts: &[],
        looked_up: false,
        heard: "",
        asked: "",
        known: "",
    };
    let _ = guards::concerns("hello");
    let _ = lookup_query("what is the salary?", Phase::Questions);
    let _ = speech_guard::check("Hello.", &ground);
    let sense = sense::Sense {
        ground,
        question: "",
        planned: &[],
        said: &[],
        instructions: "",
    };
    let _ = sense::check("Thank you for that.", &sense);
}

/// The first words of the call.
pub fn open(plan: &InterviewPlan) -> Reply {
    Reply {
        parts: vec![part(plan.greeting.clone(), SegmentKind::Greeting, None)],
        action: Action::StayOn { question_id: None },
        flags: Vec::new(),
    }
}

/// Welcome back after a lost connection: the question that still waits for its answer, or the next one.
pub fn resume(ctx: &ReplyContext<'_>) -> Reply {
    let mut parts = vec![meta(pick(phrases::WELCOME_BACK, ctx.history))];
    let waiting = ctx
        .question
        .filter(|q| ctx.coverage.get(&q.id).is_none_or(|c| c.state == CoverageState::Asked));
    match (ctx.phase, waiting) {
        (Phase::Greeting, _) => {
            parts.push(meta(pick(phrases::READY, ctx.history)));
            stay(None, parts)
        }
        (Phase::Questions, Some(question)) => {
            parts.push(part(question.text.clone(), SegmentKind::Question, Some(question)));
            let question_id = question.id.clone();
            plain(parts, Action::Repeat { question_id })
        }
        (Phase::Questions, None) => flow::onward(ctx, parts, Vec::new()),
        (Phase::CandidateQuestions, _) => {
            parts.push(meta(pick(phrases::ANYTHING_ELSE, ctx.history)));
            stay(None, parts)
        }
        (Phase::Closing, _) => flow::goodbye(ctx, Vec::new(), Vec::new()),
    }
}

/// The candidate pressed "repeat", or their words were lost.
pub fn repeat(ctx: &ReplyContext<'_>) -> Reply {
    flow::again(ctx, meta(pick(phrases::REPEATING, ctx.history)), Vec::new())
}

/// The hiring team ends the call.
pub fn call_off() -> Reply {
    let reason = EndReason::RecruiterCancelled;
    let parts = vec![part(phrases::CLOSE_CALLED_OFF, SegmentKind::Closing, None)];
    plain(parts, Action::Close { reason })
}

/// The candidate asked for a person by the button, and confirmed it there.
pub fn hand_over() -> Reply {
    let reason = EndReason::HumanRequested;
    let parts = vec![part(phrases::CLOSE_HUMAN, SegmentKind::Closing, None)];
    Reply {
        flags: vec![Flag::HumanRequested],
        ..plain(parts, Action::Close { reason })
    }
}

/// The time for the call is up: a polite end, whatever is left of the plan.
pub fn time_up(ctx: &ReplyContext<'_>) -> Reply {
    let parts = vec![
        meta(phrases::TIME_IS_UP),
        part(ctx.plan.closing.clone(), SegmentKind::Closing, None),
    ];
    let reason = EndReason::TimeLimit;
    plain(parts, Action::Close { reason })
}

fn part(text: impl Into<String>, kind: SegmentKind, question: Option<&Question>) -> SpeechPart {
    SpeechPart {
        text: text.into(),
        kind,
        question_id: question.map(|q| q.id.clone()),
        source_refs: Vec::new(),
    }
}

fn meta(text: impl Into<String>) -> SpeechPart {
    part(text, SegmentKind::Meta, None)
}

fn plain(parts: Vec<SpeechPart>, action: Action) -> Reply {
    Reply {
        parts,
        action,
        flags: Vec::new(),
    }
}

fn stay(question: Option<&Question>, parts: Vec<SpeechPart>) -> Reply {
    let question_id = question.map(|q| q.id.clone());
    plain(parts, Action::StayOn { question_id })
}

#[cfg(test)]
mod tests;
