//! What Emma is saying, and how much of it was heard. The playout clock is the only source.

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::conversation::vocabulary::UtteranceId;
use crate::screening::calls::domain::interviewer::SpeechPart;
use crate::screening::calls::domain::ports::HeardWord;
use crate::screening::calls::domain::segment::{Speaker, TranscriptSegment, TurnLatency, Word};
use crate::screening::calls::domain::speakable::alignment::heard_part;
use crate::screening::shared::ids::SegmentId;

/// From a packet's sending to the ear: network, the browser's jitter buffer and its sound card. A word in flight
/// when the candidate begins to speak was not heard.
const FLIGHT_MS: u64 = 80;

/// One part of a reply: one segment of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenPart {
    pub segment_id: SegmentId,
    pub part: SpeechPart,
    pub sentences: Vec<Sentence>,
    pub latency: Option<TurnLatency>,
}

/// One sentence on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    pub utterance: UtteranceId,
    pub text: String,
    /// Known once it is rendered.
    words: Vec<HeardWord>,
    duration_ms: Option<u64>,
    started: Option<CallTime>,
    played_ms: u64,
    pub done: bool,
}

impl Sentence {
    pub fn new(utterance: UtteranceId, text: String) -> Self {
        Self {
            utterance,
            text,
            words: Vec::new(),
            duration_ms: None,
            started: None,
            played_ms: 0,
            done: false,
        }
    }

    pub fn rendered(&mut self, words: Vec<HeardWord>, duration_ms: u64) {
        self.words = words;
        self.duration_ms = Some(duration_ms);
    }

    /// The playout clock has sent it up to `upto_ms`.
    pub fn played(&mut self, upto_ms: u64, now: CallTime) {
        self.started.get_or_insert(now.minus(upto_ms));
        self.played_ms = self.played_ms.max(upto_ms);
    }

    pub fn started(&self) -> Option<CallTime> {
        self.started
    }

    /// The words of its text that reached the ear, with their times in the call.
    fn heard(&self, cut_short: bool) -> Vec<Word> {
        let Some(started) = self.started else { return Vec::new() };
        let written: Vec<&str> = self.text.split_whitespace().collect();
        let reached = if cut_short && !self.done {
            self.played_ms.saturating_sub(FLIGHT_MS)
        } else {
            self.played_ms
        };
        let duration = self.duration_ms.unwrap_or(self.played_ms).max(1);
        let count = written.len();
        let whole = self.done || !cut_short || self.words.is_empty();
        let sounded = if whole { count } else { self.written_words_of(reached) };
        written
            .iter()
            .take(sounded)
            .enumerate()
            .map(|(i, w)| {
                let (start, end) = self.timing(i, count, duration);
                Word {
                    w: (*w).to_owned(),
                    start_ms: started.plus(start),
                    end_ms: started.plus(end),
                    confidence: 1.0,
                }
            })
            // A word counts once the middle of it has sounded.
            .filter(|word| {
                self.done || u64::midpoint(word.start_ms.since(started), word.end_ms.since(started)) < reached
            })
            .collect()
    }

    /// How many written words the spoken ones up to `reached` stand for ("$5k" is three spoken words).
    fn written_words_of(&self, reached: u64) -> usize {
        let heard = self
            .words
            .iter()
            .take_while(|w| u64::midpoint(w.start_ms, w.end_ms) < reached)
            .count();
        let spoken = self.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
        heard_part(&self.text, &spoken, heard).split_whitespace().count()
    }

    /// Times of the i-th written word. The engine's words may be split otherwise ("$5k" is three spoken words), so
    /// its timings are mapped by position.
    fn timing(&self, i: usize, count: usize, duration: u64) -> (u64, u64) {
        if self.words.is_empty() {
            let at = |k: usize| duration * k as u64 / count.max(1) as u64;
            return (at(i), at(i + 1));
        }
        let spoken = self.words.len();
        let first = i * spoken / count;
        let last = ((i + 1) * spoken / count).max(first + 1) - 1;
        (self.words[first].start_ms, self.words[last.min(spoken - 1)].end_ms)
    }
}

impl SpokenPart {
    /// Whether every sentence of it was sent to its end.
    pub fn is_done(&self) -> bool {
        self.sentences.iter().all(|s| s.done)
    }

    /// Share of its words that were heard, 0 to 1.
    pub fn heard_share(&self, cut_short: bool) -> f32 {
        let all: usize = self.sentences.iter().map(|s| s.text.split_whitespace().count()).sum();
        let heard: usize = self.sentences.iter().map(|s| s.heard(cut_short).len()).sum();
        if all == 0 { 1.0 } else { heard as f32 / all as f32 }
    }

    /// The segment as heard so far; `None` while nothing of it was.
    pub fn segment(&self, cut_short: bool) -> Option<TranscriptSegment> {
        let words: Vec<Word> = self.sentences.iter().flat_map(|s| s.heard(cut_short)).collect();
        let (first, last) = (words.first()?, words.last()?);
        let mut text = words.iter().map(|w| w.w.as_str()).collect::<Vec<_>>().join(" ");
        if cut_short {
            text.push('—');
        }
        Some(TranscriptSegment {
            id: self.segment_id.clone(),
            speaker: Speaker::Emma,
            start_ms: first.start_ms,
            end_ms: last.end_ms,
            text,
            question_id: self.part.question_id.clone(),
            kind: self.part.kind,
            interrupted: cut_short,
            typed: false,
            source_refs: self.part.source_refs.clone(),
            set_aside: Vec::new(),
            latency: self.latency,
            words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::calls::domain::segment::SegmentKind;

    fn part(text: &str) -> SpokenPart {
        SpokenPart {
            segment_id: SegmentId::generate(),
            part: SpeechPart {
                text: text.to_owned(),
                kind: SegmentKind::Question,
                question_id: None,
                source_refs: vec![],
            },
            sentences: vec![Sentence::new(UtteranceId(1), text.to_owned())],
            latency: None,
        }
    }

    #[test]
    fn only_what_was_heard_is_in_the_segment() {
        let mut part = part("one two three four");
        part.sentences[0].rendered(vec![], 2000);
        part.sentences[0].played(1100, CallTime::from_ms(6100));
        let segment = part.segment(true).expect("something was heard");
        assert_eq!(segment.text, "one two—");
        assert_eq!(segment.start_ms, CallTime::from_ms(5000));
        assert!(segment.interrupted);
    }

    #[test]
    fn nothing_played_is_nothing_said() {
        let mut part = part("one two");
        part.sentences[0].rendered(vec![], 1000);
        assert_eq!(part.segment(true), None);
    }

    #[test]
    fn spoken_words_are_mapped_to_written_ones() {
        let mut part = part("pays $5k monthly");
        let spoken = ["pays", "five", "thousand", "dollars", "monthly"];
        let words = spoken
            .iter()
            .zip(0u64..)
            .map(|(w, i)| HeardWord {
                text: (*w).to_owned(),
                start_ms: i * 200,
                end_ms: i * 200 + 200,
                confidence: 1.0,
            })
            .collect();
        part.sentences[0].rendered(words, 1000);
        part.sentences[0].played(1000, CallTime::from_ms(1000));
        part.sentences[0].done = true;
        let times: Vec<_> = part
            .segment(false)
            .expect("heard")
            .words
            .iter()
            .map(|w| (w.start_ms.ms(), w.end_ms.ms()))
            .collect();
        assert_eq!(times, [(0, 200), (200, 600), (600, 1000)]);
    }
}
