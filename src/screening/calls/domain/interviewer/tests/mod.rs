mod bounds;
mod intents;
mod talks;

use crate::screening::applications::domain::demo::demo_posting;
use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::deterministic_plan;
use crate::screening::calls::domain::coverage::{Coverage, CoverageState};
use crate::screening::calls::domain::interviewer::steering::Suspicion;
use crate::screening::calls::domain::interviewer::{
    Action, Phase, Reply, ReplyContext, TalkHistory, on_silence, open, reply, resume,
};
use crate::screening::calls::domain::ports::RoleFact;
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::InterviewPlan;

fn demo_plan() -> InterviewPlan {
    deterministic_plan(&JobOffer::new(demo_posting()), 1).expect("the demo has a plan")
}

/// A call without sound: what the conversation does with replies, in miniature.
struct Talk {
    plan: InterviewPlan,
    coverage: Coverage,
    phase: Phase,
    question: Option<String>,
    answer: String,
    history: TalkHistory,
    facts: Vec<RoleFact>,
    elapsed_ms: u64,
    time_limit_ms: u64,
    turns: usize,
    ended: Option<EndReason>,
    replies: Vec<Reply>,
}

impl Talk {
    fn begin(plan: InterviewPlan) -> Self {
        let first = open(&plan);
        let mut talk = Self {
            coverage: Coverage::of_plan(&plan),
            plan,
            phase: Phase::Greeting,
            question: None,
            answer: String::new(),
            history: TalkHistory::default(),
            facts: Vec::new(),
            elapsed_ms: 15_000,
            time_limit_ms: 25 * 60_000,
            turns: 0,
            ended: None,
            replies: Vec::new(),
        };
        talk.spoken(first);
        talk
    }

    fn context<'a>(&'a self, utterance: &'a str, answer: &'a str) -> ReplyContext<'a> {
        ReplyContext {
            plan: &self.plan,
            coverage: &self.coverage,
            phase: self.phase,
            question: self.question.as_deref().and_then(|id| self.plan.question(id)),
            answer_so_far: answer,
            utterance,
            facts: &self.facts,
            history: &self.history,
            elapsed_ms: self.elapsed_ms,
            time_limit_ms: self.time_limit_ms,
            typed: false,
            suspicion: Suspicion::None,
        }
    }

    /// The candidate says something; gives Emma's words.
    fn say(&mut self, utterance: &str) -> String {
        assert_eq!(self.ended, None, "the call is over");
        self.turns += 1;
        self.elapsed_ms += 20_000;
        let answer = format!("{} {utterance}", self.answer).trim().to_owned();
        let reply = reply(&self.context(utterance, &answer));
        self.answer = answer;
        self.spoken(reply)
    }

    fn silence(&mut self, times: u32) -> String {
        self.elapsed_ms += 8_000;
        let answer = self.answer.clone();
        let reply = on_silence(&self.context("", &answer), times);
        self.spoken(reply)
    }

    fn come_back(&mut self) -> String {
        let answer = self.answer.clone();
        let reply = resume(&self.context("", &answer));
        self.spoken(reply)
    }

    fn spoken(&mut self, reply: Reply) -> String {
        let text = reply.text();
        self.history.note(&reply);
        match &reply.action {
            Action::Ask { question_id } => {
                self.leave();
                self.phase = Phase::Questions;
                self.question = Some(question_id.clone());
                self.coverage.get_mut(question_id).expect("a planned question").state = CoverageState::Asked;
            }
            Action::Probe { question_id, .. } => {
                assert_eq!(
                    Some(question_id),
                    self.question.as_ref(),
                    "a probe belongs to the open question"
                );
                self.coverage.get_mut(question_id).expect("a planned question").probes += 1;
            }
            Action::InviteQuestions => {
                self.leave();
                self.phase = Phase::CandidateQuestions;
            }
            Action::Close { reason } => {
                self.leave();
                self.phase = Phase::Closing;
                self.ended = Some(*reason);
            }
            Action::Repeat { .. } | Action::Rephrase { .. } | Action::StayOn { .. } | Action::Wait => {}
        }
        self.replies.push(reply);
        text
    }

    fn leave(&mut self) {
        let answered = !self.answer.is_empty();
        self.answer.clear();
        if let Some(covered) = self.question.take().and_then(|id| self.coverage.get_mut(&id)) {
            covered.state = if answered {
                CoverageState::Answered
            } else {
                CoverageState::Skipped
            };
        }
    }

    fn last(&self) -> &Reply {
        self.replies.last().expect("something was said")
    }

    fn asked(&self) -> Vec<&str> {
        let id = |reply: &'_ Reply| match &reply.action {
            Action::Ask { question_id } => self.plan.question(question_id).map(|q| q.id.as_str()),
            _ => None,
        };
        self.replies.iter().filter_map(id).collect()
    }
}
