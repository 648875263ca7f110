//! Adapters and HTTP.

pub mod silero;
pub mod smart_turn;
pub mod whisper;
