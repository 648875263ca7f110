//! What recruiters see of what was said: without what candidates told of themselves that plays no part in hiring, and
//! with what a person should look at.

use serde::{Deserialize as _, Serialize};
use serde_json::json;

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::interviewer::{COVER, Flag, covered, protected_parts};
use crate::screening::calls::domain::segment::{Speaker, TextSpan, TranscriptSegment};
use crate::screening::calls::domain::store::CallEvent;
use crate::screening::shared::ids::SegmentId;

/// Something a person should look at. Never a penalty.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FlagView {
    kind: FlagKind,
    at_ms: CallTime,
    /// What the candidate had said last.
    segment_id: Option<SegmentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    InjectionSuspected,
    HumanRequested,
    AccommodationRequested,
    Distress,
    Crisis,
    Abuse,
    WrongPerson,
    Minor,
}

/// One thing that was said, as recruiters see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SegmentView {
    #[serde(flatten)]
    segment: TranscriptSegment,
    /// What is left out, in characters of the text, which is as long as what was said.
    redactions: Vec<TextSpan>,
}

/// What of a call's log a person should look at, each kind once for what was said last. Protected topics are none of it:
/// nobody is to look at those.
pub fn flags(log: &[CallEvent], transcript: &[TranscriptSegment]) -> Vec<FlagView> {
    let mut shown: Vec<FlagView> = Vec::new();
    for event in log.iter().filter(|event| event.kind == "flag") {
        let flag = Flag::deserialize(&event.data["flag"]).ok();
        let at_ms = CallTime::deserialize(&event.data["at_ms"]).unwrap_or_default();
        let Some(kind) = flag.as_ref().and_then(kind_of) else {
            continue;
        };
        let said = transcript.iter().rev();
        let last = said
            .filter(|s| s.speaker == Speaker::Candidate)
            .find(|s| s.start_ms <= at_ms);
        let segment_id = last.map(|s| s.id.clone());
        if !shown.iter().any(|f| f.kind == kind && f.segment_id == segment_id) {
            shown.push(FlagView {
                kind,
                at_ms,
                segment_id,
            });
        }
    }
    shown
}

fn kind_of(flag: &Flag) -> Option<FlagKind> {
    match flag {
        Flag::InjectionSuspected => Some(FlagKind::InjectionSuspected),
        Flag::HumanRequested => Some(FlagKind::HumanRequested),
        Flag::AccommodationRequested => Some(FlagKind::AccommodationRequested),
        Flag::Distress => Some(FlagKind::Distress),
        Flag::Crisis => Some(FlagKind::Crisis),
        Flag::Abuse => Some(FlagKind::Abuse),
        Flag::WrongPerson => Some(FlagKind::WrongPerson),
        Flag::Minor => Some(FlagKind::Minor),
        Flag::ProtectedTopic | Flag::Suspected(_) | Flag::Skipped(_) | Flag::UnansweredQuestion(_) | Flag::Noted(_) => {
            None
        }
    }
}

/// A log without what is left out of the transcript.
pub fn log(mut log: Vec<CallEvent>) -> Vec<CallEvent> {
    for event in log.iter_mut().filter(|event| event.kind == "flag") {
        let shown = match Flag::deserialize(&event.data["flag"]) {
            Ok(Flag::Suspected(text)) => Flag::Suspected(without_personal(&text)),
            Ok(Flag::UnansweredQuestion(text)) => Flag::UnansweredQuestion(without_personal(&text)),
            Ok(Flag::Noted(text)) => Flag::Noted(without_personal(&text)),
            _ => continue,
        };
        event.data["flag"] = json!(shown);
    }
    log
}

