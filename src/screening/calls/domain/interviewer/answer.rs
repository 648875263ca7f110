//! How full an answer is: length for its kind, whether it is about the question, what it leaves open. Decides only
//! whether Emma asks further, never a score.

use crate::screening::calls::domain::interviewer::ReplyContext;
use crate::screening::calls::domain::interviewer::phrases::{NOTED_ELSEWHERE, NOTED_HERE};
use crate::screening::shared::plan::{Criterion, InterviewPlan, Question, QuestionKind};

/// Follow-ups on one question.
const PER_QUESTION: u8 = 2;

/// What an answer still wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Nothing,
    /// It was short.
    More,
    /// It was about something else.
    Point,
}

/// Judges everything said to the current question.
pub fn judge(question: &Question, plan: &InterviewPlan, answer: &str, probes: u8) -> Wants {
    let words = plain(answer).split_whitespace().count();
    let short = match question.kind {
        QuestionKind::Behavioral => 25,
        QuestionKind::Situational => 20,
        QuestionKind::Knowledge => 15,
        QuestionKind::Logistics => 2,
    };
    if words < short {
        return if probes == 0 || words * 2 < short {
            Wants::More
        } else {
            Wants::Nothing
        };
    }
    if question.kind == QuestionKind::Logistics || probes > 0 {
        return Wants::Nothing;
    }
    if !is_about(question, plan, answer) {
        return Wants::Point;
    }
    // A story without an end: the result is asked for while it is still a short one.
    if question.kind == QuestionKind::Behavioral && words < 45 && !tells_outcome(answer) {
        return Wants::More;
    }
    Wants::Nothing
}

/// The follow-up to use, if one is left: not asked before, and asking for something the answer does not hold.
pub fn next_probe(ctx: &ReplyContext<'_>, question: &Question) -> Option<usize> {
    if !may_probe(ctx, question) {
        return None;
    }
    let used = ctx.coverage.get(&question.id).map_or(0, |c| c.probes);
    let fresh = |(i, probe): &(usize, &String)| {
        !ctx.history.said_since_question(probe) && (used == 0 || *i > 0 || ctx.history.replies_since_question() > 0)
    };
    let open: Vec<(usize, &String)> = question.probes.iter().enumerate().filter(fresh).collect();
    let useful = open
        .iter()
        .find(|(_, probe)| !answered_already(probe, ctx.answer_so_far));
    useful.or(open.first()).map(|(i, _)| *i)
}

/// Whether a follow-up is left: two for a question, and a budget for the whole interview.
pub fn may_probe(ctx: &ReplyContext<'_>, question: &Question) -> bool {
    let used = ctx.coverage.get(&question.id).map_or(0, |c| c.probes);
    let total: u32 = ctx.coverage.0.iter().map(|c| u32::from(c.probes)).sum();
    let budget = u32::try_from(ctx.plan.questions.len().div_ceil(2) + 1).unwrap_or(4);
    // A second follow-up may not take the last one from the questions to come.
    used < PER_QUESTION && total < budget && !(used == 1 && total + 1 >= budget)
}

/// An acknowledgement that names the skill the candidate spoke of; each skill once in a call.
pub fn skill_acknowledgement(ctx: &ReplyContext<'_>) -> Option<String> {
    let said = plain(ctx.utterance);
    if said.split_whitespace().count() < 12 || has_negation(&said) {
        return None;
    }
    let mut found: Vec<(bool, String)> = Vec::new();
    for criterion in skills(ctx.plan) {
        let here = ctx.question.is_some_and(|q| q.criterion_ids.contains(&criterion.id));
        let template = if here { NOTED_HERE } else { NOTED_ELSEWHERE };
        let said_before = [NOTED_HERE, NOTED_ELSEWHERE]
            .iter()
            .any(|t| ctx.history.times_said(&t.replace("{}", &criterion.name)) > 0);
        if !said_before && mentions(&said, &plain(&criterion.name)) {
            found.push((here, template.replace("{}", &criterion.name)));
        }
    }
    found.sort_by_key(|(here, _)| !here);
    found.into_iter().next().map(|(_, line)| line)
}

