//! The interview plan: what will be asked, why, and how answers are rated. Immutable; an edit is a new version.

use serde::{Deserialize, Serialize};

/// What Emma asks in one interview and the criteria its answers are rated by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InterviewPlan {
    /// Counts up from 1 with every edit.
    pub version: u32,
    /// BCP 47 tag of the language of the interview, e.g. `en`.
    pub language: String,
    /// Job title and organisation as Emma says them.
    pub job_title: String,
    pub organization: String,
    /// Said first: who Emma is, that she is an AI, recording, who decides, how long it takes.
    pub greeting: String,
    /// In the order they are asked; 4 to 8.
    pub questions: Vec<Question>,
    pub criteria: Vec<Criterion>,
    /// Said last: thanks and what happens next.
    pub closing: String,
    #[serde(default)]
    pub made_by: MadeBy,
}

/// How a plan came about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum MadeBy {
    /// From the fields of the job offer by fixed rules.
    #[default]
    Deterministic,
    /// Drafted by a language model and checked against the job offer.
    LanguageModel {
        model: String,
        /// Name and version, e.g. `plan.v1`.
        prompt: String,
    },
    /// Edited by a person; nothing but another edit takes its place.
    Recruiter,
}

/// One prepared question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Question {
    /// Stable within the plan, e.g. `q3`.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: QuestionKind,
    /// Two or three words for the progress display, e.g. `Payments APIs`.
    pub topic: String,
    pub text: String,
    /// The same question in simpler words, for "could you rephrase that" and after a silence.
    pub rephrased: String,
    pub criterion_ids: Vec<String>,
    /// Follow-ups to choose from when an answer is short or off the point; at most two are used.
    pub probes: Vec<String>,
    /// Soft limit for the whole topic, seconds.
    pub time_budget_s: u32,
    /// Silence granted before a reassurance, milliseconds.
    pub think_time_ms: u32,
}

/// What a question is after; decides patience and what a full answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// Something the candidate did.
    Behavioral,
    /// Something the candidate would do.
    Situational,
    /// Something the candidate knows.
    Knowledge,
    /// Dates, place, hours, right to work.
    Logistics,
}

/// What answers are rated by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Criterion {
    /// Stable within the plan, e.g. `c2`.
    pub id: String,
    pub name: String,
    /// Where in the job offer it comes from, e.g. `skills[1]`; every criterion cites one.
    pub job_field: String,
    pub kind: CriterionKind,
    /// Relative weight among the scored criteria; 0 for gates.
    pub weight: f32,
    pub anchors: Anchors,
    /// Words that point at evidence, lower case.
    pub keywords: Vec<String>,
}

/// Whether a criterion adds to the score or sends the application to a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CriterionKind {
    Scored,
    /// A condition a human must confirm; never rejects by itself.
    Gate,
}

/// What an answer at level 1, 3 and 5 looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Anchors {
    #[serde(rename = "1")]
    pub one: String,
    #[serde(rename = "3")]
    pub three: String,
    #[serde(rename = "5")]
    pub five: String,
}

impl InterviewPlan {
    /// The question with this id.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions.iter().find(|q| q.id == id)
    }

    /// The criterion with this id.
    pub fn criterion(&self, id: &str) -> Option<&Criterion> {
        self.criteria.iter().find(|c| c.id == id)
    }
}