/// A segment without what plays no part in hiring. Every character that stays keeps its place, so that what an assessment
/// quotes is found where it says.
pub fn segment(mut segment: TranscriptSegment) -> SegmentView {
    if segment.speaker == Speaker::Emma {
        let redactions = Vec::new();
        return SegmentView { segment, redactions };
    }
    let left_out = protected_parts(&segment.text);
    if !left_out.is_empty() {
        let text = covered(&segment.text, &left_out);
        let words = text.split_whitespace();
        if words.clone().count() == segment.words.len() {
            for (word, shown) in segment.words.iter_mut().zip(words) {
                if shown.contains(COVER) {
                    shown.clone_into(&mut word.w);
                }
            }
        } else {
            // Which of them to leave out cannot be told.
            segment.words.clear();
        }
        segment.text = text;
    }
    let redactions = left_out.into_iter().map(|span| TextSpan {
        start: span.start,
        end: span.end,
    });
    SegmentView {
        redactions: redactions.collect(),
        segment,
    }
}

fn without_personal(text: &str) -> String {
    covered(text, &protected_parts(text))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::screening::calls::domain::segment::{SegmentKind, Word};

    fn said(text: &str, start_ms: u64) -> TranscriptSegment {
        let word = |w: &str| Word {
            w: w.to_owned(),
            start_ms: CallTime(start_ms),
            end_ms: CallTime(start_ms),
            confidence: 1.0,
        };
        TranscriptSegment {
            id: SegmentId::generate(),
            speaker: Speaker::Candidate,
            text: text.to_owned(),
            start_ms: CallTime(start_ms),
            end_ms: CallTime(start_ms + 500),
            words: text.split_whitespace().map(word).collect(),
            question_id: None,
            kind: SegmentKind::Answer,
            interrupted: false,
            typed: false,
            source_refs: Vec::new(),
            set_aside: Vec::new(),
            latency: None,
        }
    }

    fn raised(flag: &Flag, at_ms: u64) -> CallEvent {
        CallEvent {
            time: DateTime::UNIX_EPOCH,
            kind: "flag".to_owned(),
            data: json!({ "at_ms": at_ms, "flag": flag }),
        }
    }

    // spec: EMMA-5
    #[test]
    fn personal_words_are_covered_and_the_others_keep_their_place() {
        let text = "Ναι. I’m pregnant, and I rebuilt the API.";
        let shown = segment(said(text, 0));
        let quote: String = shown.segment.text.chars().skip(19).take(21).collect();
        assert_eq!(quote, "and I rebuilt the API");
        assert!(!shown.segment.text.contains("pregnant"), "{}", shown.segment.text);
        assert_eq!(shown.redactions.len(), 1);
        let words: Vec<&str> = shown.segment.words.iter().map(|w| w.w.as_str()).collect();
        assert_eq!(words[3..], ["and", "I", "rebuilt", "the", "API."]);
        assert!(words[1..3].iter().all(|w| w.contains(COVER)), "{words:?}");
        let mut unaligned = said(text, 0);
        unaligned.words.pop();
        assert!(segment(unaligned).segment.words.is_empty());
    }

    // spec: EMMA-5
    #[test]
    fn what_a_person_should_see_is_listed_with_its_line_and_protected_topics_are_not() {
        let (first, second) = (said("I feel faint.", 1_000), said("I am gay.", 9_000));
        let log = [
            raised(&Flag::Distress, 2_000),
            raised(&Flag::Distress, 2_100),
            raised(&Flag::ProtectedTopic, 9_900),
            raised(&Flag::Noted("She is 34.".to_owned()), 9_900),
            raised(&Flag::HumanRequested, 9_950),
        ];
        let shown = flags(&log, &[first.clone(), second.clone()]);
        let kinds: Vec<_> = shown.iter().map(|f| (f.kind, f.segment_id.clone())).collect();
        assert_eq!(
            kinds,
            [
                (FlagKind::Distress, Some(first.id)),
                (FlagKind::HumanRequested, Some(second.id))
            ]
        );
    }

    // spec: EMMA-5
    #[test]
    fn the_log_quotes_nothing_that_the_transcript_leaves_out() {
        let question = "I am gay, is the team open?".to_owned();
        let shown = log(vec![raised(&Flag::UnansweredQuestion(question), 0)]);
        let text = shown[0].data["flag"]["unanswered_question"].as_str().expect("text");
        assert!(!text.contains("gay") && text.ends_with(", is the team open?"), "{text}");
    }
}
