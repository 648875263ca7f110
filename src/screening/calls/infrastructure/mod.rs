//! Adapters and HTTP.

pub mod store;
pub mod http;
pub mod webrtc;
pub mod kokoro;
pub mod piper;
pub mod voice;
pub mod voice_cache;
pub mod silero;
pub mod smart_turn;
pub mod whisper;
