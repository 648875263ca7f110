//! What a language model claims to have found in a transcript, checked word by word before anything is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::screening::analysis::domain::assessment::{Evidence, Polarity};
use crate::screening::analysis::domain::clause;
use crate::screening::analysis::domain::scorer::{MAX_EVIDENCE, speaks_against};
use crate::screening::analysis::domain::statements::Statement;
use crate::screening::calls::domain::interviewer::{covered, not_evidence_in};
use crate::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment};
use crate::screening::shared::plan::InterviewPlan;

/// Shorter quotations say nothing that could be rated.
const MIN_WORDS: usize = 3;
/// Longer ones are no quotation of one point, characters.
const MAX_QUOTE: usize = 600;

/// One quotation, as claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub criterion: String,
    /// Which answer, counted from 1.
    pub statement: usize,
    pub quote: String,
    pub polarity: Polarity,
}

/// The claims that hold, by criterion, and how many did not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verified {
    pub of: BTreeMap<String, Vec<Evidence>>,
    /// Criteria for which something was claimed that denies it where it stands: a person decides about them.
    pub doubtful: BTreeSet<String>,
    pub dropped: u32,
}

impl Verified {
    /// What was found about a criterion.
    pub fn evidence_of(&self, criterion: &str) -> Vec<Evidence> {
        self.of.get(criterion).cloned().unwrap_or_default()
    }
}

/// The candidate's answers, in the order in which they are numbered.
pub fn answers(transcript: &[TranscriptSegment]) -> Vec<&TranscriptSegment> {
    transcript
        .iter()
        .filter(|s| s.speaker == Speaker::Candidate && s.kind == SegmentKind::Answer)
        .collect()
}

/// An answer as a model sees it: what must not be evidence is covered, character by character.
pub fn shown(answer: &TranscriptSegment) -> String {
    covered(&answer.text, &not_evidence_in(answer))
}

/// Looks every claim up. What the candidate did not say in those words, in that answer, is dropped, and so is what is
/// about nothing the plan asks for, too short, or not to be used. What is left is quoted with the whole clause it stands
/// in, and where that clause denies what was claimed, it speaks against it.
pub fn verify(claims: &[Claim], plan: &InterviewPlan, answers: &[&TranscriptSegment]) -> Verified {
    let mut verified = Verified::default();
    for claim in claims {
        let found = plan.criterion(&claim.criterion).and_then(|_| evidence(claim, answers));
        let Some((evidence, denied)) = found else {
            verified.dropped += 1;
            continue;
        };
        if denied {
            verified.doubtful.insert(claim.criterion.clone());
        }
        let known = verified.of.entry(claim.criterion.clone()).or_default();
        let overlaps = |e: &Evidence| {
            e.segment_id == evidence.segment_id && e.char_start < evidence.char_end && e.char_end > evidence.char_start
        };
        // The same words twice are one piece of evidence.
        if known.len() < MAX_EVIDENCE && !known.iter().any(overlaps) {
            known.push(evidence);
        }
    }
    verified
}

/// The evidence, and whether it was claimed to be for what its clause denies.
fn evidence(claim: &Claim, answers: &[&TranscriptSegment]) -> Option<(Evidence, bool)> {
    let segment = answers.get(claim.statement.checked_sub(1)?)?;
    let claimed = Statement::at(segment, locate(&claim.quote, &segment.text)?)?;
    let barred = not_evidence_in(segment);
    let place = claimed.char_start..claimed.char_end;
    let is_barred = barred
        .iter()
        .any(|span| span.start < place.end && span.end > place.start);
    let words = claimed.text.split_whitespace().count();
    if is_barred || words < MIN_WORDS || claimed.text.chars().count() > MAX_QUOTE {
        return None;
    }
    let chars: Vec<char> = segment.text.chars().collect();
    let clause = Statement::at(segment, clause::around(&chars, &place, &barred))?;
    let denied = claim.polarity == Polarity::For && speaks_against(clause.text);
    let is_short = clause.text.chars().count() <= MAX_QUOTE;
    let statement = if is_short { clause } else { claimed };
    let (start_ms, end_ms) = statement.times();
    let evidence = Evidence {
        call_id: None,
        segment_id: segment.id.clone(),
        char_start: statement.char_start,
        char_end: statement.char_end,
        start_ms,
        end_ms,
        quote: statement.text.to_owned(),
        polarity: if denied { Polarity::Against } else { claim.polarity },
    };
    Some((evidence, denied))
}

/// Where a quotation stands, in characters, at word borders. Case, spaces and the shape of quotation marks may differ:
/// models copy words, not glyphs.
fn locate(quote: &str, text: &str) -> Option<Range<usize>> {
    let (wanted, _) = folded(quote);
    let wanted: &[char] = trimmed(&wanted);
    let (all, places) = folded(text);
    if wanted.is_empty() {
        return None;
    }
    let border = |i: Option<usize>| i.and_then(|i| all.get(i)).is_none_or(|c| !c.is_alphanumeric());
    let start = all.windows(wanted.len()).enumerate().find_map(|(i, window)| {
        let fits = window == wanted && border(i.checked_sub(1)) && border(Some(i + wanted.len()));
        fits.then_some(i)
    })?;
    Some(places[start]..places[start + wanted.len() - 1] + 1)
}

/// Lower case, single spaces, plain quotation marks, and the character each came from.
fn folded(text: &str) -> (Vec<char>, Vec<usize>) {
    let (mut chars, mut places) = (Vec::new(), Vec::new());
    for (place, c) in text.chars().enumerate() {
        let c = match c {
            '’' | '‘' | '`' => '\'',
            '“' | '”' => '"',
            c if c.is_whitespace() => ' ',
            c => c,
        };
        if c == ' ' && chars.last() == Some(&' ') {
            continue;
        }
        for lower in c.to_lowercase() {
            chars.push(lower);
            places.push(place);
        }
    }
    (chars, places)
}

/// Without the marks models put around a quotation.
fn trimmed(chars: &[char]) -> &[char] {
    let is_word = |c: &char| c.is_alphanumeric();
    match (chars.iter().position(is_word), chars.iter().rposition(is_word)) {
        (Some(first), Some(last)) => &chars[first..=last],
        _ => &[],
    }
}
