//! What of a call is traced: a span for each of the candidate's turns, and in it those of the work done for it. They
//! carry numbers and outcomes, never words.

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::screening::calls::domain::conversation::{Tag, UtteranceId};
use crate::screening::calls::domain::segment::TurnLatency;

/// The turn being worked on. Its span ends when it is answered and the work for it is done.
#[derive(Debug, Default)]
pub struct TurnSpans {
    turn: Option<(u32, Span)>,
}

impl TurnSpans {
    /// The words of a stretch being found.
    pub fn hearing(&mut self, tag: Tag, certain: bool) -> Span {
        info_span!(parent: &self.of(tag), "stt", turn.revision = tag.revision, certain, outcome = Empty)
    }

    /// A silence being judged.
    pub fn judging(&mut self, tag: Tag, silence_ms: u64) -> Span {
        info_span!(parent: &self.of(tag), "judge", turn.revision = tag.revision, silence_ms, outcome = Empty)
    }

    /// A reply being made.
    pub fn replying(&mut self, tag: Tag) -> Span {
        info_span!(parent: &self.of(tag), "reply", turn.revision = tag.revision, outcome = Empty)
    }

    /// What a sentence belongs to: the turn it answers, else the call.
    pub fn speaking(&self) -> Span {
        self.turn.as_ref().map_or_else(Span::current, |(_, span)| span.clone())
    }

    /// The candidate hears the answer.
    pub fn answered(&mut self, turn: u32, latency: &TurnLatency) {
        if let Some((_, span)) = self.turn.take_if(|(open, _)| *open <= turn) {
            span.record("total_ms", latency.total_ms);
            span.record("end_of_turn_ms", latency.end_of_turn_ms);
            span.record("transcription_ms", latency.transcription_ms);
            span.record("first_token_ms", latency.first_token_ms);
            span.record("reply_ms", latency.reply_ms);
            span.record("first_audio_ms", latency.first_audio_ms);
        }
    }

    fn of(&mut self, tag: Tag) -> Span {
        match &self.turn {
            Some((turn, span)) if *turn >= tag.turn => span.clone(),
            _ => {
                let span = info_span!(
                    "turn",
                    turn.number = tag.turn,
                    total_ms = Empty,
                    end_of_turn_ms = Empty,
                    transcription_ms = Empty,
                    first_token_ms = Empty,
                    reply_ms = Empty,
                    first_audio_ms = Empty
                );
                self.turn = Some((tag.turn, span.clone()));
                span
            }
        }
    }
}

/// The span of a sentence being rendered.
pub fn rendering(parent: &Span, utterance: UtteranceId) -> Span {
    info_span!(parent: parent, "tts", utterance = utterance.0, audio_ms = Empty, outcome = Empty)
}
