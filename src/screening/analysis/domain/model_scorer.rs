//! Ratings of a language model made into an assessment: several runs agree or do not, and nothing stands without evidence.

use std::collections::BTreeMap;

use crate::screening::analysis::domain::assessment::{
    Confidence, CriterionScore, Evidence, FitAssessment, Polarity, Runs, ScoreState, is_scored,
};
use crate::screening::analysis::domain::claims::Verified;
use crate::screening::analysis::domain::scorer::{assemble, gate_of};
use crate::screening::calls::domain::interviewer::not_evidence;
use crate::screening::shared::plan::{Criterion, InterviewPlan};

/// What every assessment of this scorer is marked with, before the model and the prompts.
pub const SCORER_VERSION: &str = "model-1";
/// A criterion for which nothing but statements against it were found gets no more.
const MOST_AGAINST: u8 = 2;
const LONGEST_RATIONALE: usize = 300;
const PLAIN_RATIONALE: &str = "Rated from the statements quoted here.";
/// A rationale that speaks of these rates the manner and is not shown.
const MANNER: [&str; 16] = [
    "accent",
    "pronunc",
    "fluent",
    "fluency",
    "grammar",
    "hesita",
    "pause",
    "tone of",
    "voice",
    "nervous",
    "emotion",
    "enthusias",
    "personality",
    "confident",
    "confidence",
    "attitude",
];

/// One rating of one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    pub verdict: Verdict,
    pub rationale: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 1 to 5.
    Level(u8),
    NotAssessed,
    Conflicting,
}

/// One run over all criteria, by criterion.
pub type Run = BTreeMap<String, Rating>;

/// The assessment that these runs agree on.
pub fn assess(
    plan: &InterviewPlan,
    verified: &Verified,
    runs: &[Run],
    scorer_version: String,
    transcript_sha256: &str,
) -> FitAssessment {
    let evidence_of = |c: &Criterion| verified.of.get(&c.id).cloned().unwrap_or_default();
    let (scored, gated): (Vec<_>, Vec<_>) = plan.criteria.iter().partition(|c| is_scored(c.kind));
    let criteria = scored.into_iter().map(|c| rate(c, evidence_of(c), runs)).collect();
    let gate = |c: &Criterion| {
        let evidence = evidence_of(c);
        let polarities: Vec<Polarity> = evidence.iter().map(|e| e.polarity).collect();
        gate_of(c, &polarities, evidence)
    };
    let gates = gated.into_iter().map(gate).collect();
    let mut assessment = assemble(plan, criteria, gates, &verified.of, scorer_version, transcript_sha256);
    assessment.dropped = verified.dropped;
    assessment
}

fn rate(criterion: &Criterion, evidence: Vec<Evidence>, runs: &[Run]) -> CriterionScore {
    let ratings: Vec<&Rating> = runs.iter().filter_map(|run| run.get(&criterion.id)).collect();
    let votes = |wanted: Verdict| ratings.iter().filter(|r| r.verdict == wanted).count();
    let mut levels: Vec<u8> = ratings
        .iter()
        .filter_map(|r| match r.verdict {
            Verdict::Level(level) => Some(level),
            Verdict::NotAssessed | Verdict::Conflicting => None,
        })
        .collect();
    levels.sort_unstable();
    let middle = levels.get(levels.len().saturating_sub(1) / 2).copied();
    let verdict = match middle {
        _ if evidence.is_empty() => Verdict::NotAssessed,
        Some(level) if levels.len() * 2 > runs.len() => Verdict::Level(level),
        _ if votes(Verdict::Conflicting) > 0 => Verdict::Conflicting,
        _ => Verdict::NotAssessed,
    };
    let agreement = votes(verdict) as f32 / runs.len().max(1) as f32;
    let rationale = match ratings.iter().find(|r| r.verdict == verdict) {
        _ if evidence.is_empty() => "Nothing that was said speaks to this.".to_owned(),
        Some(rating) => shown(&rating.rationale),
        None => PLAIN_RATIONALE.to_owned(),
    };
    let only_against = evidence.iter().all(|e| e.polarity == Polarity::Against);
    let (state, level) = match verdict {
        Verdict::Level(level) if only_against => (ScoreState::Scored, Some(level.min(MOST_AGAINST))),
        Verdict::Level(level) => (ScoreState::Scored, Some(level)),
        Verdict::NotAssessed => (ScoreState::NotAssessed, None),
        Verdict::Conflicting => (ScoreState::Conflicting, None),
    };
    CriterionScore {
        criterion_id: criterion.id.clone(),
        name: criterion.name.clone(),
        weight: criterion.weight,
        level,
        state,
        confidence: confidence(agreement, runs.len(), evidence.len()),
        evidence,
        rationale,
        runs: Runs {
            n: runs.len() as u32,
            levels,
            agreement,
        },
    }
}

/// Runs that agree on more than one quotation are sure; one run alone never is.
fn confidence(agreement: f32, runs: usize, evidence: usize) -> Confidence {
    match agreement {
        a if a > 0.99 && runs > 1 && evidence > 1 => Confidence::High,
        a if a > 0.6 => Confidence::Medium,
        _ => Confidence::Low,
    }
}

/// A rationale is the model's own text: short, on one line, and about content only.
fn shown(rationale: &str) -> String {
    let line = rationale.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = line.to_lowercase();
    let fit = !line.is_empty() && !MANNER.iter().any(|word| lower.contains(word)) && not_evidence(&line).is_empty();
    if !fit {
        return PLAIN_RATIONALE.to_owned();
    }
    if line.chars().count() <= LONGEST_RATIONALE {
        return line;
    }
    line.chars().take(LONGEST_RATIONALE).chain(['…']).collect()
}
