//! The interview plan made from a job offer without any language model: what is asked, why, and how it is rated.
//!
//! Opening question on the most important responsibility, one on each of the most important skills or requirements,
//! one situation from the daily work, one on the practical conditions, which are gates for a human to confirm.

mod bank_office;
mod bank_people;
mod bank_technology;
mod conditions;
mod conduct;
mod draft;
mod frame;
pub mod keywords;
pub mod lines;
pub mod phrase;
mod questions;
mod subjects;
mod tidy;
mod validate;

pub use draft::{MAX_TEXT, PlanDraft, plan_of_draft};
pub use validate::{PlanFault, validate};

use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::shared::plan::{Criterion, InterviewPlan, MadeBy, Question, QuestionKind};

/// Subjects asked about one by one, at most.
const MAX_SUBJECTS: usize = 3;
/// Fewer questions than this are filled up with general ones.
const FEWEST: usize = 4;

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the job offer has no title")]
    NoTitle,
    #[error("the plan is not sound: {0}")]
    Unsound(String),
}

/// The plan for a job offer; the same offer always gives the same plan.
///
/// # Errors
/// When the offer has no title, or (a bug) the result breaks a rule of [`validate`].
pub fn deterministic_plan(offer: &JobOffer, version: u32) -> Result<InterviewPlan, PlanError> {
    let posting = &offer.posting;
    let title = frame::spoken_title(&posting.title);
    if title.is_empty() {
        return Err(PlanError::NoTitle);
    }
    let organization = frame::spoken_organization(&posting.organization.name);
    let mut drafts: Vec<Draft> = Vec::new();
    let duties = subjects::duties(posting);
    drafts.push(questions::opening(&title, duties.first()));
    let avoid = duties.first().map(|d| d.text.clone());
    for (turn, subject) in subjects::skills(posting, avoid.as_deref())
        .into_iter()
        .take(MAX_SUBJECTS)
        .enumerate()
    {
        drafts.push(questions::on_subject(&subject, turn, &drafts));
    }
    if let Some(duty) = duties.get(1) {
        drafts.push(questions::situation(duty));
    }
    let mut closing = conditions::drafts(posting);
    // What a line of the posting makes of a question that must not be asked is left out, not the whole plan.
    drafts.retain(|draft| validate::is_fit(draft, &title));
    closing.retain(|draft| validate::is_fit(draft, &title));
    for general in questions::general(&title) {
        if drafts.len() + closing.len() >= FEWEST {
            break;
        }
        drafts.push(general);
    }
    drafts.extend(closing);
    let plan = assemble(drafts, version, title, organization);
    validate(&plan, offer).map_err(|fault| PlanError::Unsound(fault.to_string()))?;
    Ok(plan)
}

/// A question and its criteria before they have ids.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub kind: QuestionKind,
    pub topic: String,
    pub text: String,
    pub rephrased: String,
    pub probes: Vec<String>,
    pub criteria: Vec<Criterion>,
}

fn assemble(drafts: Vec<Draft>, version: u32, job_title: String, organization: String) -> InterviewPlan {
    let mut questions = Vec::with_capacity(drafts.len());
    let mut criteria: Vec<Criterion> = Vec::new();
    for (i, draft) in drafts.into_iter().enumerate() {
        let mut criterion_ids = Vec::with_capacity(draft.criteria.len());
        for mut criterion in draft.criteria {
            criterion.id = format!("c{}", criteria.len() + 1);
            criterion_ids.push(criterion.id.clone());
            criteria.push(criterion);
        }
        questions.push(Question {
            id: format!("q{}", i + 1),
            kind: draft.kind,
            topic: draft.topic,
            text: draft.text,
            rephrased: draft.rephrased,
            criterion_ids,
            probes: draft.probes,
            time_budget_s: time_budget_s(draft.kind),
            think_time_ms: think_time_ms(draft.kind),
        });
    }
    InterviewPlan {
        version,
        language: "en".to_owned(),
        greeting: frame::greeting(&job_title, &organization),
        closing: frame::closing(&job_title, &organization),
        job_title,
        organization,
        questions,
        criteria,
        made_by: MadeBy::Deterministic,
    }
}

/// Soft limit for a topic: a story takes longer than a date.
const fn time_budget_s(kind: QuestionKind) -> u32 {
    match kind {
        QuestionKind::Behavioral => 150,
        QuestionKind::Situational | QuestionKind::Knowledge => 120,
        QuestionKind::Logistics => 75,
    }
}

/// Silence before a reassurance: remembering takes longer than knowing.
const fn think_time_ms(kind: QuestionKind) -> u32 {
    match kind {
        QuestionKind::Behavioral => 8_000,
        QuestionKind::Situational => 7_000,
        QuestionKind::Knowledge => 6_000,
        QuestionKind::Logistics => 4_000,
    }
}

#[cfg(test)]
mod tests;