/// All acknowledgements of [`skill_acknowledgement`].
pub fn skill_lines(plan: &InterviewPlan) -> Vec<String> {
    skills(plan)
        .flat_map(|c| [NOTED_HERE, NOTED_ELSEWHERE].map(|t| t.replace("{}", &c.name)))
        .collect()
}

/// Criteria whose name is a skill that fits before "experience".
fn skills(plan: &InterviewPlan) -> impl Iterator<Item = &Criterion> {
    plan.criteria.iter().filter(|c| {
        let words: Vec<&str> = c.name.split_whitespace().collect();
        (c.job_field.starts_with("skills[") || c.job_field.starts_with("requirements["))
            && c.weight > 0.0
            && (1..=2).contains(&words.len())
            && words.first().is_some_and(|w| !w.ends_with("ing"))
    })
}

/// Lower case, letters and digits only, apostrophes dropped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if c != '\'' && c != '’' && !out.ends_with(' ') && !out.is_empty() {
            out.push(' ');
        }
    }
    out.trim_end().to_owned()
}

fn is_about(question: &Question, plan: &InterviewPlan, answer: &str) -> bool {
    let said = plain(answer);
    let criteria = question.criterion_ids.iter().filter_map(|id| plan.criterion(id));
    let by_keyword = criteria
        .flat_map(|c| &c.keywords)
        .any(|keyword| mentions(&said, &plain(keyword)));
    by_keyword || {
        let asked = plain(&format!("{} {}", question.text, question.rephrased));
        let own: std::collections::BTreeSet<&str> = asked.split(' ').filter(|w| w.len() > 5).collect();
        said.split(' ')
            .filter(|w| own.contains(w))
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            >= 2
    }
}

/// Whether the words of `name` stand in `said` in this order, endings aside.
fn mentions(said: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let stems: Vec<&str> = name.split(' ').map(stem).collect();
    let words: Vec<&str> = said.split(' ').collect();
    words.windows(stems.len()).any(|window| {
        window.iter().zip(&stems).all(|(word, stem)| {
            if stem.len() < 4 {
                word == stem
            } else {
                word.starts_with(stem)
            }
        })
    })
}

fn stem(word: &str) -> &str {
    for ending in ["ing", "ed", "es", "s", "e"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.len() >= 4) {
            return stem;
        }
    }
    word
}

fn tells_outcome(answer: &str) -> bool {
    let said = plain(answer);
    [
        "result",
        "in the end",
        "finally",
        "eventually",
        "outcome",
        "reduced",
        "increased",
        "improved",
        "saved",
        "percent",
        "successful",
        "worked out",
        "turned out",
        "since then",
        "learned",
        "grew",
        "faster",
        "solved",
        "fixed",
        "delivered",
    ]
    .iter()
    .any(|word| mentions(&said, word))
}

fn answered_already(probe: &str, answer: &str) -> bool {
    let probe = plain(probe);
    if probe.contains("result") || probe.contains("how did it end") || probe.contains("turn out") {
        return tells_outcome(answer);
    }
    if probe.contains("yourself") || probe.contains("own part") {
        return plain(answer).split(' ').filter(|w| *w == "i").count() >= 3;
    }
    false
}

fn has_negation(said: &str) -> bool {
    said.split(' ').any(|w| {
        [
            "not", "never", "no", "nor", "without", "dont", "didnt", "havent", "hasnt", "cant", "couldnt", "wasnt",
            "isnt", "little", "none",
        ]
        .contains(&w)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whatever_its_ending() {
        assert!(mentions("we indexed the tables and partitioned them", "partition"));
        assert!(mentions("i read the query plans first", "query plan"));
        assert!(!mentions("i said so to him", "sql"));
        assert!(!mentions("", "x"));
    }
}
