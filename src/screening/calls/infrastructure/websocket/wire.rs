//! What the messages of a client mean, and how many it may send.

use std::borrow::Cow;

use axum::extract::ws::Message;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::shared::media::allowance::{Allowance, Bucket};

/// Longest message of a data channel, bytes.
const MAX_TEXT: usize = 16 * 1024;
/// Audio a client may send at once, seconds, and how much faster than it can be spoken: a stalled network gives back
/// what it held.
const AUDIO_AT_ONCE_S: f64 = 30.0;
const AUDIO_PACE: f64 = 1.5;
/// Messages a client may send per second.
const MESSAGES_PER_SECOND: u32 = 20;

/// A message of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// 16-bit little-endian samples.
    Audio(Bytes),
    /// A message as the data channel carries it.
    Message(String),
    TooLong,
    BadAudio,
    Nothing,
}

/// `{"type":"audio","payload":"<base64>"}`
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, borrow)]
    payload: Option<Text<'a>>,
}

/// Copied only where it has escapes, as `\/`, which some clients write into base64.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

pub fn read(message: Message) -> Incoming {
    match message {
        Message::Binary(bytes) => Incoming::Audio(bytes),
        Message::Text(text) => {
            if let Ok(Envelope { kind, payload }) = serde_json::from_str::<Envelope<'_>>(&text)
                && kind.0 == "audio"
            {
                let decoded = payload.and_then(|payload| STANDARD.decode(payload.0.as_bytes()).ok());
                return decoded.map_or(Incoming::BadAudio, |bytes| Incoming::Audio(bytes.into()));
            }
            if text.len() > MAX_TEXT {
                return Incoming::TooLong;
            }
            Incoming::Message(text.to_string())
        }
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Incoming::Nothing,
    }
}

/// The control message that goes with a message of the session, where there is one.
pub fn control(message: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct State<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(default)]
        state: Option<&'a str>,
    }
    let State { kind, state } = serde_json::from_str(message).ok()?;
    let event = match (kind, state) {
        ("state", Some("speaking")) => "emma_speaking",
        ("state", Some(state @ ("listening" | "thinking"))) => state,
        ("ended", _) => "call_ended",
        _ => return None,
    };
    Some(json!({"type": "control", "event": event}).to_string())
}

/// Puts samples together from bytes cut anywhere.
#[derive(Debug, Default)]
pub struct Pcm {
    half: Option<u8>,
}

impl Pcm {
    pub fn samples(&mut self, bytes: &[u8]) -> Vec<f32> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        for &byte in bytes {
            match self.half.take() {
                None => self.half = Some(byte),
                Some(low) => samples.push(f32::from(i16::from_le_bytes([low, byte])) / 32_768.0),
            }
        }
        samples
    }
}

/// The audio a client may send; `rate` is that of its audio, Hz.
pub fn audio_allowance(rate: u32, now: Instant) -> Bucket {
    let rate = f64::from(rate);
    Bucket::new(AUDIO_AT_ONCE_S * rate, AUDIO_PACE * rate, now)
}

/// The messages a client may send.
pub fn message_allowance(now: Instant) -> Allowance {
    Allowance::new(MESSAGES_PER_SECOND, now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    // spec: CALL-2
    #[test]
    fn audio_is_taken_in_both_forms_and_nonsense_is_told_apart() {
        let bytes = Bytes::from_static(&[1, 2, 3, 4]);
        assert_eq!(read(Message::Binary(bytes.clone())), Incoming::Audio(bytes.clone()));
        assert_eq!(
            read(Message::text(r#"{"type":"audio","payload":"AQIDBA=="}"#)),
            Incoming::Audio(bytes)
        );
        assert_eq!(
            read(Message::text(r#"{"type":"aud\u0069o","payload":"AQI\/"}"#)),
            Incoming::Audio(Bytes::from_static(&[1, 2, 0x3f])),
            "escapes are JSON too"
        );
        assert_eq!(
            read(Message::text(r#"{"type":"audio","payload":"%"}"#)),
            Incoming::BadAudio
        );
        assert_eq!(read(Message::text(r#"{"type":"audio"}"#)), Incoming::BadAudio);
        assert_eq!(read(Message::text("x".repeat(MAX_TEXT + 1))), Incoming::TooLong);
        assert_eq!(
            read(Message::text("{{")),
            Incoming::Message("{{".to_owned()),
            "the session answers it"
        );
        let mut pcm = Pcm::default();
        let cut: Vec<f32> = [&[0_u8][..], &[64, 0], &[192]]
            .iter()
            .flat_map(|part| pcm.samples(part))
            .collect();
        assert_eq!(cut, [0.5, -0.5]);
    }

    // spec: CALL-2
    #[test]
    fn states_of_emma_are_control_events_too() {
        let event = |message: &str| {
            let control: serde_json::Value = serde_json::from_str(&control(message)?).unwrap();
            assert_eq!(control["type"], "control");
            Some(control["event"].as_str().unwrap().to_owned())
        };
        assert_eq!(
            event(r#"{"type":"state","state":"speaking"}"#).as_deref(),
            Some("emma_speaking")
        );
        assert_eq!(
            event(r#"{"type":"state","state":"listening"}"#).as_deref(),
            Some("listening")
        );
        assert_eq!(
            event(r#"{"type":"state","state":"thinking"}"#).as_deref(),
            Some("thinking")
        );
        assert_eq!(
            event(r#"{"type":"ended","status":"completed"}"#).as_deref(),
            Some("call_ended")
        );
        assert_eq!(event(r#"{"type":"state","state":"paused"}"#), None);
        assert_eq!(event(r#"{"type":"caption","text":"speaking"}"#), None);
    }

    // spec: CALL-2
    #[tokio::test(start_paused = true)]
    async fn audio_may_come_in_gusts_but_not_faster_than_it_is_spoken() {
        let start = Instant::now();
        let mut allowance = audio_allowance(16_000, start);
        assert!(
            allowance.take(16_000.0 * 30.0, start),
            "a stalled network gives back what it held"
        );
        assert!(!allowance.take(16_000.0, start));
        let mut now = start;
        for _ in 0..600 {
            now += Duration::from_secs(1);
            assert!(allowance.take(16_000.0, now));
        }
        let refused = (0..600).filter(|_| {
            now += Duration::from_secs(1);
            !allowance.take(48_000.0, now)
        });
        assert!(refused.count() > 200);
    }
}
