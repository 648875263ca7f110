use super::*;
use crate::screening::analysis::domain::assessment::Recommendation;
use crate::screening::analysis::domain::invariants::enforce;
use crate::screening::analysis::domain::statements::statements;
use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment, Word};
use crate::screening::shared::ids::SegmentId;
use crate::screening::shared::plan::{Anchors, CriterionKind, MadeBy, Question, QuestionKind};

fn plan() -> InterviewPlan {
    let criterion = |id: &str, name: &str, kind, keywords: &[&str]| Criterion {
        id: id.to_owned(),
        name: name.to_owned(),
        job_field: "skills[0]".to_owned(),
        kind,
        weight: if kind == CriterionKind::Scored { 1.0 } else { 0.0 },
        anchors: Anchors {
            one: String::new(),
            three: String::new(),
            five: String::new(),
        },
        keywords: keywords.iter().map(|k| (*k).to_owned()).collect(),
    };
    InterviewPlan {
        version: 3,
        language: "en".to_owned(),
        job_title: "Engineer".to_owned(),
        organization: "Acme".to_owned(),
        greeting: String::new(),
        questions: vec![Question {
            id: "q1".to_owned(),
            kind: QuestionKind::Behavioral,
            topic: "Databases".to_owned(),
            text: "Which databases have you used?".to_owned(),
            rephrased: String::new(),
            criterion_ids: vec!["c1".to_owned(), "g1".to_owned()],
            probes: vec![],
            time_budget_s: 60,
            think_time_ms: 5000,
        }],
        criteria: vec![
            criterion("c1", "PostgreSQL", CriterionKind::Scored, &["postgresql", "postgres"]),
            criterion("g1", "On call", CriterionKind::Gate, &["on call", "weekend"]),
        ],
        closing: String::new(),
        made_by: MadeBy::default(),
    }
}

fn answer(text: &str) -> TranscriptSegment {
    TranscriptSegment {
        id: SegmentId::generate(),
        speaker: Speaker::Candidate,
        text: text.to_owned(),
        start_ms: CallTime::ZERO,
        end_ms: CallTime::from_ms(5000),
        words: vec![],
        question_id: Some("q1".to_owned()),
        kind: SegmentKind::Answer,
        interrupted: false,
        typed: false,
        source_refs: vec![],
        set_aside: Vec::new(),
        latency: None,
    }
}

/// The cosine a real embedder gives a statement that names the criterion is about 0.4, one that does not about 0.1.
fn assess(texts: &[&str]) -> FitAssessment {
    let transcript: Vec<_> = texts.iter().map(|t| answer(t)).collect();
    let statements = statements(&transcript);
    let near = |s: &Statement<'_>, word: &str| if s.text.to_lowercase().contains(word) { 0.4 } else { 0.1 };
    let similarity: Vec<Vec<f32>> = statements
        .iter()
        .map(|s| vec![near(s, "postgres"), near(s, "call")])
        .collect();
    let assessment = score(&plan(), &statements, &similarity, "sha");
    assert_eq!(
        enforce(assessment.clone(), &transcript),
        assessment,
        "a deterministic result breaks no invariant"
    );
    assessment
}

// spec: ANA-1, ANA-8
#[test]
fn better_evidence_is_rated_higher() {
    let levels: Vec<_> = [
        "Postgres is nice I think.",
        "Postgres is a relational database that many teams use for their main data today.",
        "In my last job I migrated a service to Postgres because the old store lost writes, and errors dropped by half.",
    ]
    .iter()
    .map(|text| assess(&[text]).criteria[0].level)
    .collect();
    assert!(levels.is_sorted() && levels[0] < levels[2], "{levels:?}");
}

// spec: ANA-3
#[test]
fn words_about_something_else_are_no_evidence_and_no_low_score() {
    let assessment = assess(&["The old lighthouse keeper climbed the stairs and lit the lamp for the ships."]);
    assert_eq!(assessment.criteria[0].state, ScoreState::NotAssessed);
    assert_eq!(
        (assessment.score, assessment.recommendation),
        (None, Recommendation::InsufficientEvidence)
    );
}

// spec: ANA-3
#[test]
fn an_empty_transcript_is_no_score() {
    let assessment = assess(&[]);
    assert_eq!((assessment.score, assessment.coverage), (None, 0.0));
    assert_eq!(assessment.recommendation, Recommendation::InsufficientEvidence);
}

#[test]
fn for_and_against_is_for_a_person() {
    let assessment = assess(&[
        "I built our Postgres cluster at work.",
        "Well I have never used Postgres in production.",
    ]);
    assert_eq!(
        (assessment.criteria[0].state, assessment.criteria[0].level),
        (ScoreState::Conflicting, None)
    );
}

// spec: ANA-2
#[test]
fn a_gate_reports_and_rejects_nobody() {
    let assessment = assess(&[
        "I can be on call every other weekend.",
        "I built our Postgres cluster and tuned it for two years.",
    ]);
    assert_eq!(assessment.gates[0].result, GateState::Met);
    let refused = assess(&[
        "I can't be on call on weekends.",
        "I built our Postgres cluster and tuned it for two years.",
    ]);
    assert_eq!(refused.gates[0].result, GateState::NotMet);
    assert_eq!(refused.score, assessment.score, "a gate does not change the score");
}

// spec: ANA-6
#[test]
fn how_it_was_said_changes_nothing() {
    let judged = |text: &str, ms_per_word: u64, confidence: f32| {
        let mut said = answer(text);
        let word = |(w, start): (&str, u64)| Word {
            w: w.to_owned(),
            start_ms: CallTime::from_ms(start),
            end_ms: CallTime::from_ms(start + 50),
            confidence,
        };
        said.words = text
            .split_whitespace()
            .zip((0..).step_by(ms_per_word as usize))
            .map(word)
            .collect();
        said.end_ms = CallTime::from_ms(text.split_whitespace().count() as u64 * ms_per_word);
        let transcript = [said];
        let statements = statements(&transcript);
        let found = score(&plan(), &statements, &[vec![0.4, 0.1]], "sha");
        let one = found.criteria[0].clone();
        (
            found.score,
            one.level,
            one.rationale,
            one.confidence,
            found.recommendation,
        )
    };
    // One word fewer than a description has: nothing but words may make the difference.
    let fluent = judged(
        "I migrated our service to Postgres and errors dropped by half.",
        300,
        0.99,
    );
    assert_eq!(fluent.1, Some(3));
    for hesitant in [
        "I migrated our service to Postgres and errors dropped by half.",
        "Um, I, uh, migrated our, our service to, erm, Postgres and errors dropped by half.",
        "I I I migrated our service to, you know, Postgres and, hmm, I mean, errors dropped by half.",
    ] {
        assert_eq!(judged(hesitant, 2_500, 0.3), fluent, "{hesitant}");
    }
    let more = judged(
        "I migrated our whole service to Postgres and errors dropped by half.",
        300,
        0.99,
    );
    assert_eq!(more.1, Some(4), "a word that says something counts");
}
