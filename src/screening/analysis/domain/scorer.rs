//! The deterministic scorer: rates what was said against the plan's criteria by fixed, readable rules.
//!
//! Evidence first: a statement is evidence for a criterion when it is near it in meaning (likeness) or names
//! its keywords. Level second, by what the evidence holds, after the behavioural anchors of structured interviews:
//! 1 = touched on, 2 = described, 3 = own example, 4 = own example in detail, 5 = own example with its outcome.
//! Pace, pauses, accent, fillers, repeated words and grammar are not looked at.

use std::collections::BTreeMap;

use crate::screening::analysis::domain::assessment::{
    Confidence, CriterionScore, Evidence, Finding, FitAssessment, GateResult, GateState, Polarity, Runs, ScoreState,
    SkillFinding, is_scored, recommend, totals,
};
use crate::screening::analysis::domain::statements::Statement;
use crate::screening::shared::plan::{Criterion, InterviewPlan};

/// Written into every assessment this scorer makes.
pub const SCORER_VERSION: &str = "deterministic-3";

/// Relevance from which a statement is evidence. Unrelated sentences stay under 0.25, whatever the model.
const RELEVANT: f32 = 0.42;
/// What a keyword adds to the cosine; two count.
const PER_KEYWORD: f32 = 0.16;
/// What it adds that the statement answers a question about the criterion.
const AT_HOME: f32 = 0.08;
/// Quotes shown per criterion.
pub const MAX_EVIDENCE: usize = 4;

const OWN_ACTION: [&str; 62] = [
    "built",
    "wrote",
    "led",
    "ran",
    "made",
    "designed",
    "created",
    "developed",
    "implemented",
    "introduced",
    "owned",
    "managed",
    "fixed",
    "solved",
    "changed",
    "moved",
    "migrated",
    "replaced",
    "measured",
    "tested",
    "deployed",
    "shipped",
    "launched",
    "organised",
    "organized",
    "planned",
    "trained",
    "taught",
    "mentored",
    "negotiated",
    "sold",
    "handled",
    "set",
    "started",
    "began",
    "worked",
    "helped",
    "reviewed",
    "automated",
    "refactored",
    "debugged",
    "investigated",
    "found",
    "proposed",
    "decided",
    "chose",
    "added",
    "removed",
    "split",
    "rewrote",
    "improved",
    "optimised",
    "optimized",
    "coordinated",
    "supported",
    "cared",
    "treated",
    "delivered",
    "drove",
    "prepared",
    "wired",
    "traced",
];
const OUTCOME: [&str; 34] = [
    "reduced",
    "increased",
    "improved",
    "saved",
    "cut",
    "doubled",
    "halved",
    "grew",
    "dropped",
    "faster",
    "fewer",
    "result",
    "resulted",
    "outcome",
    "because",
    "therefore",
    "so that",
    "which meant",
    "as a result",
    "in the end",
    "successfully",
    "percent",
    "per cent",
    "times",
    "million",
    "thousand",
    "hundred",
    "on time",
    "customers",
    "users",
    "uptime",
    "latency",
    "revenue",
    "errors",
];
const FILLERS: [&str; 17] = [
    "um", "umm", "uhm", "uh", "uhh", "er", "err", "erm", "eh", "ah", "ahm", "hm", "hmm", "mm", "mhm", "εεε", "εμ",
];
const FILLERS_OF_TWO: [&str; 4] = ["you know", "i mean", "sort of", "kind of"];
const AGAINST: [&str; 30] = [
    "i have never",
    "i've never",
    "i haven't",
    "i have not",
    "no experience",
    "not familiar",
    "i don't know",
    "i do not know",
    "i don't have",
    "i do not have",
    "i can't",
    "i cannot",
    "never used",
    "never worked",
    "i never did",
    "i never had",
    "i never built",
    "i never tried",
    "i never got to",
    "i never really",
    "i didn't use",
    "i did not use",
    "i can not",
    "i don't think i",
    "not really used",
    "don't really know",
    "i am not able",
    "i'm not able",
    "i would not be able",
    "not available",
];

