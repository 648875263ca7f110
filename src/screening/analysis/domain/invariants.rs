//! What holds for every assessment, whoever made it. What breaks it is dropped and counted.

use crate::screening::analysis::domain::assessment::{
    Confidence, CriterionScore, Evidence, FitAssessment, GateState, MOST_AGAINST, Polarity, ScoreState, recommend,
    totals,
};
use crate::screening::calls::domain::interviewer::not_evidence_in;
use crate::screening::calls::domain::segment::{Speaker, TranscriptSegment};

/// Checks an assessment against the transcript and mends it: unverifiable evidence goes, a level without evidence goes,
/// one that rests on part of its evidence is unsure and says so, totals are computed anew.
#[must_use]
pub fn enforce(mut assessment: FitAssessment, transcript: &[TranscriptSegment]) -> FitAssessment {
    let mut dropped = 0;
    let mut keep = |evidence: &mut Vec<Evidence>| {
        let before = evidence.len();
        evidence.retain(|e| is_true(e, transcript));
        let gone = before - evidence.len();
        dropped += gone as u32;
        gone
    };
    for criterion in &mut assessment.criteria {
        let gone = keep(&mut criterion.evidence);
        settle(criterion);
        if gone > 0 {
            doubt(criterion, gone);
        }
    }
    for gate in &mut assessment.gates {
        let gone = keep(&mut gate.evidence);
        gate.needs_confirmation = true;
        if gate.evidence.is_empty() || gone > 0 {
            gate.result = GateState::Unclear;
        }
    }
    for skill in &mut assessment.skills {
        keep(&mut skill.evidence);
        skill.mentioned = !skill.evidence.is_empty();
        skill.level = skill.level.filter(|_| skill.mentioned);
    }
    for findings in [&mut assessment.strengths, &mut assessment.concerns] {
        for finding in findings.iter_mut() {
            keep(&mut finding.evidence);
        }
        findings.retain(|f| !f.evidence.is_empty());
    }
    (assessment.score, assessment.coverage) = totals(&assessment.criteria);
    assessment.recommendation = recommend(assessment.score, &assessment.criteria, &assessment.gates);
    assessment.dropped += dropped;
    assessment
}

/// Whether the candidate said exactly this, there, and it may be evidence at all.
fn is_true(evidence: &Evidence, transcript: &[TranscriptSegment]) -> bool {
    transcript
        .iter()
        .find(|segment| segment.id == evidence.segment_id)
        .is_some_and(|segment| {
            segment.speaker == Speaker::Candidate
                && quote_at(segment, evidence) == Some(evidence.quote.as_str())
                && !is_barred(segment, evidence)
        })
}

/// Whether the quotation holds a protected fact about the candidate, or an order to whoever reads it.
fn is_barred(segment: &TranscriptSegment, evidence: &Evidence) -> bool {
    not_evidence_in(segment)
        .iter()
        .any(|span| span.start < evidence.char_end && span.end > evidence.char_start)
}

fn quote_at<'a>(segment: &'a TranscriptSegment, evidence: &Evidence) -> Option<&'a str> {
    let text = segment.text.as_str();
    let byte = |chars: usize| {
        text.char_indices()
            .map(|(i, _)| i)
            .chain(std::iter::once(text.len()))
            .nth(chars)
    };
    let (start, end) = (byte(evidence.char_start)?, byte(evidence.char_end)?);
    text.get(start..end).filter(|quote| !quote.is_empty())
}

fn settle(criterion: &mut CriterionScore) {
    let in_range = criterion.level.is_some_and(|level| (1..=5).contains(&level));
    let unfounded = criterion.evidence.is_empty() || (criterion.state == ScoreState::Scored && !in_range);
    if unfounded {
        criterion.level = None;
        criterion.state = ScoreState::NotAssessed;
    } else if criterion.state != ScoreState::Scored {
        criterion.level = None;
    }
}

