//! A plan as a language model drafts it. The words Emma must say (greeting, disclosure, closing) and all times are ours.

use serde::Deserialize;

use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::lines::{LineKind, kind_of, prohibited_in};
use crate::screening::applications::domain::plan::validate::faults;
use crate::screening::applications::domain::plan::{PlanFault, frame, think_time_ms, time_budget_s};
use crate::screening::shared::plan::{Criterion, InterviewPlan, MadeBy, Question, QuestionKind};

/// Longest text of a drafted plan, characters.
pub const MAX_TEXT: usize = 400;
const MAX_TOPIC: usize = 60;
const MAX_KEYWORDS: usize = 30;
const MAX_CRITERIA: usize = 16;

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
    found.extend(prohibited(&plan, offer));
    if found.is_empty() { Ok(plan) } else { Err(found) }
}

fn lengths(plan: &InterviewPlan) -> Vec<PlanFault> {
    let mut found = Vec::new();
    let mut check = |place: String, text: &str, most: usize| {
        if text.chars().count() > most {
            found.push(PlanFault::TooLong { place, most });
        }
    };
    for q in &plan.questions {
        check(format!("{}.topic", q.id), &q.topic, MAX_TOPIC);
        for text in [&q.text, &q.rephrased].into_iter().chain(&q.probes) {
            check(q.id.clone(), text, MAX_TEXT);
        }
    }
    for c in &plan.criteria {
        for text in [&c.name, &c.anchors.one, &c.anchors.three, &c.anchors.five] {
            check(c.id.clone(), text, MAX_TEXT);
        }
        for keyword in &c.keywords {
            check(format!("{}.keywords", c.id), keyword, MAX_TOPIC);
        }
    }
    for c in plan.criteria.iter().filter(|c| c.keywords.len() > MAX_KEYWORDS) {
        let (place, most) = (format!("{}.keywords", c.id), MAX_KEYWORDS);
        found.push(PlanFault::TooLong { place, most });
    }
    if plan.criteria.len() > MAX_CRITERIA {
        let (place, most) = ("criteria".to_owned(), MAX_CRITERIA);
        found.push(PlanFault::TooLong { place, most });
    }
    found
}

/// Criteria that would rate something nobody may be rated by, also where the job offer asks for it.
fn prohibited(plan: &InterviewPlan, offer: &JobOffer) -> Vec<PlanFault> {
    let stated = offer.posting.statements();
    let mut found = Vec::new();
    for c in &plan.criteria {
        let cited = stated.iter().find(|s| s.field == c.job_field).map(|s| s.text.as_str());
        let texts = [&c.name, &c.anchors.one, &c.anchors.three, &c.anchors.five];
        let own = texts.into_iter().chain(&c.keywords).map(String::as_str);
        let is_prohibited = |text: &&str| kind_of(text) == LineKind::Prohibited || prohibited_in(text).is_some();
        if let Some(words) = own.chain(cited).find(is_prohibited) {
            found.push(PlanFault::Prohibited {
                place: c.id.clone(),
                words: words.to_owned(),
            });
        }
    }
    found
}