/// Rates the statements. `similarity[s][c]` is the likeness of statement `s` to criterion `c` of the plan
/// (`shared/embeddings/likeness.rs`), -1 to 1.
pub fn score(
    plan: &InterviewPlan,
    statements: &[Statement<'_>],
    similarity: &[Vec<f32>],
    transcript_sha256: &str,
) -> FitAssessment {
    let rated: Vec<(&Criterion, Vec<Found<'_>>)> = plan
        .criteria
        .iter()
        .enumerate()
        .map(|(c, criterion)| (criterion, evidence_for(plan, criterion, c, statements, similarity)))
        .collect();
    let criteria: Vec<CriterionScore> = rated
        .iter()
        .filter(|(c, _)| is_scored(c.kind))
        .map(|(c, found)| rate(c, found))
        .collect();
    let gates: Vec<GateResult> = rated
        .iter()
        .filter(|(c, _)| !is_scored(c.kind))
        .map(|(c, found)| gate(c, found))
        .collect();
    let evidence = rated.iter().map(|(c, found)| (c.id.clone(), quotes(found))).collect();
    assemble(
        plan,
        criteria,
        gates,
        &evidence,
        SCORER_VERSION.to_owned(),
        transcript_sha256,
    )
}

/// The assessment that ratings make: totals, recommendation, skills, strengths and concerns, the same for every scorer.
pub(super) fn assemble(
    plan: &InterviewPlan,
    criteria: Vec<CriterionScore>,
    gates: Vec<GateResult>,
    evidence: &BTreeMap<String, Vec<Evidence>>,
    scorer_version: String,
    transcript_sha256: &str,
) -> FitAssessment {
    let (score, coverage) = totals(&criteria);
    let skills = plan
        .criteria
        .iter()
        .filter(|c| c.job_field.starts_with("skills["))
        .map(|c| {
            let evidence = evidence.get(&c.id).cloned().unwrap_or_default();
            SkillFinding {
                name: c.name.clone(),
                mentioned: !evidence.is_empty(),
                level: criteria.iter().find(|s| s.criterion_id == c.id).and_then(|s| s.level),
                evidence,
            }
        })
        .collect();
    FitAssessment {
        score,
        coverage,
        strengths: findings(&criteria, |level| level >= 4, "spoke to this with detail of their own"),
        concerns: findings(&criteria, |level| level <= 2, "said little to show this"),
        recommendation: recommend(score, &criteria, &gates),
        criteria,
        gates,
        skills,
        rubric_version: plan.version,
        scorer_version,
        calls: Vec::new(),
        transcript_sha256: transcript_sha256.to_owned(),
        dropped: 0,
    }
}

/// Whether somebody says here not to have or not to do something.
pub(super) fn speaks_against(text: &str) -> bool {
    let said = plain(text);
    AGAINST.iter().any(|phrase| contains_words(&said, phrase))
}

/// The text a criterion is compared by.
pub fn criterion_text(criterion: &Criterion) -> String {
    format!("{}. {}", criterion.name, criterion.anchors.five)
}

struct Found<'a> {
    statement: &'a Statement<'a>,
    relevance: f32,
    polarity: Polarity,
}

fn evidence_for<'a>(
    plan: &InterviewPlan,
    criterion: &Criterion,
    index: usize,
    statements: &'a [Statement<'a>],
    similarity: &[Vec<f32>],
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = statements
        .iter()
        .zip(similarity)
        .filter_map(|(statement, cosines)| {
            let plain = plain(statement.text);
            let hits = criterion
                .keywords
                .iter()
                .filter(|k| contains_words(&plain, &self::plain(k)))
                .count();
            let question = statement
                .segment
                .question_id
                .as_deref()
                .and_then(|id| plan.question(id));
            let at_home = question.is_some_and(|q| q.criterion_ids.contains(&criterion.id));
            let relevance = cosines.get(index).copied().unwrap_or(0.0)
                + PER_KEYWORD * hits.min(2) as f32
                + if at_home { AT_HOME } else { 0.0 };
            let against = speaks_against(statement.text);
            let polarity = if against { Polarity::Against } else { Polarity::For };
            // "I have never used it" names little but says much: asked about it, it counts.
            let relevant = relevance >= RELEVANT || (against && at_home && hits > 0);
            relevant.then_some(Found {
                statement,
                relevance,
                polarity,
            })
        })
        .collect();
    found.sort_by(|a, b| b.relevance.total_cmp(&a.relevance));
    found
}

