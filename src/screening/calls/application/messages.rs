//! The messages of the data channel: one JSON object each, `type` says which.

use serde::{Deserialize, Serialize};

use crate::screening::calls::domain::conversation::{EmmaState, Input, Output};
use crate::screening::calls::domain::segment::{Speaker, TranscriptSegment, TurnLatency};
use crate::screening::calls::domain::status::{CallStatus, EndReason};
use crate::screening::shared::ids::SegmentId;

/// Longest typed answer taken, characters.
pub const MAX_TYPED: usize = 4_000;

/// What the server tells the candidate's page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    State {
        state: &'static str,
    },
    Caption {
        id: &'a SegmentId,
        speaker: Speaker,
        text: &'a str,
        r#final: bool,
        interrupted: bool,
    },
    Progress {
        topic: usize,
        of: usize,
        label: &'a str,
    },
    Turn {
        turn: u32,
        segment_id: &'a SegmentId,
        answer_segment_id: Option<&'a SegmentId>,
        parts: TurnLatency,
    },
    Ended {
        status: CallStatus,
        end_reason: EndReason,
        message: &'static str,
    },
    Error {
        code: &'static str,
        message: &'static str,
    },
    Pong,
}

/// What the candidate's page tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    Text { text: String },
    Mute { muted: bool },
    End,
    Repeat,
    MoreTime,
    Human,
    WithdrawConsent,
    Ping,
}

impl ServerMessage<'_> {
    /// As it goes over the wire.
    ///
    /// # Panics
    /// Never: a message has only texts and numbers, which always serialize.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a message has only texts and numbers")
    }
}

/// The message an output becomes, if it concerns the page.
pub fn from_output(output: &Output) -> Option<String> {
    let message = match output {
        Output::Show(state) => ServerMessage::State {
            state: state_name(*state),
        },
        Output::Caption {
            id,
            text,
            by_emma,
            last,
            interrupted,
        } => ServerMessage::Caption {
            id,
            speaker: if *by_emma { Speaker::Emma } else { Speaker::Candidate },
            text,
            r#final: *last,
            interrupted: *interrupted,
        },
        Output::Progress { topic, of, label } => ServerMessage::Progress {
            topic: *topic,
            of: *of,
            label,
        },
        Output::Answered {
            turn,
            answer,
            segment,
            latency,
        } => ServerMessage::Turn {
            turn: *turn,
            segment_id: segment,
            answer_segment_id: answer.as_ref(),
            parts: *latency,
        },
        _ => return None,
    };
    Some(message.to_json())
}

/// A stored segment as a caption, for a page that was reloaded.
pub fn caption_of(segment: &TranscriptSegment) -> String {
    ServerMessage::Caption {
        id: &segment.id,
        speaker: segment.speaker,
        text: &segment.text,
        r#final: true,
        interrupted: segment.interrupted,
    }
    .to_json()
}

/// What a message of the page means to the conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    Input(Input),
    Answer(String),
}

/// Reads a message of the page.
pub fn read(text: &str) -> Meaning {
    let Ok(message) = serde_json::from_str::<ClientMessage>(text) else {
        return Meaning::Answer(error("bad_message", "This is not a message Emma knows."));
    };
    Meaning::Input(match message {
        ClientMessage::Text { text } if text.chars().count() > MAX_TYPED => {
            let why = "Please keep a typed answer under 4000 characters.";
            return Meaning::Answer(error("text_too_long", why));
        }
        ClientMessage::Text { text } => Input::Typed { text },
        ClientMessage::Mute { muted } => Input::Muted(muted),
        ClientMessage::End => Input::EndRequested(EndReason::CandidateEnded),
        ClientMessage::Repeat => Input::RepeatRequested,
        ClientMessage::MoreTime => Input::MoreTimeRequested,
        ClientMessage::Human => Input::HumanRequested,
        ClientMessage::WithdrawConsent => Input::EndRequested(EndReason::ConsentWithdrawn),
        ClientMessage::Ping => return Meaning::Answer(ServerMessage::Pong.to_json()),
    })
}

/// Something of the page's was not taken.
pub fn error(code: &'static str, message: &'static str) -> String {
    ServerMessage::Error { code, message }.to_json()
}

/// A message was longer than the links take.
pub fn too_long() -> String {
    error("message_too_long", "A message may have at most 16 KiB.")
}

/// Messages came faster than the links take them.
pub fn too_many() -> String {
    error("too_many_messages", "Messages come too fast; some are dropped.")
}

/// The last message of a call.
pub fn ended(status: CallStatus, end_reason: EndReason) -> String {
    let message = match end_reason {
        EndReason::AgendaCompleted | EndReason::TimeLimit => "That was everything. Thank you for your time.",
        EndReason::CandidateEnded => "You ended the interview. Thank you for your time.",
        EndReason::ConsentDeclined | EndReason::ConsentWithdrawn => {
            "You withdrew your consent. What was said has been deleted. A person can talk with you instead."
        }
        EndReason::HumanRequested | EndReason::AccommodationRequested => "A person will get in touch with you.",
        EndReason::NoAudio | EndReason::DisconnectTimeout => {
            "We could not hear you any more, so the interview was ended."
        }
        EndReason::WellbeingStop => "We stopped here. Please take care of yourself; a person will get in touch.",
        EndReason::ConductStop => "The interview was ended.",
        EndReason::SystemError => "Something went wrong on our side. A person will get in touch with you.",
        EndReason::RecruiterCancelled | EndReason::InviteExpired => "This interview is no longer open.",
    };
    ServerMessage::Ended {
        status,
        end_reason,
        message,
    }
    .to_json()
}

/// The state as the page knows it.
pub fn state_name(state: EmmaState) -> &'static str {
    match state {
        EmmaState::Listening => "listening",
        EmmaState::Thinking => "thinking",
        EmmaState::Speaking => "speaking",
        EmmaState::Paused => "paused",
        EmmaState::Ended => "ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_answered_and_changes_nothing() {
        for text in ["", "null", "{}", r#"{"type":"sudo"}"#, r#"{"type":"text"}"#, "\u{0}"] {
            assert!(
                matches!(read(text), Meaning::Answer(answer) if answer.contains("bad_message")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_typed_answer_has_a_limit() {
        let message = serde_json::json!({"type": "text", "text": "x".repeat(MAX_TYPED + 1)}).to_string();
        assert!(matches!(read(&message), Meaning::Answer(answer) if answer.contains("text_too_long")));
    }

    #[test]
    fn captions_have_the_shape_the_page_expects() {
        let id = SegmentId::generate();
        let output = Output::Caption {
            id: id.clone(),
            text: "Hello".to_owned(),
            by_emma: true,
            last: false,
            interrupted: false,
        };
        let json: serde_json::Value = serde_json::from_str(&from_output(&output).expect("a message")).expect("json");
        assert_eq!(
            json,
            serde_json::json!({"type": "caption", "id": id, "speaker": "emma", "text": "Hello", "final": false, "interrupted": false})
        );
    }
}
