//! How much of the plan was asked, heard and answered. Kept by the conversation, never by a language model.

use serde::{Deserialize, Serialize};

use crate::screening::shared::plan::InterviewPlan;

/// The state of every planned question, in plan order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Coverage(pub Vec<QuestionCoverage>);

/// The state of one planned question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QuestionCoverage {
    pub question_id: String,
    pub state: CoverageState,
    /// Whether the candidate heard the whole question.
    pub heard: bool,
    /// Follow-ups asked.
    pub probes: u8,
    /// Time spent on the topic, milliseconds.
    pub time_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    NotReached,
    Asked,
    Answered,
    /// The candidate would rather not answer, or stayed silent; never a penalty.
    Skipped,
}

/// The counts that travel with `CallFinished`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CoverageSummary {
    pub asked: usize,
    pub answered: usize,
    pub total: usize,
}

impl Coverage {
    /// Nothing asked yet.
    pub fn of_plan(plan: &InterviewPlan) -> Self {
        Self(
            plan.questions
                .iter()
                .map(|q| QuestionCoverage {
                    question_id: q.id.clone(),
                    state: CoverageState::NotReached,
                    heard: false,
                    probes: 0,
                    time_ms: 0,
                })
                .collect(),
        )
    }

    pub fn get_mut(&mut self, question_id: &str) -> Option<&mut QuestionCoverage> {
        self.0.iter_mut().find(|q| q.question_id == question_id)
    }

    pub fn get(&self, question_id: &str) -> Option<&QuestionCoverage> {
        self.0.iter().find(|q| q.question_id == question_id)
    }

    pub fn summary(&self) -> CoverageSummary {
        CoverageSummary {
            asked: self.0.iter().filter(|q| q.state != CoverageState::NotReached).count(),
            answered: self.0.iter().filter(|q| q.state == CoverageState::Answered).count(),
            total: self.0.len(),
        }
    }
}
