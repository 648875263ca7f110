//! The transcript of both sides, put together from captions.

use serde::Serialize;

use crate::talk::At;
use crate::talk::protocol::{Caption, Speaker};

/// One thing one side said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub id: String,
    pub speaker: Speaker,
    pub text: String,
    /// When its first caption came, milliseconds since the call's clock started.
    pub at_ms: u64,
    pub interrupted: bool,
    #[serde(skip)]
    pub is_final: bool,
    /// The turn that was on when its first caption came.
    #[serde(skip)]
    turn: Option<usize>,
}

/// All lines in the order they began.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    lines: Vec<Line>,
}

impl Transcript {
    /// Takes a caption that came during `turn`; gives the line when it has just become final.
    pub fn caption(&mut self, caption: Caption, at: At, turn: Option<usize>) -> Option<&Line> {
        let index = self
            .lines
            .iter()
            .position(|line| line.id == caption.id)
            .unwrap_or_else(|| {
                self.lines.push(Line {
                    id: caption.id.clone(),
                    speaker: caption.speaker,
                    text: String::new(),
                    at_ms: at.as_millis() as u64,
                    interrupted: false,
                    is_final: false,
                    turn,
                });
                self.lines.len() - 1
            });
        let line = self.lines.get_mut(index)?;
        let was_final = line.is_final;
        line.text = caption.text;
        line.interrupted |= caption.interrupted;
        line.is_final |= caption.is_final;
        (line.is_final && !was_final).then_some(line)
    }

    /// The final lines.
    pub fn finals(&self) -> Vec<Line> {
        self.lines.iter().filter(|line| line.is_final).cloned().collect()
    }

    /// What was understood of the candidate's answer in `turn`.
    pub fn of_candidate(&self, turn: usize) -> String {
        let said = |line: &&Line| line.speaker == Speaker::Candidate && line.turn == Some(turn) && line.is_final;
        let texts: Vec<&str> = self.lines.iter().filter(said).map(|line| line.text.trim()).collect();
        texts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn caption(id: &str, speaker: Speaker, text: &str, is_final: bool) -> Caption {
        Caption {
            id: id.to_owned(),
            speaker,
            text: text.to_owned(),
            is_final,
            interrupted: false,
        }
    }

    #[test]
    fn a_caption_with_the_same_id_replaces_the_line_and_is_told_once() {
        let mut transcript = Transcript::default();
        let at = Duration::from_millis(700);
        assert_eq!(
            transcript.caption(caption("a", Speaker::Emma, "Hel", false), at, None),
            None
        );
        assert!(transcript.finals().is_empty());
        let told = transcript
            .caption(caption("a", Speaker::Emma, "Hello.", true), at * 2, None)
            .cloned();
        assert_eq!(
            told.map(|line| (line.text, line.at_ms)),
            Some(("Hello.".to_owned(), 700))
        );
        assert_eq!(
            transcript.caption(caption("a", Speaker::Emma, "Hello.", true), at * 3, None),
            None
        );
        assert_eq!(transcript.finals().len(), 1);
    }

    #[test]
    fn an_answer_is_all_the_candidate_said_in_its_turn() {
        let mut transcript = Transcript::default();
        for (id, speaker, turn) in [
            ("a", Speaker::Candidate, 0),
            ("b", Speaker::Emma, 0),
            ("c", Speaker::Candidate, 0),
            ("d", Speaker::Candidate, 1),
        ] {
            transcript.caption(caption(id, speaker, id, true), Duration::ZERO, Some(turn));
        }
        assert_eq!(transcript.of_candidate(0), "a c");
        assert_eq!(transcript.of_candidate(1), "d");
    }
}
