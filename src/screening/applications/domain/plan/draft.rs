//! A plan as a language model drafts it. The words Emma must say (greeting, disclosure, closing) and all times are ours.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::keywords::MAX_KEYWORD;
use crate::screening::applications::domain::plan::validate::faults;
use crate::screening::applications::domain::plan::{PlanFault, frame, think_time_ms, time_budget_s};
use crate::screening::shared::plan::{Criterion, CriterionKind, InterviewPlan, MadeBy, Question, QuestionKind};

/// Longest text of a drafted plan, characters.
pub const MAX_TEXT: usize = 400;
const MAX_TOPIC: usize = 60;
const MAX_CRITERIA: usize = 16;
const MAX_KEYWORDS: usize = 30;
/// Follow-ups to choose from, per question.
const MAX_PROBES: usize = 4;

/// The questions and criteria of a plan.
#[derive(Debug, Clone, Deserialize)]
pub struct PlanDraft {
    pub questions: Vec<QuestionDraft>,
    pub criteria: Vec<Criterion>,
}

/// One question of a draft.
#[derive(Debug, Clone, Deserialize)]
pub struct QuestionDraft {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: QuestionKind,
    pub topic: String,
    pub text: String,
    pub rephrased: String,
    pub criterion_ids: Vec<String>,
    pub probes: Vec<String>,
}

/// The plan of a draft, checked against the job offer.
///
/// # Errors
/// Every rule it breaks.
pub fn plan_of_draft(
    draft: PlanDraft,
    offer: &JobOffer,
    version: u32,
    made_by: MadeBy,
) -> Result<InterviewPlan, Vec<PlanFault>> {
    let title = frame::spoken_title(&offer.posting.title);
    let organization = frame::spoken_organization(&offer.posting.organization.name);
    let draft = straightened(draft);
    let question = |q: QuestionDraft| Question {
        time_budget_s: time_budget_s(q.kind),
        think_time_ms: think_time_ms(q.kind),
        id: q.id,
        kind: q.kind,
        topic: q.topic,
        text: q.text,
        rephrased: q.rephrased,
        criterion_ids: q.criterion_ids,
        probes: q.probes,
    };
    let plan = InterviewPlan {
        version,
        language: "en".to_owned(),
        greeting: frame::greeting(&title, &organization),
        closing: frame::closing(&title, &organization),
        job_title: title,
        organization,
        questions: draft.questions.into_iter().map(question).collect(),
        criteria: draft.criteria,
        made_by,
    };
    let mut found = faults(&plan, offer);
    found.extend(lengths(&plan));
    if found.is_empty() { Ok(plan) } else { Err(found) }
}

/// Sets right what small models get wrong and what has one right form only, so that a draft is not lost over it.
fn straightened(mut draft: PlanDraft) -> PlanDraft {
    for q in &mut draft.questions {
        let mut seen = BTreeSet::new();
        q.probes.retain(|probe| seen.insert(probe.clone()));
        q.probes.truncate(MAX_PROBES);
        let known = |id: &String| draft.criteria.iter().any(|c| c.id == *id);
        if q.criterion_ids.iter().any(known) {
            q.criterion_ids.retain(known);
        }
    }
    let questions = &draft.questions;
    draft
        .criteria
        .retain(|c| questions.iter().any(|q| q.criterion_ids.contains(&c.id)));
    for c in &mut draft.criteria {
        // "requirements[1]: Solid experience" copies the whole line.
        if let Some((field, _)) = c.job_field.split_once(':') {
            c.job_field = field.to_owned();
        }
        c.job_field = c.job_field.trim().to_owned();
        if c.kind == CriterionKind::Gate {
            c.weight = 0.0;
        }
        c.keywords = c.keywords.iter().map(|word| word.trim().to_lowercase()).collect();
        c.keywords
            .retain(|word| (1..=MAX_KEYWORD).contains(&word.chars().count()));
        c.keywords.truncate(MAX_KEYWORDS);
    }
    draft
}

/// A draft is held to what its prompt says; a recruiter may say more.
fn lengths(plan: &InterviewPlan) -> Vec<PlanFault> {
    let mut found = Vec::new();
    let mut check = |place: String, size: usize, most: usize| {
        if size > most {
            found.push(PlanFault::TooLong { place, most });
        }
    };
    for q in &plan.questions {
        check(format!("{}.topic", q.id), q.topic.chars().count(), MAX_TOPIC);
        for text in [&q.text, &q.rephrased].into_iter().chain(&q.probes) {
            check(q.id.clone(), text.chars().count(), MAX_TEXT);
        }
    }
    for c in &plan.criteria {
        for text in [&c.name, &c.anchors.one, &c.anchors.three, &c.anchors.five] {
            check(c.id.clone(), text.chars().count(), MAX_TEXT);
        }
    }
    check("criteria".to_owned(), plan.criteria.len(), MAX_CRITERIA);
    found
}
