//! What was said, as it is stored.

use serde::{Deserialize, Serialize};

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::shared::ids::SegmentId;

/// One thing one speaker said. Emma's hold only what was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TranscriptSegment {
    pub id: SegmentId,
    pub speaker: Speaker,
    pub text: String,
    pub start_ms: CallTime,
    pub end_ms: CallTime,
    pub words: Vec<Word>,
    /// The planned question this belongs to.
    pub question_id: Option<String>,
    pub kind: SegmentKind,
    /// True where the other side cut it short.
    pub interrupted: bool,
    /// True where the candidate typed it.
    pub typed: bool,
    /// Job fields a role answer came from, e.g. `benefits[0]`.
    pub source_refs: Vec<String>,
    /// What of the text was found, when it was said, to be meant to steer the interviewer: no evidence, and for no model.
    #[serde(default)]
    pub set_aside: Vec<TextSpan>,
    /// How the turn's delay came about; on Emma's first segment after a candidate's turn.
    pub latency: Option<TurnLatency>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Emma,
    Candidate,
}

/// What a segment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    Greeting,
    Question,
    Probe,
    Answer,
    CandidateQuestion,
    RoleAnswer,
    /// Acknowledgements, repeats, reassurances and everything else about the talk itself.
    Meta,
    Closing,
}

/// A part of a text, counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TextSpan {
    pub start: usize,
    pub end: usize,
}

/// One word and where it is in the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Word {
    pub w: String,
    pub start_ms: CallTime,
    pub end_ms: CallTime,
    /// 0 to 1; 1 for what Emma said and what was typed.
    pub confidence: f32,
}

/// The parts of the pause the candidate heard before Emma's answer, milliseconds. The first five add up to `total_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TurnLatency {
    /// From the candidate's last speech to the decision that the turn is over.
    pub end_of_turn_ms: u64,
    /// From that decision to the final transcript; 0 where it was ready before.
    pub transcription_ms: u64,
    /// From the transcript to the language model's first token; 0 where none was asked or it was there before.
    #[serde(default)]
    pub first_token_ms: u64,
    /// From there to the reply's first sentence.
    pub reply_ms: u64,
    /// From that sentence to the first packet of its audio.
    pub first_audio_ms: u64,
    /// From the candidate's last speech to the first packet of the answer.
    pub total_ms: u64,
}
