//! The rules every plan keeps, also one written by a language model or edited by a recruiter.

use std::collections::BTreeSet;

use crate::screening::applications::domain::job_offer::JobOffer;
use crate::screening::applications::domain::plan::conduct::{Unfit, discloses, unfit};
use crate::screening::applications::domain::plan::keywords::MAX_KEYWORD;
use crate::screening::applications::domain::plan::lines::{LineKind, kind_of, rates_prohibited};
use crate::screening::applications::domain::plan::{Draft, frame};
use crate::screening::calls::domain::interviewer::prohibited::prohibited_in;
use crate::screening::shared::plan::{Criterion, CriterionKind, InterviewPlan, Question};

/// Longest text that is said in one go, characters.
const MAX_SPOKEN: usize = 1_500;
/// Longest name or anchor of a criterion, characters.
const MAX_CRITERION: usize = 1_000;
const MAX_KEYWORDS: usize = 40;
/// Plenty for eight questions; more is not read by anybody.
const MAX_CRITERIA: usize = 40;
const MAX_ID: usize = 40;

/// A rule a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    #[error("a plan has 4 to 8 questions, not {0}")]
    QuestionCount(usize),
    #[error("the id {0} is used twice")]
    DoubleId(String),
    #[error("question {question} names criterion {criterion}, which does not exist")]
    UnknownCriterion { question: String, criterion: String },
    #[error("question {0} has no criterion")]
    NoCriterion(String),
    #[error("criterion {0} belongs to no question")]
    Orphan(String),
    #[error("criterion {criterion} cites {field}, which the job offer does not have")]
    UnknownField { criterion: String, field: String },
    #[error("criterion {0} has a weight that does not fit its kind")]
    Weight(String),
    #[error("no criterion is scored")]
    NothingScored,
    #[error("{0} is empty")]
    Empty(String),
    #[error("question {0} has too many probes or the same one twice")]
    Probes(String),
    #[error("{place} is longer than {most}")]
    TooLong { place: String, most: usize },
    #[error("{place} holds {mark:?}, which cannot be spoken")]
    Markup { place: String, mark: char },
    #[error("{place} {why}")]
    Unfit { place: String, why: Unfit },
    #[error("{place} rates by something nobody may be rated by: {words}")]
    Rates { place: String, words: String },
    #[error("the greeting does not say that the interviewer is an AI")]
    NoDisclosure,
    #[error("interviews are held in English, not in {0}")]
    Language(String),
}

/// Checks a plan against the offer it was made for.
///
/// # Errors
/// The first rule it breaks.
pub fn validate(plan: &InterviewPlan, offer: &JobOffer) -> Result<(), PlanFault> {
    faults(plan, offer).into_iter().next().map_or(Ok(()), Err)
}

/// Every rule a plan breaks.
pub fn faults(plan: &InterviewPlan, offer: &JobOffer) -> Vec<PlanFault> {
    let mut found = Vec::new();
    if !(4..=8).contains(&plan.questions.len()) {
        found.push(PlanFault::QuestionCount(plan.questions.len()));
    }
    if plan.language != "en" && !plan.language.starts_with("en-") {
        found.push(PlanFault::Language(plan.language.chars().take(MAX_ID).collect()));
    }
    if !discloses(&plan.greeting) {
        found.push(PlanFault::NoDisclosure);
    }
    check_ids(plan, &mut found);
    let names = Names::of(offer);
    for (place, text) in spoken(plan) {
        if text.trim().is_empty() {
            found.push(PlanFault::Empty(place));
        } else if text.chars().count() > MAX_SPOKEN {
            found.push(PlanFault::TooLong {
                place,
                most: MAX_SPOKEN,
            });
        } else if let Some(mark) = text.chars().find(|c| "*_#`|<>[]{}\n\r\t".contains(*c)) {
            found.push(PlanFault::Markup { place, mark });
        } else if let Some(why) = names.unfit(text) {
            found.push(PlanFault::Unfit { place, why });
        }
    }
    for (place, name) in [("job_title", &plan.job_title), ("organization", &plan.organization)] {
        let place = place.to_owned();
        if name.chars().count() > MAX_SPOKEN {
            let most = MAX_SPOKEN;
            found.push(PlanFault::TooLong { place, most });
        } else if let Some(words) = prohibited_in(name) {
            let why = Unfit::Prohibited(words);
            found.push(PlanFault::Unfit { place, why });
        }
    }
    for question in &plan.questions {
        check_question(plan, question, &mut found);
    }
    check_criteria(plan, offer, &mut found);
    for criterion in &plan.criteria {
        found.extend(contents(criterion, &names));
        found.extend(cited(criterion, offer));
    }
    found
}