fn rate(criterion: &Criterion, found: &[Found<'_>]) -> CriterionScore {
    let evidence = quotes(found);
    let speaks_for = found.iter().filter(|f| f.polarity == Polarity::For).count();
    let speaks_against = found.len() - speaks_for;
    let (state, level, rationale) = match (speaks_for, speaks_against) {
        (0, 0) => (
            ScoreState::NotAssessed,
            None,
            "Nothing that was said speaks to this.".to_owned(),
        ),
        (0, _) => (ScoreState::Scored, Some(1), "Said not to have this yet.".to_owned()),
        (pro, contra) if contra >= pro => (
            ScoreState::Conflicting,
            None,
            "What was said speaks both for and against; a person should look.".to_owned(),
        ),
        _ => {
            let (level, why) = level_of(found);
            (ScoreState::Scored, Some(level), why)
        }
    };
    let confidence = match found {
        [_, _, _, ..] if found[0].relevance >= RELEVANT + 0.15 => Confidence::High,
        [_, _, ..] => Confidence::Medium,
        _ => Confidence::Low,
    };
    CriterionScore {
        criterion_id: criterion.id.clone(),
        name: criterion.name.clone(),
        weight: criterion.weight,
        level,
        state,
        evidence,
        rationale,
        confidence,
        runs: Runs {
            n: 1,
            levels: level.into_iter().collect(),
            agreement: 1.0,
        },
    }
}

/// One level for touching on it, and one for each of: enough said, own action, detail over several statements, outcome.
fn level_of(found: &[Found<'_>]) -> (u8, String) {
    let texts: Vec<String> = found
        .iter()
        .filter(|f| f.polarity == Polarity::For)
        .map(|f| fluent(&plain(f.statement.text)))
        .collect();
    let words: usize = texts.iter().map(|t| t.split_whitespace().count()).sum();
    let described = words >= 12;
    let own = texts.iter().any(|t| is_own_action(t));
    let detailed = texts.len() >= 2 && words >= 30;
    let outcome = texts.iter().any(|t| {
        OUTCOME.iter().any(|o| contains_words(t, o))
            || t.split_whitespace().any(|w| w.bytes().any(|b| b.is_ascii_digit()))
    });
    let has = [
        (described, "a description"),
        (own, "an own example"),
        (detailed, "detail"),
        (outcome, "an outcome or a figure"),
    ];
    let level = 1 + has.iter().filter(|(there, _)| *there).count() as u8;
    let list = |want: bool| {
        has.iter()
            .filter(|(there, _)| *there == want)
            .map(|(_, what)| *what)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let why = match (list(true), list(false)) {
        (there, missing) if missing.is_empty() => format!("The statements hold {there}."),
        (there, missing) if there.is_empty() => format!("It was touched on; missing: {missing}."),
        (there, missing) => format!("The statements hold {there}; missing: {missing}."),
    };
    (level, why)
}

/// Plain text as if it had been said without hesitation: no fillers, and nothing twice in a row.
fn fluent(text: &str) -> String {
    let mut said = format!(" {text} ");
    for filler in FILLERS_OF_TWO {
        said = said.replace(&format!(" {filler} "), " ");
    }
    let mut words: Vec<&str> = said.split_whitespace().filter(|w| !FILLERS.contains(w)).collect();
    words.dedup();
    words.join(" ")
}

/// "I built …", "we then migrated …": a first person followed soon by something done.
fn is_own_action(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().any(|(i, word)| {
        matches!(*word, "i" | "we" | "i've" | "we've" | "i'd")
            && words[i + 1..]
                .iter()
                .take(4)
                .any(|w| OWN_ACTION.contains(w) || (w.len() > 5 && w.ends_with("ed")))
    })
}

fn gate(criterion: &Criterion, found: &[Found<'_>]) -> GateResult {
    let polarities: Vec<Polarity> = found.iter().map(|f| f.polarity).collect();
    gate_of(criterion, &polarities, quotes(found))
}

/// A condition, as far as the statements about it go.
pub(super) fn gate_of(criterion: &Criterion, polarities: &[Polarity], evidence: Vec<Evidence>) -> GateResult {
    let result = match (
        polarities.contains(&Polarity::For),
        polarities.contains(&Polarity::Against),
    ) {
        (true, false) => GateState::Met,
        (false, true) => GateState::NotMet,
        _ => GateState::Unclear,
    };
    GateResult {
        gate_id: criterion.id.clone(),
        name: criterion.name.clone(),
        result,
        evidence,
        needs_confirmation: true,
    }
}

fn quotes(found: &[Found<'_>]) -> Vec<Evidence> {
    let quote = |f: &Found<'_>| {
        let (start_ms, end_ms) = f.statement.times();
        Evidence {
            call_id: None,
            segment_id: f.statement.segment.id.clone(),
            char_start: f.statement.char_start,
            char_end: f.statement.char_end,
            start_ms,
            end_ms,
            quote: f.statement.text.to_owned(),
            polarity: f.polarity,
        }
    };
    found.iter().take(MAX_EVIDENCE).map(quote).collect()
}

fn findings(criteria: &[CriterionScore], wanted: impl Fn(u8) -> bool, what: &str) -> Vec<Finding> {
    let matching = criteria.iter().filter(|c| c.level.is_some_and(&wanted));
    matching
        .map(|c| Finding {
            criterion_id: c.criterion_id.clone(),
            text: format!("{}: {what}", c.name),
            evidence: c.evidence.clone(),
        })
        .collect()
}

/// Lower case, letters, digits and the signs inside words ("c++", "node.js"), single spaces.
fn plain(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .replace('’', "'")
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '\'' | '+' | '#' | '.') {
                c
            } else {
                ' '
            }
        })
        .collect();
    kept.split_whitespace()
        .map(|w| w.trim_matches('.'))
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether `phrase` stands in `text` at word borders.
fn contains_words(text: &str, phrase: &str) -> bool {
    !phrase.is_empty() && format!(" {text} ").contains(&format!(" {phrase} "))
}

#[cfg(test)]
mod tests;
