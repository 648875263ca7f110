//! The assessment of one call: what recruiters read. Every statement in it points at what the candidate said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::shared::ids::{CallId, SegmentId};
use crate::screening::shared::plan::CriterionKind;

/// Share of the criteria's weight that must have been assessed for a score to mean anything.
pub const ENOUGH_COVERAGE: f32 = 0.6;

/// A criterion for which nothing but statements against it were found gets no more.
pub const MOST_AGAINST: u8 = 2;

/// How well what was said fits the job offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FitAssessment {
    /// 0 to 100; none where too little could be assessed, which is not a low score.
    pub score: Option<u8>,
    /// Share of the criteria's weight that could be assessed, 0 to 1.
    pub coverage: f32,
    pub criteria: Vec<CriterionScore>,
    pub gates: Vec<GateResult>,
    pub strengths: Vec<Finding>,
    pub concerns: Vec<Finding>,
    pub skills: Vec<SkillFinding>,
    pub recommendation: Recommendation,
    /// Version of the interview plan whose criteria were used.
    pub rubric_version: u32,
    /// Which scorer, e.g. `deterministic-3`.
    pub scorer_version: String,
    /// The calls it was made from, oldest first: the attempts of an interview that broke off are assessed together.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub calls: Vec<CallId>,
    /// Of what was said in these calls, one after the other.
    pub transcript_sha256: String,
    /// Findings that were dropped because the transcript does not bear them out.
    pub dropped: u32,
}

/// One criterion, rated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CriterionScore {
    pub criterion_id: String,
    pub name: String,
    pub weight: f32,
    /// 1 to 5; none unless the state is `scored`.
    pub level: Option<u8>,
    pub state: ScoreState,
    pub evidence: Vec<Evidence>,
    pub rationale: String,
    pub confidence: Confidence,
    pub runs: Runs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreState {
    Scored,
    /// Nothing was said about it, which says nothing about the candidate.
    NotAssessed,
    /// What was said speaks for and against: a person decides.
    Conflicting,
}

/// A quotation from the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Evidence {
    /// The call it was said in, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub call_id: Option<CallId>,
    #[schema(value_type = String)]
    pub segment_id: SegmentId,
    /// Offsets into the segment's text, in characters; the end is exclusive.
    pub char_start: usize,
    pub char_end: usize,
    /// On the time of the call it was said in.
    #[schema(value_type = u64)]
    pub start_ms: CallTime,
    #[schema(value_type = u64)]
    pub end_ms: CallTime,
    pub quote: String,
    pub polarity: Polarity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Polarity {
    #[serde(rename = "+")]
    For,
    #[serde(rename = "-")]
    Against,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    High,
    Medium,
    Low,
}

/// Agreement over repeated ratings; a deterministic scorer runs once and agrees with itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Runs {
    pub n: u32,
    pub levels: Vec<u8>,
    pub agreement: f32,
}

/// A condition of the job. It routes to a person and never rejects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GateResult {
    pub gate_id: String,
    pub name: String,
    pub result: GateState,
    pub evidence: Vec<Evidence>,
    /// Always true: a person confirms.
    pub needs_confirmation: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    Met,
    NotMet,
    Unclear,
}

/// A strength or a concern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    pub criterion_id: String,
    pub text: String,
    pub evidence: Vec<Evidence>,
}

/// A skill of the job and where the candidate spoke of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SkillFinding {
    pub name: String,
    pub mentioned: bool,
    pub level: Option<u8>,
    pub evidence: Vec<Evidence>,
}

/// What the score suggests. A person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recommendation {
    Advance,
    Review,
    Hold,
    InsufficientEvidence,
}

impl FitAssessment {
    /// Names the calls it was made from, oldest first with their segments, and the call of every quotation.
    #[must_use]
    pub fn made_from(mut self, calls: &[(CallId, Vec<SegmentId>)]) -> Self {
        let call_of: BTreeMap<&SegmentId, &CallId> = calls
            .iter()
            .flat_map(|(call, segments)| segments.iter().map(move |segment| (segment, call)))
            .collect();
        let of_criteria = self.criteria.iter_mut().map(|c| &mut c.evidence);
        let of_gates = self.gates.iter_mut().map(|g| &mut g.evidence);
        let of_skills = self.skills.iter_mut().map(|s| &mut s.evidence);
        let of_findings = self.strengths.iter_mut().chain(&mut self.concerns);
        let all = of_criteria
            .chain(of_gates)
            .chain(of_skills)
            .chain(of_findings.map(|f| &mut f.evidence));
        for evidence in all.flatten() {
            evidence.call_id = call_of.get(&evidence.segment_id).map(|call| (*call).clone());
        }
        self.calls = calls.iter().map(|(call, _)| call.clone()).collect();
        self
    }
}

