//! What Emma has said so far in this call.

use crate::screening::calls::domain::interviewer::{Reply, SpeechPart};
use crate::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment};

/// What Emma has said so far. Grows with every reply that is spoken; can be rebuilt from the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TalkHistory {
    said: Vec<Said>,
    replies: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    text: String,
    kind: SegmentKind,
    reply: u32,
}

/// Older words than these decide nothing any more.
const KEPT: usize = 300;

impl TalkHistory {
    /// Emma begins to say this reply.
    pub fn note(&mut self, reply: &Reply) {
        self.replies += 1;
        for part in &reply.parts {
            self.push(part.text.clone(), part.kind);
        }
    }

    /// What Emma said according to a stored transcript.
    pub fn of_transcript(segments: &[TranscriptSegment]) -> Self {
        let mut history = Self::default();
        let mut after_candidate = true;
        for segment in segments {
            match segment.speaker {
                Speaker::Candidate => after_candidate = true,
                Speaker::Emma => {
                    history.replies += u32::from(after_candidate);
                    after_candidate = false;
                    history.push(segment.text.clone(), segment.kind);
                }
            }
        }
        history
    }

    fn push(&mut self, text: String, kind: SegmentKind) {
        if self.said.len() == KEPT {
            self.said.remove(0);
        }
        let reply = self.replies;
        self.said.push(Said { text, kind, reply });
    }

    /// How often a line was said in this call.
    pub(super) fn times_said(&self, line: &str) -> usize {
        self.said.iter().filter(|said| said.text.contains(line)).count()
    }

    /// Whether the line is part of what Emma said last.
    pub(super) fn was_just_said(&self, line: &str) -> bool {
        self.last_reply().any(|said| said.text.contains(line))
    }

    /// Whether Emma's last words ask for this confirmation.
    pub(super) fn ends_with(&self, line: &str) -> bool {
        self.said.last().is_some_and(|said| said.text.ends_with(line))
    }

    /// How often one of these lines was said since the last new question.
    pub(super) fn since_question(&self, family: &[&str]) -> usize {
        self.after_question()
            .filter(|said| family.iter().any(|line| said.text.contains(line)))
            .count()
    }

    /// Whether this was said since the last new question.
    pub(super) fn said_since_question(&self, line: &str) -> bool {
        self.after_question().any(|said| said.text == line)
    }

    /// Replies since the last new question (or the invitation to ask), that one not counted.
    pub(super) fn replies_since_question(&self) -> u32 {
        let asked = self
            .said
            .iter()
            .rfind(|said| is_turning_point(said))
            .map_or(0, |said| said.reply);
        self.replies.saturating_sub(asked.max(1))
    }

    fn after_question(&self) -> impl Iterator<Item = &Said> {
        let start = self.said.iter().rposition(is_turning_point).map_or(0, |i| i + 1);
        self.said.get(start..).unwrap_or_default().iter()
    }

    fn last_reply(&self) -> impl Iterator<Item = &Said> {
        let last = self.replies;
        self.said.iter().filter(move |said| said.reply == last)
    }
}

fn is_turning_point(said: &Said) -> bool {
    said.kind == SegmentKind::Question
        || said
            .text
            .starts_with(crate::screening::calls::domain::interviewer::phrases::INVITE)
}

/// The sentences of a reply joined, for logs and tests.
impl Reply {
    /// All its words in order.
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .map(|p: &SpeechPart| p.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}