/// What was rated is not what is left: how sure that was no longer holds, and what is left may only speak against it.
fn doubt(criterion: &mut CriterionScore, gone: usize) {
    criterion.confidence = Confidence::Low;
    let only_against = criterion.evidence.iter().all(|e| e.polarity == Polarity::Against);
    if only_against {
        criterion.level = criterion.level.map(|level| level.min(MOST_AGAINST));
    }
    let left_out = format!("Left out, because it was not said like this or must not be used: {gone}.");
    criterion.rationale = if criterion.evidence.is_empty() {
        left_out
    } else {
        format!("{} {left_out}", criterion.rationale)
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::analysis::domain::assessment::{Finding, GateResult, Recommendation, Runs, SkillFinding};
    use crate::screening::calls::domain::audio::CallTime;
    use crate::screening::calls::domain::segment::SegmentKind;
    use crate::screening::shared::ids::SegmentId;

    fn segment(speaker: Speaker, text: &str) -> TranscriptSegment {
        TranscriptSegment {
            id: SegmentId::generate(),
            speaker,
            text: text.to_owned(),
            start_ms: CallTime::ZERO,
            end_ms: CallTime::from_ms(1000),
            words: vec![],
            question_id: None,
            kind: SegmentKind::Answer,
            interrupted: false,
            typed: false,
            source_refs: vec![],
            set_aside: Vec::new(),
            latency: None,
        }
    }

    fn evidence(segment: &TranscriptSegment, start: usize, end: usize, quote: &str) -> Evidence {
        Evidence {
            call_id: None,
            segment_id: segment.id.clone(),
            char_start: start,
            char_end: end,
            start_ms: CallTime::ZERO,
            end_ms: CallTime::ZERO,
            quote: quote.to_owned(),
            polarity: Polarity::For,
        }
    }

    fn assessment(evidence: Vec<Evidence>) -> FitAssessment {
        FitAssessment {
            score: Some(100),
            coverage: 1.0,
            criteria: vec![CriterionScore {
                criterion_id: "c1".to_owned(),
                name: "Boats".to_owned(),
                weight: 1.0,
                level: Some(5),
                state: ScoreState::Scored,
                evidence: evidence.clone(),
                rationale: String::new(),
                confidence: Confidence::High,
                runs: Runs {
                    n: 1,
                    levels: vec![5],
                    agreement: 1.0,
                },
            }],
            gates: vec![GateResult {
                gate_id: "g1".to_owned(),
                name: "Licence".to_owned(),
                result: GateState::NotMet,
                evidence: vec![],
                needs_confirmation: false,
            }],
            strengths: vec![Finding {
                criterion_id: "c1".to_owned(),
                text: "Boats".to_owned(),
                evidence: evidence.clone(),
            }],
            concerns: vec![],
            skills: vec![SkillFinding {
                name: "Boats".to_owned(),
                mentioned: true,
                level: Some(5),
                evidence,
            }],
            recommendation: Recommendation::Advance,
            rubric_version: 1,
            scorer_version: "test".to_owned(),
            calls: Vec::new(),
            transcript_sha256: String::new(),
            dropped: 0,
        }
    }

    // spec: ANA-2
    #[test]
    fn a_true_quotation_stands() {
        let said = segment(Speaker::Candidate, "Ναι, I built a boat.");
        let checked = enforce(assessment(vec![evidence(&said, 5, 19, "I built a boat")]), &[said]);
        assert_eq!((checked.score, checked.dropped), (Some(100), 0));
    }

    // spec: ANA-2
    #[test]
    fn what_was_not_said_by_the_candidate_at_that_place_is_dropped() {
        let said = segment(Speaker::Candidate, "I built a boat.");
        let emma = segment(Speaker::Emma, "I built a boat.");
        let elsewhere = segment(Speaker::Candidate, "elsewhere");
        let false_ones = vec![
            evidence(&said, 0, 14, "I build a boat"),
            evidence(&said, 1, 15, "I built a boat"),
            evidence(&said, 0, 900, "I built a boat"),
            evidence(&said, 9, 3, "x"),
            evidence(&said, 0, 0, ""),
            evidence(&emma, 0, 14, "I built a boat"),
            evidence(&elsewhere, 0, 4, "else"),
        ];
        for claim in false_ones {
            let checked = enforce(assessment(vec![claim]), &[said.clone(), emma.clone()]);
            assert_eq!(checked.criteria[0].level, None);
            assert_eq!(checked.criteria[0].state, ScoreState::NotAssessed);
            assert_eq!(checked.recommendation, Recommendation::InsufficientEvidence);
            assert!(checked.strengths.is_empty() && !checked.skills[0].mentioned);
            assert_eq!(checked.dropped, 3);
        }
    }

    // spec: EMMA-5, ANA-2
    #[test]
    fn a_quotation_that_holds_a_protected_fact_is_no_evidence() {
        let said = segment(
            Speaker::Candidate,
            "I built a boat. I am pregnant, and I built another.",
        );
        let whole = said.text.clone();
        let claims = vec![
            evidence(&said, 0, 14, "I built a boat"),
            evidence(&said, 0, whole.chars().count(), &whole),
            evidence(&said, 16, 29, "I am pregnant"),
        ];
        let checked = enforce(assessment(claims), &[said]);
        let quotes: Vec<_> = checked.criteria[0].evidence.iter().map(|e| e.quote.as_str()).collect();
        assert_eq!(quotes, ["I built a boat"]);
    }

    // spec: ANA-2, ANA-3
    #[test]
    fn a_level_that_lost_part_of_its_evidence_is_unsure_and_says_so() {
        let said = segment(Speaker::Candidate, "I built a boat. I never built a ship.");
        let mut made = assessment(vec![
            evidence(&said, 0, 14, "I built a boat"),
            evidence(&said, 16, 36, "I have built a ship!"),
        ]);
        made.criteria[0].rationale = "Two boats.".to_owned();
        (made.gates[0].result, made.gates[0].evidence) = (GateState::Met, made.criteria[0].evidence.clone());
        let checked = enforce(made.clone(), std::slice::from_ref(&said));
        let boats = &checked.criteria[0];
        assert_eq!((boats.level, boats.confidence), (Some(5), Confidence::Low));
        assert_eq!(
            boats.rationale,
            "Two boats. Left out, because it was not said like this or must not be used: 1."
        );
        assert_eq!(checked.gates[0].result, GateState::Unclear);
        assert_eq!(checked.recommendation, Recommendation::Review);

        let mut against = evidence(&said, 16, 36, "I never built a ship");
        against.polarity = Polarity::Against;
        made.criteria[0].evidence = vec![against, evidence(&said, 0, 14, "I built a ship")];
        let checked = enforce(made, &[said]);
        assert_eq!((checked.criteria[0].level, checked.score), (Some(2), Some(25)));
    }

    // spec: ANA-2
    #[test]
    fn a_gate_without_evidence_is_unclear_and_always_for_a_person() {
        let checked = enforce(assessment(vec![]), &[]);
        assert_eq!(
            (checked.gates[0].result, checked.gates[0].needs_confirmation),
            (GateState::Unclear, true)
        );
    }
}