/// Totals from levels: `score = round(100 · Σ w (level - 1) / 4 / Σ w)` over the scored criteria, and the share of the
/// weight they carry.
pub fn totals(criteria: &[CriterionScore]) -> (Option<u8>, f32) {
    let all: f32 = criteria.iter().map(|c| c.weight).sum();
    let scored: Vec<(f32, u8)> = criteria
        .iter()
        .filter(|c| c.state == ScoreState::Scored)
        .filter_map(|c| c.level.map(|level| (c.weight, level)))
        .collect();
    let weight: f32 = scored.iter().map(|(w, _)| w).sum();
    let coverage = if all > 0.0 { weight / all } else { 0.0 };
    if coverage < ENOUGH_COVERAGE || weight <= 0.0 {
        return (None, coverage);
    }
    let sum: f32 = scored
        .iter()
        .map(|(w, level)| w * f32::from(level.saturating_sub(1)) / 4.0)
        .sum();
    (Some((100.0 * sum / weight).round().clamp(0.0, 100.0) as u8), coverage)
}

/// The recommendation that goes with a score. Gates that are not clearly met never lower it below a person's review.
pub fn recommend(score: Option<u8>, criteria: &[CriterionScore], gates: &[GateResult]) -> Recommendation {
    let Some(score) = score else {
        return Recommendation::InsufficientEvidence;
    };
    let open_points = gates.iter().any(|g| g.result != GateState::Met)
        || criteria
            .iter()
            .any(|c| c.state == ScoreState::Conflicting || c.confidence == Confidence::Low);
    match score {
        70.. if !open_points => Recommendation::Advance,
        40.. => Recommendation::Review,
        _ => Recommendation::Hold,
    }
}

/// Whether a criterion of this kind adds to the score.
pub const fn is_scored(kind: CriterionKind) -> bool {
    matches!(kind, CriterionKind::Scored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(weight: f32, level: Option<u8>) -> CriterionScore {
        CriterionScore {
            criterion_id: "c".to_owned(),
            name: String::new(),
            weight,
            level,
            state: if level.is_some() {
                ScoreState::Scored
            } else {
                ScoreState::NotAssessed
            },
            evidence: vec![],
            rationale: String::new(),
            confidence: Confidence::High,
            runs: Runs {
                n: 1,
                levels: vec![],
                agreement: 1.0,
            },
        }
    }

    // spec: ANA-3
    #[test]
    fn the_score_is_the_weighted_mean_of_levels() {
        assert_eq!(
            totals(&[criterion(3.0, Some(5)), criterion(1.0, Some(1))]),
            (Some(75), 1.0)
        );
        assert_eq!(totals(&[criterion(1.0, Some(3))]), (Some(50), 1.0));
    }

    // spec: ANA-3
    #[test]
    fn too_little_assessed_is_no_score_and_not_a_low_one() {
        let (score, coverage) = totals(&[criterion(1.0, Some(5)), criterion(1.0, None)]);
        assert_eq!((score, coverage), (None, 0.5));
        assert_eq!(recommend(score, &[], &[]), Recommendation::InsufficientEvidence);
        assert_eq!(totals(&[]), (None, 0.0));
    }

    // spec: ANA-2
    #[test]
    fn a_gate_sends_to_a_person_and_never_rejects() {
        let gate = |result| GateResult {
            gate_id: "g".to_owned(),
            name: String::new(),
            result,
            evidence: vec![],
            needs_confirmation: true,
        };
        assert_eq!(
            recommend(Some(95), &[], &[gate(GateState::NotMet)]),
            Recommendation::Review
        );
        assert_eq!(
            recommend(Some(95), &[], &[gate(GateState::Met)]),
            Recommendation::Advance
        );
    }
}
