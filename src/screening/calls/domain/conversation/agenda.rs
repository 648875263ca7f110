//! Where the interview stands: phase, question, coverage. Moves only when Emma's words were heard.

use std::sync::Arc;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::coverage::{Coverage, CoverageState};
use crate::screening::calls::domain::interviewer::{Action, Phase};
use crate::screening::calls::domain::status::EndReason;
use crate::screening::shared::plan::{InterviewPlan, Question};

/// Silence after the greeting before Emma goes on by herself, ms (the greeting asks whether the candidate is ready).
const GREETING_PATIENCE_MS: u64 = 5_000;
/// Silence in the candidate's own questions before Emma asks again, ms.
const CLOSING_PATIENCE_MS: u64 = 6_000;
/// A candidate whose microphone is muted is typing or away.
const MUTED_FACTOR: u64 = 4;

/// The plan and how far it has been gone through.
#[derive(Debug, Clone)]
pub struct Agenda {
    pub plan: Arc<InterviewPlan>,
    pub coverage: Coverage,
    pub phase: Phase,
    question: Option<String>,
    since: CallTime,
    /// All the candidate said to the current question.
    pub answer: String,
    /// Silences in a row.
    pub silences: u32,
}

/// What applying an action changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    Nowhere,
    ToQuestion,
    ToCandidateQuestions,
    ToTheEnd(EndReason),
}

impl Agenda {
    pub fn new(plan: Arc<InterviewPlan>, coverage: Coverage) -> Self {
        let current = coverage.0.iter().rfind(|q| q.state != CoverageState::NotReached);
        let (phase, question) = match current {
            None => (Phase::Greeting, None),
            Some(q) => (Phase::Questions, Some(q.question_id.clone())),
        };
        Self {
            plan,
            coverage,
            phase,
            question,
            since: CallTime::ZERO,
            answer: String::new(),
            silences: 0,
        }
    }

    /// The question the candidate is answering.
    pub fn question(&self) -> Option<&Question> {
        self.question.as_deref().and_then(|id| self.plan.question(id))
    }

    pub fn question_id(&self) -> Option<String> {
        self.question.clone()
    }

    /// Position of the current question, counted from 1, and its topic.
    pub fn progress(&self) -> Option<(usize, usize, String)> {
        let id = self.question.as_deref()?;
        let index = self.plan.questions.iter().position(|q| q.id == id)?;
        Some((
            index + 1,
            self.plan.questions.len(),
            self.plan.questions[index].topic.clone(),
        ))
    }

    /// How long the candidate may be silent before Emma says something, ms.
    pub fn patience_ms(&self, muted: bool) -> u64 {
        let base = match self.phase {
            Phase::Greeting => GREETING_PATIENCE_MS,
            Phase::Questions => self
                .question()
                .map_or(CLOSING_PATIENCE_MS, |q| u64::from(q.think_time_ms)),
            Phase::CandidateQuestions | Phase::Closing => CLOSING_PATIENCE_MS,
        };
        if muted { base * MUTED_FACTOR } else { base }
    }

    /// What Emma wanted to do has reached the candidate.
    pub fn apply(&mut self, action: &Action, now: CallTime) -> Moved {
        match action {
            Action::Ask { question_id } => {
                self.leave_question(now);
                self.phase = Phase::Questions;
                self.question = Some(question_id.clone());
                if let Some(covered) = self.coverage.get_mut(question_id) {
                    covered.state = CoverageState::Asked;
                }
                Moved::ToQuestion
            }
            Action::Probe { question_id, .. } => {
                if let Some(covered) = self.coverage.get_mut(question_id) {
                    covered.probes = covered.probes.saturating_add(1);
                }
                Moved::Nowhere
            }
            Action::Repeat { .. } | Action::Rephrase { .. } | Action::StayOn { .. } | Action::Wait => Moved::Nowhere,
            Action::InviteQuestions => {
                self.leave_question(now);
                self.phase = Phase::CandidateQuestions;
                Moved::ToCandidateQuestions
            }
            Action::Close { reason } => {
                self.leave_question(now);
                self.phase = Phase::Closing;
                Moved::ToTheEnd(*reason)
            }
        }
    }

    /// The current question was heard to its end.
    pub fn question_heard(&mut self) {
        let id = self.question.clone().unwrap_or_default();
        if let Some(covered) = self.coverage.get_mut(&id) {
            covered.heard = true;
        }
    }

    fn leave_question(&mut self, now: CallTime) {
        let spent = now.since(self.since);
        self.since = now;
        let answered = !self.answer.trim().is_empty();
        self.answer.clear();
        self.silences = 0;
        let Some(id) = self.question.take() else { return };
        if let Some(covered) = self.coverage.get_mut(&id) {
            covered.time_ms += spent;
            if covered.state == CoverageState::Asked {
                covered.state = if answered {
                    CoverageState::Answered
                } else {
                    CoverageState::Skipped
                };
            }
        }
    }
}
