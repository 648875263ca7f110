//! Ratings of a language model made into an assessment: several runs agree or do not, and nothing stands without evidence.

use std::collections::BTreeMap;

use crate::screening::analysis::domain::assessment::{
    Confidence, CriterionScore, Evidence, FitAssessment, GateState, MOST_AGAINST, Polarity, Runs, ScoreState, is_scored,
};
use crate::screening::analysis::domain::claims::Verified;
use crate::screening::analysis::domain::scorer::{assemble, gate_of};
use crate::screening::shared::plan::{Criterion, InterviewPlan};

/// What every assessment of this scorer is marked with, before the model and the prompts.
pub const SCORER_VERSION: &str = "model-2";

/// One rating of one criterion. A model gives no reasons: its own words could say anything about a person, and what a
/// recruiter reads points at what the candidate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 1 to 5.
    Level(u8),
    NotAssessed,
    Conflicting,
}

/// One run over all criteria, by criterion.
pub type Run = BTreeMap<String, Verdict>;

/// The assessment that these runs agree on.
pub fn assess(
    plan: &InterviewPlan,
    verified: &Verified,
    runs: &[Run],
    scorer_version: String,
    transcript_sha256: &str,
) -> FitAssessment {
    let evidence_of = |c: &Criterion| verified.evidence_of(&c.id);
    let (scored, gated): (Vec<_>, Vec<_>) = plan.criteria.iter().partition(|c| is_scored(c.kind));
    let criteria = scored.into_iter().map(|c| rate(c, verified, runs)).collect();
    let gate = |c: &Criterion| {
        let evidence = evidence_of(c);
        let polarities: Vec<Polarity> = evidence.iter().map(|e| e.polarity).collect();
        let mut gate = gate_of(c, &polarities, evidence);
        if verified.doubtful.contains(&c.id) {
            gate.result = GateState::Unclear;
        }
        gate
    };
    let gates = gated.into_iter().map(gate).collect();
    let mut assessment = assemble(plan, criteria, gates, &verified.of, scorer_version, transcript_sha256);
    assessment.dropped = verified.dropped;
    assessment
}

fn rate(criterion: &Criterion, verified: &Verified, runs: &[Run]) -> CriterionScore {
    let evidence = verified.evidence_of(&criterion.id);
    let ratings: Vec<Verdict> = runs.iter().filter_map(|run| run.get(&criterion.id).copied()).collect();
    let votes = |wanted: Verdict| ratings.iter().filter(|verdict| **verdict == wanted).count();
    let mut levels: Vec<u8> = ratings
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Level(level) => Some(*level),
            Verdict::NotAssessed | Verdict::Conflicting => None,
        })
        .collect();
    levels.sort_unstable();
    let middle = levels.get(levels.len().saturating_sub(1) / 2).copied();
    let verdict = match middle {
        _ if evidence.is_empty() => Verdict::NotAssessed,
        _ if verified.doubtful.contains(&criterion.id) => Verdict::Conflicting,
        Some(level) if levels.len() * 2 > runs.len() => Verdict::Level(level),
        _ if votes(Verdict::Conflicting) > 0 => Verdict::Conflicting,
        _ => Verdict::NotAssessed,
    };
    let agreement = votes(verdict) as f32 / runs.len().max(1) as f32;
    let only_against = evidence.iter().all(|e| e.polarity == Polarity::Against);
    let (state, level) = match verdict {
        Verdict::Level(level) if only_against => (ScoreState::Scored, Some(level.min(MOST_AGAINST))),
        Verdict::Level(level) => (ScoreState::Scored, Some(level)),
        Verdict::NotAssessed => (ScoreState::NotAssessed, None),
        Verdict::Conflicting => (ScoreState::Conflicting, None),
    };
    let rationale = rationale(criterion, state, level, &evidence);
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

/// Why, from what is known for certain: the level's anchor and how many quotations speak for it.
fn rationale(criterion: &Criterion, state: ScoreState, level: Option<u8>, evidence: &[Evidence]) -> String {
    let against = evidence.iter().filter(|e| e.polarity == Polarity::Against).count();
    let basis = match (evidence.len() - against, against) {
        (0, 0) => return "Nothing that was said speaks to this.".to_owned(),
        (pro, 0) => format!("Quoted for it: {pro}."),
        (0, contra) => format!("Quoted against it: {contra}."),
        (pro, contra) => format!("Quoted for it: {pro}, against it: {contra}."),
    };
    let anchors = &criterion.anchors;
    let quoted = |anchor: &str| format!("“{}”", anchor.trim().trim_end_matches('.'));
    let between = |low: &str, high: &str| format!("between {} and {}", quoted(low), quoted(high));
    match (state, level) {
        (ScoreState::Scored, Some(level)) => {
            let meaning = match level {
                1 => quoted(&anchors.one),
                2 => between(&anchors.one, &anchors.three),
                3 => quoted(&anchors.three),
                4 => between(&anchors.three, &anchors.five),
                _ => quoted(&anchors.five),
            };
            format!("Level {level}: {meaning}. {basis}")
        }
        (ScoreState::Conflicting, _) => {
            format!("What is quoted does not clearly speak for or against; a person should look. {basis}")
        }
        (ScoreState::Scored | ScoreState::NotAssessed, _) => {
            format!("What is quoted does not bear on this enough to rate it. {basis}")
        }
    }
}