/// Whether a question made from a line of the posting may be asked and its answers rated.
pub(super) fn is_fit(draft: &Draft, title: &str) -> bool {
    let names = Names(vec![title.to_owned()]);
    let said = [&draft.text, &draft.rephrased, &draft.topic]
        .into_iter()
        .chain(&draft.probes);
    let may_be_said = |text: &String| text.chars().count() <= MAX_SPOKEN && names.unfit(text).is_none();
    said.into_iter().all(may_be_said) && draft.criteria.iter().all(|c| contents(c, &names).is_empty())
}

/// Names of the job offer. They say nothing about who wrote a sentence: a church may look for an organist.
struct Names(Vec<String>);

impl Names {
    fn of(offer: &JobOffer) -> Self {
        let posting = &offer.posting;
        Self(vec![
            frame::spoken_title(&posting.title),
            frame::spoken_organization(&posting.organization.name),
        ])
    }

    /// What must not be asked is not hidden by a name.
    fn unfit(&self, text: &str) -> Option<Unfit> {
        let asked = prohibited_in(text).map(Unfit::Prohibited);
        asked.or_else(|| unfit(&self.out_of(text)))
    }

    fn out_of(&self, text: &str) -> String {
        let named = self.0.iter().filter(|name| name.chars().count() > 2);
        named.fold(text.to_owned(), |text, name| text.replace(name.as_str(), "so-and-so"))
    }
}

/// What is wrong with the words of a criterion.
fn contents(criterion: &Criterion, names: &Names) -> Vec<PlanFault> {
    let mut found = Vec::new();
    let place = || criterion.id.clone();
    let anchors = &criterion.anchors;
    for text in [&criterion.name, &anchors.one, &anchors.three, &anchors.five] {
        if text.chars().count() > MAX_CRITERION {
            found.push(PlanFault::TooLong {
                place: place(),
                most: MAX_CRITERION,
            });
            continue;
        }
        if let Some(words) = rates_prohibited(&names.out_of(text)) {
            found.push(PlanFault::Rates { place: place(), words });
        } else if let Some(why) = names.unfit(text) {
            found.push(PlanFault::Unfit { place: place(), why });
        }
    }
    if criterion.keywords.len() > MAX_KEYWORDS {
        let place = format!("{}.keywords", criterion.id);
        found.push(PlanFault::TooLong {
            place,
            most: MAX_KEYWORDS,
        });
    }
    for keyword in criterion.keywords.iter().take(MAX_KEYWORDS) {
        let place = format!("{}.keywords", criterion.id);
        if keyword.chars().count() > MAX_KEYWORD {
            found.push(PlanFault::TooLong {
                place,
                most: MAX_KEYWORD,
            });
        } else if let Some(words) = rates_prohibited(keyword).or_else(|| prohibited_in(keyword)) {
            found.push(PlanFault::Rates { place, words });
        }
    }
    found
}

/// A criterion from a line that asks for what nobody may be rated by, however it words it.
fn cited(criterion: &Criterion, offer: &JobOffer) -> Option<PlanFault> {
    // A line, not the name of the job or the employer.
    let stated = offer.posting.statements().into_iter().filter(|s| s.field.contains('['));
    let line = stated.into_iter().find(|s| s.field == criterion.job_field)?;
    (kind_of(&line.text) == LineKind::Prohibited).then(|| PlanFault::Rates {
        place: criterion.id.clone(),
        words: line.text,
    })
}

fn check_ids(plan: &InterviewPlan, found: &mut Vec<PlanFault>) {
    let mut seen = BTreeSet::new();
    let ids = plan
        .questions
        .iter()
        .map(|q| &q.id)
        .chain(plan.criteria.iter().map(|c| &c.id));
    for id in ids {
        if id.is_empty() {
            found.push(PlanFault::Empty("an id".to_owned()));
        } else if id.chars().count() > MAX_ID {
            let place = "an id".to_owned();
            found.push(PlanFault::TooLong { place, most: MAX_ID });
        } else if !seen.insert(id) {
            found.push(PlanFault::DoubleId(id.clone()));
        }
    }
}

