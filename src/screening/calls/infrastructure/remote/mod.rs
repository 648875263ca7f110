//! What remote speech services have in common: when they are asked, what follows them, and what they send.
//!
//! A remote service is always the beginning of a chain that ends with the embedded models: [`FallbackTranscription`]
//! and [`FallbackSpeech`]. Each service has a [`Circuit`] that keeps calls from waiting for one that does not work.

pub mod circuit;
pub mod failure;
pub mod pcm;
pub mod speech;
pub mod transcription;

pub use circuit::{Circuit, Standing};
pub use speech::{FallbackSpeech, RemoteVoice};
pub use transcription::{FallbackTranscription, RemoteEars};

use crate::screening::calls::domain::ports::SpeechError;

/// Counts how a request to an adapter came out.
fn count(adapter: &'static str, outcome: &'static str) {
    metrics::counter!("emma_speech_requests_total", "adapter" => adapter, "outcome" => outcome).increment(1);
}

/// The name of an outcome in the metrics.
fn outcome(error: &SpeechError) -> &'static str {
    match error {
        SpeechError::Cancelled => "cancelled",
        SpeechError::Overloaded => "overloaded",
        SpeechError::TimedOut => "timed_out",
        SpeechError::KeyRefused => "key_refused",
        SpeechError::RateLimited { .. } => "rate_limited",
        SpeechError::Failed(_) => "failed",
    }
}
