//! What Emma says on the data channel.

use serde::Deserialize;

/// The channel's label.
pub const CHANNEL: &str = "emma";

/// One message from the server. Kinds and fields that are not known are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    State {
        state: EmmaState,
    },
    Caption(Caption),
    Turn {
        parts: Parts,
    },
    Ended(Ended),
    Error {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    },
    #[serde(other)]
    Other,
}

/// What Emma does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmmaState {
    Listening,
    Thinking,
    Speaking,
    Paused,
    Ended,
    #[serde(other)]
    Unknown,
}

/// One line of the transcript; the same id again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Caption {
    pub id: String,
    pub speaker: Speaker,
    #[serde(default)]
    pub text: String,
    #[serde(rename = "final", default)]
    pub is_final: bool,
    #[serde(default)]
    pub interrupted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Emma,
    Candidate,
}

/// The server's parts of a reply's delay, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Parts {
    pub end_of_turn_ms: f64,
    pub transcription_ms: f64,
    pub first_token_ms: f64,
    pub reply_ms: f64,
    pub first_audio_ms: f64,
}

impl Parts {
    /// All of them together.
    pub fn total_ms(self) -> f64 {
        self.end_of_turn_ms + self.transcription_ms + self.first_token_ms + self.reply_ms + self.first_audio_ms
    }
}

/// How the call ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Ended {
    pub status: Option<String>,
    pub end_reason: Option<String>,
    pub message: Option<String>,
}

/// Reads a message.
///
/// # Errors
/// Says what is wrong with a text that is no message.
pub fn parse(text: &str) -> Result<ServerMessage, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_unknown_kinds_passed_over() {
        let read = |text: &str| parse(text).expect(text);
        assert_eq!(
            read(r#"{"type":"state","state":"listening"}"#),
            ServerMessage::State {
                state: EmmaState::Listening
            }
        );
        assert_eq!(
            read(r#"{"type":"state","state":"dreaming"}"#),
            ServerMessage::State {
                state: EmmaState::Unknown
            }
        );
        assert_eq!(
            read(r#"{"type":"progress","topic":2,"of":6,"label":"x"}"#),
            ServerMessage::Other
        );
        let turn = r#"{"type":"turn","turn":3,"segment_id":"seg_1","parts":{"end_of_turn_ms":400,"transcription_ms":10,
            "reply_ms":2.5,"first_audio_ms":30,"total_ms":442}}"#;
        let ServerMessage::Turn { parts } = read(turn) else {
            panic!("turn")
        };
        assert!((parts.total_ms() - 442.5).abs() < 1e-9);
        let ServerMessage::Caption(caption) = read(r#"{"type":"caption","id":"a","speaker":"emma","text":"Hi"}"#)
        else {
            panic!("caption")
        };
        assert!(!caption.is_final);
    }

    #[test]
    fn what_is_no_message_is_an_error_and_not_a_panic() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":"state"}"#,
            r#"{"type":"caption","id":1}"#,
            "\u{0}",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