/// Everything Emma may say, with its place.
fn spoken(plan: &InterviewPlan) -> Vec<(String, &str)> {
    let mut all = vec![
        ("greeting".to_owned(), plan.greeting.as_str()),
        ("closing".to_owned(), plan.closing.as_str()),
    ];
    for q in &plan.questions {
        all.push((format!("{}.text", q.id), &q.text));
        all.push((format!("{}.rephrased", q.id), &q.rephrased));
        all.push((format!("{}.topic", q.id), &q.topic));
        all.extend(
            q.probes
                .iter()
                .enumerate()
                .map(|(i, p)| (format!("{}.probes[{i}]", q.id), p.as_str())),
        );
    }
    all
}

fn check_question(plan: &InterviewPlan, question: &Question, found: &mut Vec<PlanFault>) {
    if question.criterion_ids.is_empty() {
        found.push(PlanFault::NoCriterion(question.id.clone()));
    }
    if let Some(unknown) = question.criterion_ids.iter().find(|id| plan.criterion(id).is_none()) {
        found.push(PlanFault::UnknownCriterion {
            question: question.id.clone(),
            criterion: unknown.clone(),
        });
    }
    let different: BTreeSet<_> = question.probes.iter().collect();
    if question.probes.len() > 4 || different.len() < question.probes.len() {
        found.push(PlanFault::Probes(question.id.clone()));
    }
}

fn check_criteria(plan: &InterviewPlan, offer: &JobOffer, found: &mut Vec<PlanFault>) {
    for criterion in &plan.criteria {
        if !plan.questions.iter().any(|q| q.criterion_ids.contains(&criterion.id)) {
            found.push(PlanFault::Orphan(criterion.id.clone()));
        }
        if !field_exists(&criterion.job_field, offer) {
            found.push(PlanFault::UnknownField {
                criterion: criterion.id.clone(),
                field: criterion.job_field.clone(),
            });
        }
        let sound = match criterion.kind {
            CriterionKind::Scored => criterion.weight > 0.0 && criterion.weight.is_finite(),
            CriterionKind::Gate => criterion.weight == 0.0,
        };
        if !sound {
            found.push(PlanFault::Weight(criterion.id.clone()));
        }
        let anchors = [
            &criterion.anchors.one,
            &criterion.anchors.three,
            &criterion.anchors.five,
        ];
        if criterion.name.is_empty() || anchors.iter().any(|a| a.trim().is_empty()) {
            found.push(PlanFault::Empty(format!("{} (name or anchor)", criterion.id)));
        }
    }
    if plan.criteria.len() > MAX_CRITERIA {
        let place = "criteria".to_owned();
        found.push(PlanFault::TooLong {
            place,
            most: MAX_CRITERIA,
        });
    }
    if !plan.criteria.iter().any(|c| c.kind == CriterionKind::Scored) {
        found.push(PlanFault::NothingScored);
    }
}

/// Whether a reference such as `skills[1]` points at something.
fn field_exists(field: &str, offer: &JobOffer) -> bool {
    let posting = &offer.posting;
    let (name, index) = match field.split_once('[') {
        Some((name, rest)) => match rest.strip_suffix(']').and_then(|i| i.parse::<usize>().ok()) {
            Some(index) => (name, Some(index)),
            None => return false,
        },
        None => (field, None),
    };
    let length = match name {
        "responsibilities" => posting.responsibilities.len(),
        "requirements" => posting.requirements.len(),
        "benefits" => posting.benefits.len(),
        "skills" => posting.skills.len(),
        "languages" => posting.languages.len(),
        "sections" => posting.sections.len(),
        "title" => return index.is_none() && !posting.title.is_empty(),
        "tagline" => return index.is_none() && !posting.tagline.is_empty(),
        "organization.about" | "organization.name" | "organization.size" => return index.is_none(),
        "commitment" => return index.is_none() && posting.commitment.is_some(),
        "place" => return index.is_none() && posting.place.is_some(),
        "compensation" => return index.is_none() && posting.compensation.is_some(),
        _ => return false,
    };
    index.is_some_and(|i| i < length)
}
