//! What of a posting is worth a question, most important first.

use crate::screening::applications::domain::job_offer::Posting;
use crate::screening::applications::domain::plan::keywords::keywords_of;
use crate::screening::applications::domain::plan::lines::{LineKind, kind_of};
use crate::screening::applications::domain::plan::phrase::{activity, thing, years};
use crate::screening::calls::domain::interviewer::prohibited::prohibited_in;

/// Something to talk about and where the posting says it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// E.g. `skills[1]`.
    pub field: String,
    /// A noun or gerund phrase.
    pub text: String,
    pub must_have: bool,
    pub years: Option<u32>,
}

/// Responsibilities somebody can tell a story about, in the posting's order.
pub fn duties(posting: &Posting) -> Vec<Subject> {
    let mut found: Vec<Subject> = Vec::new();
    for (i, line) in posting.responsibilities.iter().enumerate() {
        if kind_of(line) != LineKind::Subject {
            continue;
        }
        let Some(text) = activity(line).filter(|t| askable(t)) else {
            continue;
        };
        found.push(Subject {
            field: format!("responsibilities[{i}]"),
            text,
            must_have: true,
            years: None,
        });
    }
    found
}

/// Skills and requirements without doubles: what must be there first, then the posting's order. A subject that is
/// `already` asked about comes last.
pub fn skills(posting: &Posting, already: Option<&str>) -> Vec<Subject> {
    let required: Vec<Subject> = posting
        .requirements
        .iter()
        .enumerate()
        .filter(|(_, line)| kind_of(line) == LineKind::Subject)
        .filter_map(|(i, line)| {
            Some(Subject {
                field: format!("requirements[{i}]"),
                text: thing(line)?,
                must_have: !is_optional(line),
                years: years(line),
            })
        })
        .collect();
    let named: Vec<Subject> = posting
        .skills
        .iter()
        .enumerate()
        .filter(|(_, skill)| kind_of(&skill.name) == LineKind::Subject)
        .filter_map(|(i, skill)| {
            Some(Subject {
                field: format!("skills[{i}]"),
                text: thing(&skill.name)?,
                must_have: skill.must_have,
                years: skill.experience.as_deref().and_then(years),
            })
        })
        .collect();
    let (must, nice): (Vec<_>, Vec<_>) = named.into_iter().partition(|s| s.must_have);
    let (asked, optional): (Vec<_>, Vec<_>) = required.into_iter().partition(|s| s.must_have);
    let mut found: Vec<Subject> = Vec::new();
    for subject in must.into_iter().chain(asked).chain(nice).chain(optional) {
        if !askable(&subject.text) {
            continue;
        }
        match found.iter_mut().find(|f| same(&f.text, &subject.text)) {
            Some(double) => double.years = double.years.or(subject.years),
            None => found.push(subject),
        }
    }
    if let Some(already) = already {
        found.sort_by_key(|subject| same(already, &subject.text));
    }
    found
}

fn is_optional(line: &str) -> bool {
    let line = line.to_lowercase();
    [
        "a plus",
        "nice to have",
        "preferred",
        "bonus",
        "ideally",
        "desirable",
        "optional",
        "advantage",
    ]
    .iter()
    .any(|word| line.contains(word))
}

fn askable(text: &str) -> bool {
    prohibited_in(text).is_none() && text.split_whitespace().count() <= 14
}

/// Whether two subjects are about the same: the shorter one's own words are all in the longer one.
fn same(a: &str, b: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        keywords_of(text)
            .into_iter()
            .filter(|k| lower.contains(k.as_str()))
            .collect()
    };
    let (a, b) = (words(a), words(b));
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    !short.is_empty() && short.iter().all(|word| long.contains(word))
}
